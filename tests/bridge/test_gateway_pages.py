"""Status, numbers, and the files of the studio."""

from retouch_bridge.gateway import studio_files


def test_status_and_numbers_are_the_daemons(bridged, wire):
    numbers = wire.ask("GET", "/metrics")
    assert numbers.status == 200 and b"retouch_jobs" in numbers.body
    assert numbers.headers["Content-Type"].startswith("text/plain")
    status = wire.ask("GET", "/status.json").json
    assert status["format"] == 1 and status["gateway"]["address"] == bridged.gateway
    assert "gateway" in {each["role"] for each in status["processes"]}


def test_the_root_is_the_studio(wire):
    found = wire.ask("GET", "/")
    assert found.status == 307 and found.headers["Location"] == "/studio/"


def test_the_studios_files_are_served_and_nothing_else(wire):
    for path in (
        "/studio/../gateway/settings.py",
        "/studio/%2e%2e/gateway/settings.py",
        "/studio/none",
    ):
        found = wire.ask("GET", path)
        assert found.status == 404 and found.json["code"] == "not_found"
    found = wire.ask("GET", "/studio/")
    assert found.status == (200 if studio_files.FOLDER.is_dir() else 404)
    policy = found.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and f"ws://{wire.address}" in policy
    assert found.headers["X-Frame-Options"] == "DENY"
    assert wire.ask("POST", "/studio/index.html").status in (404, 405)


def test_what_is_not_there_is_said(wire):
    found = wire.ask("GET", "/v1/nothing")
    assert found.status == 404 and found.json["code"] == "not_found"
    assert wire.ask("GET", "/v1/pair").status == 405
