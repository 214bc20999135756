"""Calls in Connect's form: what arrives, what is refused, and that leaving ends the call."""

import base64
import json
import time

import grpc
import pytest

from retouch.v1 import blob_service_pb2, catalog_service_pb2, edit_service_pb2, errors_pb2
from retouch_bridge.gateway.methods import METHODS
from retouch_bridge.gateway.refusals import refusal_of
from retouch_daemon.front.status_details import status_details

NOWHERE = "0" * 64


def kinds(frames):
    names = ("queued", "phases", "progress", "preview", "result", "warning", "done", "failed")
    return [next(n for n in (*names, "cancelled", "blocked", "updated") if n in e) for e in frames]


def events(frames):
    return [message["event"] for flags, message in frames if flags == 0]


def test_hello_needs_no_token_and_says_what_does(bridged, wire_of):
    wire = wire_of(bridged.gateway, None)
    found = wire.ask("GET", "/v1/hello")
    assert found.status == 200
    assert found.json["product"] == "retouch" and found.json["needs"] == "token"
    assert found.headers["Cache-Control"] == "no-store"


def test_a_call_in_json_and_in_binary_is_the_same(wire):
    asked = blob_service_pb2.MissingRequest(sha256=[NOWHERE])
    binary = wire.ask(
        "POST", "/retouch.v1.BlobService/Missing", asked.SerializeToString(),
        Content_Type="application/proto",
    )  # fmt: skip
    text = wire.call("BlobService/Missing", {"sha256": [NOWHERE]})
    assert binary.status == text.status == 200
    assert binary.headers["Content-Type"] == "application/proto"
    answer = blob_service_pb2.MissingResponse.FromString(binary.body)
    assert [each.sha256 for each in answer.missing] == [NOWHERE]
    assert text.json == {"missing": [{"sha256": NOWHERE}]}


def test_the_catalogue_is_what_grpc_says(editing, bridged, wire):
    found = wire.call("CatalogService/Describe").json["catalog"]
    with bridged.client() as client:
        said = client.describe() if hasattr(client, "describe") else None
    names = {each["name"] for each in found["operations"]}
    assert {"sdedit", "soft_mask", "t2i_adapter"} <= names
    assert said is None or {each.name for each in said.operations} == names


def test_errors_carry_the_daemons_own_details(wire, edit):
    wrong = edit(wire, operations=[{"sdedit": {"strength": 1.5}}])
    found = wire.call("EditService/Plan", {"edit": wrong})
    assert found.status == 400 and found.json["code"] == "invalid_argument"
    (detail, *_) = found.json["details"]
    assert detail["type"] == "retouch.v1.Failed"
    assert detail["debug"]["fieldPath"] == "operations[0].sdedit.strength"
    padded = detail["value"] + "=" * (-len(detail["value"]) % 4)
    failed = errors_pb2.Failed.FromString(base64.b64decode(padded))
    assert failed.value == "1.5" and failed.fix and failed.message in found.json["message"]


def test_a_refusal_of_the_gate_is_blocked_and_not_failed(wire, edit):
    refused = edit(wire, prompt={"text": "a naked child"})
    found = events(wire.frames("EditService/Run", {"edit": refused}))
    (blocked,) = (each["blocked"] for each in found if "blocked" in each)
    assert blocked["stage"] == "GATE_STAGE_PROMPT" and blocked["advice"]


def test_a_status_of_the_gates_is_blocked_too():
    blocked = errors_pb2.Blocked(stage=errors_pb2.GATE_STAGE_DETECTOR, advice="Crop it.")
    status = grpc.StatusCode.PERMISSION_DENIED
    whole = status_details(status, "Crop it.", blocked, 2.5)
    for trailing in (
        (("retouch-blocked-bin", blocked.SerializeToString()),),
        (("grpc-status-details-bin", whole),),
    ):
        trailing = grpc.aio.Metadata(*trailing)
        found = refusal_of(grpc.aio.AioRpcError(status, grpc.aio.Metadata(), trailing, "Crop it."))
        assert (found.code, found.status, found.words) == ("permission_denied", 403, "Crop it.")
        first = found.described()["details"][0]
        assert first["debug"] == {"stage": "GATE_STAGE_DETECTOR", "advice": "Crop it."}
    assert found.headers == (("retry-after", "3"),)
    lost = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "connect failed"
    )
    assert "the daemon does not answer" in refusal_of(lost).words


