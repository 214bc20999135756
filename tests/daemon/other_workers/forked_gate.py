"""The real gate in a process that is there at once, and dies or hangs where a test wants it to.

``python -m forked_gate PATH`` loads everything once and waits. ``python -m forked_gate --link FD``,
which a front starts as its gate, gives its link to that process, which forks: the child is the
gate. So a gate is started again in a tenth of a second, and can be killed between any two steps.
"""

import contextlib
import os
import socket
import sys
import time
from pathlib import Path

FOLDER = "FORKED_GATE_FOLDER"
#: Seconds that a slow decoding takes, and one that hangs.
SLOW, HANGS = 4.5, 20.0


def hand_over(link, words):
    """Have a child of the loaded process be the gate; wait until it has ended."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(Path(os.environ[FOLDER]) / "loaded"))
    socket.send_fds(connection, ["\0".join(words).encode()], [link])
    os.close(link)
    connection.recv(1)
    os._exit(9)


class Points:
    """Places at which a gate can end: in ``die_at`` is the number of the one to end at."""

    def __init__(self, folder):
        self.folder, self.left, self.passed = folder, -1, 0

    def arm(self):
        order, self.left = self.folder / "die_at", -1
        if order.exists():
            self.left, self.passed = int(order.read_text()), 0
            order.unlink()

    def reached(self):
        if self.left >= 0:
            if self.passed == self.left:
                os._exit(7)
            self.passed += 1
            (self.folder / "passed").write_text(str(self.passed))


def instrumented(folder):
    """Put a point before every step of an edit's way through the gate."""
    from retouch.admitted import Admitted
    from retouch.models.decoder import Decoder
    from retouch.v1 import edit_pb2
    from retouch_daemon.gate import checked_edit
    from retouch_daemon.gate.answers import Answers
    from retouch_daemon.gate.loop import GateLoop
    from retouch_daemon.link.blocking import BlockingLink
    from retouch_safety.gate import Gate

    points = Points(folder)

    def between(owner, name, wanted=lambda *args: True):
        real = getattr(owner, name)

        def stepped(*args, **given):
            if wanted(*args):
                points.reached()
            return real(*args, **given)

        setattr(owner, name, stepped)

    for owner, name in (
        (checked_edit, "read_request"), (checked_edit, "make_plan"), (checked_edit, "unpacked"),
        (Gate, "admit"), (Gate, "release"), (Decoder, "decode"), (Admitted, "tried"),
        (Answers, "result"), (Answers, "preview"),
    ):  # fmt: skip
        between(owner, name)
    between(BlockingLink, "send", lambda link, frame: frame.kind != "beat")

    admit, tell_at, decode = GateLoop._admit, GateLoop._tell_at, Decoder.decode
    names, mode = {}, [""]

    def admitting(loop, frame):
        points.arm()
        name = edit_pb2.EditRequest.FromString(frame.payload).client_job_id
        names[frame.values["job_id"]] = name
        if ":kills the gate:" in name:
            os._exit(7)
        admit(loop, frame)

    def telling_at(loop, job_id):
        mode[0] = names.get(job_id, "")
        tell_at(loop, job_id)
        if not loop._edits:  # it is over: the next one is another try
            points.left = -1

    def decoding(decoder, latents, **given):
        if ":kills the decoder:" in mode[0]:
            os._exit(7)
        if ":hangs:" in mode[0] and not (folder / "hung").exists():
            (folder / "hung").touch()
            BlockingLink.send = lambda link, frame: time.sleep(HANGS) or os._exit(7)
            time.sleep(HANGS)
        if ":slow:" in mode[0]:
            (folder / "decoding").touch()
            time.sleep(SLOW)
        return decode(decoder, latents, **given)

    GateLoop._admit, GateLoop._tell_at, Decoder.decode = admitting, telling_at, decoding


def load(path):
    """Load all that a gate needs; then fork one for everybody who asks."""
    import torch

    torch.set_num_threads(1)
    from retouch.models.decoder_library import DecoderLibrary
    from retouch_daemon.gate.loop import GateLoop
    from retouch_daemon.link.blocking import BlockingLink
    from retouch_safety import Gate, Job, PromptFields

    gate = Gate()
    gate.admit(Job(texts=PromptFields(prompt="a red house")))
    library = DecoderLibrary(device="cpu", dtype=torch.float32)
    with library.borrow("retouch-mini") as decoder:
        decoder.decode(torch.zeros(1, 4, 32, 32))
    instrumented(Path(os.environ[FOLDER]))
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    while True:
        connection, _ = listening.accept()
        words, links, _, _ = socket.recv_fds(connection, 4096, 1)
        if os.fork() == 0:
            listening.close()
            (Path(os.environ[FOLDER]) / "pid").write_text(str(os.getpid()))
            given = words.decode().split("\0")
            told = dict(zip(given[::2], given[1::2], strict=True))
            link = BlockingLink(socket.socket(fileno=links[0]))
            loop = GateLoop(link, gate, "cpu", Path(told["--blobs"]))
            loop._decoders._dtype, loop._decoders._library = "float32", library
            with contextlib.suppress(OSError):
                loop.run(float(told["--beat"]))
            os._exit(0)
        connection.close()
        os.close(links[0])


if __name__ == "__main__":
    if sys.argv[1] == "--link":
        hand_over(int(sys.argv[2]), sys.argv[3:])
    else:
        load(sys.argv[1])
