"""One frame of ``retouch top``: it fits, it says what there is, and a bad name draws nothing."""

import copy
import http.server
import json
import threading

import pytest
from rich.console import Console

from retouch.cli.main import run
from retouch.client.failures import DaemonFailed
from retouch.errors import InvalidField
from retouch_daemon.top.asking import Source
from retouch_daemon.top.frame import Frame
from retouch_daemon.top.words import duration, size, sparkline

JOB = {"job": "4f2a91c0" * 4, "client": "krita", "priority": "live", "age_seconds": 12.0,
       "pixels": 2_000_000}  # fmt: skip
STATUS = {
    "state": "serving", "uptime_seconds": 8062.0, "watchers": 2, "open_calls": 3,
    "about": {"device": "cuda", "row_cap": 16},
    "jobs": {"queued": 30, "running": 9, "done": 412},
    "running": [JOB | {"step": 5, "of_steps": 20, "remaining_seconds": 1.25, "run_seconds": 1}] * 8
    + [JOB | {"step": 0, "of_steps": 0, "remaining_seconds": None, "run_seconds": 0}],
    "queued": [JOB] * 30,
    "clients": [
        {"client": f"client-{n}", "queued": 3, "running": 1, "finished": 9, "open_calls": 1}
        for n in range(9)
    ],
    "worker": {"ready": True, "restarts": {"engine": 1, "gate": 0},
               "rows_per_forward": 6.1, "edits": 9,
               "recent_rows_per_forward": [0.0, 8.0, 16.0, 40.0], "model_bytes": 1 << 30,
               "device_bytes": 8 << 30},
    "processes": [{"role": name, "pid": 7, "resident_bytes": 1 << 27}
                  for name in ("front", "engine", "gate")],
    "blobs": {"count": 812, "bytes": 3 << 30, "limit_bytes": 16 << 30, "evictions": 3,
              "disk_free_bytes": 1 << 36},
    "gate_refusals": {"prompt": 2}, "refused_calls": {"token": 2},
}  # fmt: skip
IDLE = STATUS | {
    "jobs": {"queued": 0, "running": 0}, "running": [], "queued": [], "clients": [],
    "gate_refusals": {}, "refused_calls": {},
}  # fmt: skip


def drawn(status, width, height):
    console = Console(width=width, height=height, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(Frame(status))
    return console.export_text().rstrip("\n").splitlines()


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 40), (220, 60), (120, 24)])
@pytest.mark.parametrize("status", [STATUS, IDLE], ids=["busy", "idle"])
def test_a_frame_fits_and_leaves_a_line_for_the_prompt(size, status):
    lines = drawn(status, *size)
    assert len(lines) < size[1]
    assert max(len(line) for line in lines) <= size[0]


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_a_frame_says_what_there_is(size):
    text = "\n".join(drawn(STATUS, *size))
    for words in ("serving", "up 2 h 14 m", "RUNNING 9", "4f2a91c0", "krita", "5/20", "1.2 s",
                  "QUEUED 30", "12 s", "2.0 MP", "client-0", "412 done", "1 restart", "engine",
                  "128 MiB", "3.0 GiB of 16 GiB", "3 evicted", "gate: prompt 2",
                  "cuda"):  # fmt: skip
        assert words in text, words


def test_a_larger_terminal_shows_more():
    small, large = ("\n".join(drawn(STATUS, 140, height)) for height in (24, 60))
    assert large.count("4f2a91c0") > small.count("4f2a91c0") >= 2


def test_names_are_drawn_as_they_are():
    status = copy.deepcopy(STATUS)
    status["running"][0]["client"] = "[red]x[/red]"
    assert "[red]x[/red]" in "\n".join(drawn(status, 140, 40))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.04, "0.0 s"), (9.96, "10.0 s"), (12.4, "12 s"), (185, "3 m 05 s"),
     (8062, "2 h 14 m"), (200_000, "2 d 7 h")],
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1024, "1.0 KiB"), (98 << 20, "98 MiB"), (3 << 29, "1.5 GiB"),
     (5 << 40, "5.0 TiB"), (2000 << 40, "2000.0 TiB")],
)  # fmt: skip
def test_sizes(count, text):
    assert size(count) == text


def test_the_line_shows_the_newest_and_nothing_for_nothing():
    assert sparkline([9, 0, 1, 8, 16, 99], 4, 16) == "▁▄██"
    assert sparkline([0, 4], 4, 16) == "   ▂"
    assert sparkline([], 3, 16) == "   "


def test_no_daemon_is_one_clear_error(tmp_path, capsys):
    assert run(["top", "--folder", str(tmp_path), "--once"]) == 1
    told = capsys.readouterr().err
    assert f"no daemon answers at {tmp_path}/status" in told and "retouch serve" in told


@pytest.mark.parametrize("url", ["127.0.0.1:7861", "ftp://x", "https://"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidField, match="status address"):
        Source(url=url)


def test_over_http_the_token_is_sent_and_a_refusal_is_told(tmp_path):
    seen = []

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            right = self.headers["Authorization"] == "Bearer right"
            body = json.dumps(IDLE).encode() if right else b"authorization: wrong"
            self.send_response(200 if right else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for token in ("right", "wrong"):
            (tmp_path / token).write_text(token + "\n")
        assert Source(url=url, token_file=tmp_path / "right").read() == IDLE
        with pytest.raises(DaemonFailed, match="said 401: authorization: wrong"):
            Source(url=url, token_file=tmp_path / "wrong").read()
        server.shutdown()
    assert seen == ["Bearer right", "Bearer wrong"]