def test_a_job_is_submitted_watched_and_fetched(wire, edit):
    request = edit(wire, output={"delivery": "DELIVERY_PATCH", "preview": {"everySteps": 2}})
    submitted = wire.call("EditService/Submit", {"edit": request}).json
    again = wire.call("EditService/Submit", {"edit": request}).json
    assert again["known"] and again["job"]["jobId"] == submitted["job"]["jobId"]
    frames = list(wire.frames("EditService/Watch", {"jobId": submitted["job"]["jobId"]}))
    assert frames[-1] == (2, {})
    found = events(frames)
    assert kinds(found)[-1] == "done" and {"progress", "result"} <= set(kinds(found))
    result = next(each["result"] for each in found if "result" in each)
    assert result["seed"] == "5", "64-bit integers are texts"
    picture = wire.ask("GET", f"/v1/blobs/{result['patch']['sha256']}")
    assert picture.body.startswith(b"\x89PNG")
    later = events(wire.frames(
        "EditService/Watch",
        {"jobId": submitted["job"]["jobId"], "fromSeq": found[-1]["seq"]},
    ))  # fmt: skip
    assert kinds(later) == ["done"]


def test_an_error_of_a_stream_is_its_last_frame(wire):
    frames = list(wire.frames("EditService/Watch", {"jobId": "none"}))
    ((flags, last),) = frames
    assert flags == 2 and last["error"]["code"] == "not_found"
    assert last["error"]["details"][0]["debug"]["fix"]


def state_of(wire, client_job_id):
    jobs = wire.call("EditService/ListJobs").json["jobs"]
    return next((j["state"] for j in jobs if j["clientJobId"] == client_job_id), None)


def ends_as(wire, client_job_id, wanted, seconds=120):
    ends = time.monotonic() + seconds
    while (state := state_of(wire, client_job_id)) != wanted:
        assert time.monotonic() < ends, state
        time.sleep(0.05)


def test_whoever_leaves_a_run_cancels_it(wire, edit):
    request = edit(wire, steps=200)
    frames = wire.frames("EditService/Run", {"edit": request})
    next(frames)
    frames.close()
    ends_as(wire, request["clientJobId"], "JOB_STATE_CANCELLED")


def test_whoever_leaves_a_watch_leaves_no_call_behind(wire, edit):
    request = edit(wire, steps=200)
    job = wire.call("EditService/Submit", {"edit": request}).json["job"]["jobId"]
    watching = [wire.frames("EditService/Watch", {"jobId": job}) for _ in range(5)]
    for each in watching:
        next(each)
    assert wire.ask("GET", "/status.json").json["watchers"] >= 5
    for each in watching:
        each.close()
    ends = time.monotonic() + 60
    while wire.ask("GET", "/status.json").json["watchers"]:
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert wire.call("EditService/Cancel", {"jobIds": [job]}).json["jobIds"] == [job]


def test_a_time_limit_of_the_call_is_kept(wire, edit):
    request = edit(wire, steps=200)
    job = wire.call("EditService/Submit", {"edit": request}).json["job"]["jobId"]
    data = json.dumps({"jobId": job}).encode()
    body = b"\0" + len(data).to_bytes(4, "big") + data
    found = wire.ask(
        "POST", "/retouch.v1.EditService/Watch", body,
        Content_Type="application/connect+json", Connect_Timeout_Ms="300",
    )  # fmt: skip
    last = json.loads(found.body[found.body.rindex(b'{"error"') :])
    assert last["error"]["code"] == "deadline_exceeded"
    wire.call("EditService/Cancel", {"jobIds": [job]})


@pytest.mark.parametrize(
    ("path", "kind", "body", "status", "code"),
    [
        ("EditService/Plan", "text/plain", b"{}", 415, "invalid_argument"),
        ("EditService/Plan", "", b"{}", 415, "invalid_argument"),
        ("EditService/Plan", "application/json; charset=latin-1", b"{}", 415, "invalid_argument"),
        ("EditService/Plan", "application/connect+json", b"{}", 415, "invalid_argument"),
        ("EditService/Watch", "application/json", b"{}", 415, "invalid_argument"),
        ("EditService/Plan", "application/json", b"{", 400, "invalid_argument"),
        ("EditService/Plan", "application/json", b"[1]", 400, "invalid_argument"),
        ("EditService/Plan", "application/json", b"\xff\xfe", 400, "invalid_argument"),
        ("EditService/Plan", "application/json", b"[" * 100_000, 400, "invalid_argument"),
        ("EditService/Plan", "application/json", b'{"no": 1}', 400, "invalid_argument"),
        ("EditService/Plan", "application/proto", b"\xff\xff", 400, "invalid_argument"),
        ("EditService/Watch", "application/connect+json", b"\0\0", 400, "invalid_argument"),
        ("EditService/Watch", "application/connect+json", b"\0\0\0\0\x09{}", 400,
         "invalid_argument"),
        ("EditService/Watch", "application/connect+json", b"\x01\0\0\0\x02{}", 501,
         "unimplemented"),
        ("EditService/Watch", "application/connect+json", b"\0\0\0\0\x02{}x", 400,
         "invalid_argument"),
        ("EditService/Live", "application/connect+json", b"", 501, "unimplemented"),
        ("BlobService/Put", "application/connect+proto", b"", 501, "unimplemented"),
        ("EditService/No", "application/json", b"{}", 404, "unimplemented"),
        ("../v1/hello", "application/json", b"{}", 404, "unimplemented"),
    ],
)  # fmt: skip
def test_what_is_no_call_is_one_clear_error(wire, path, kind, body, status, code):
    found = wire.ask("POST", f"/retouch.v1.{path}", body, Content_Type=kind)
    assert (found.status, found.json["code"]) == (status, code)
    assert "Fix: " in found.json["message"] and found.json["details"]


def test_a_message_that_is_too_long_is_refused_before_it_is_read(editing, wire):
    found = wire.call("EditService/Plan", {"edit": {"prompt": {"text": "x" * (5 << 20)}}})
    assert found.status == 413 and found.json["code"] == "resource_exhausted"
    smaller = wire.call("EditService/Plan", {"edit": {"prompt": {"text": "x" * (2 << 20)}}})
    assert smaller.status == 400 and "1048576" in smaller.json["message"], "the daemon's own limit"


def test_only_post_calls(wire):
    found = wire.ask("GET", "/retouch.v1.EditService/Plan")
    assert found.status == 405 and found.headers["Allow"] == "POST"


def test_quotas_are_the_daemons_and_say_when_to_come_back(own_bridged, start_with_gateway, wire_of):
    start_with_gateway(own_bridged, "--client-calls-burst", "3", "--client-calls-per-second", "0.1")
    wire = wire_of(own_bridged.gateway, own_bridged.token)
    found = [wire.call("BlobService/Missing", {}) for _ in range(4)]
    assert [each.status for each in found] == [200, 200, 200, 429]
    assert 1 <= int(found[-1].headers["Retry-After"]) <= 10
    types = [each["type"] for each in found[-1].json["details"]]
    assert types == ["retouch.v1.Failed", "google.rpc.RetryInfo"]
    other = wire_of(own_bridged.gateway, own_bridged.token, "another")
    assert other.call("BlobService/Missing", {}).status == 200


def test_services_and_methods_are_those_of_the_stubs():
    assert METHODS["EditService/Plan"].request is edit_service_pb2.PlanRequest
    assert METHODS["CatalogService/Describe"].response is catalog_service_pb2.DescribeResponse
    assert METHODS["EditService/Live"].takes_stream and METHODS["EditService/Live"].gives_stream
    assert len(METHODS) == 19
