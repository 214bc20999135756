"""What the engine may say. It runs third parties' operations: nothing that it says is a picture.

Numbers, short texts, and latents that only the gate can make a picture of. Anything else is not
handed on, and the engine that said it is not trusted any more.
"""

from __future__ import annotations

from typing import Final

from retouch.v1 import errors_pb2
from retouch_daemon.link.frames import (
    MOST_LATENTS,
    MOST_LOOK,
    MOST_WORDS,
    BrokenFrame,
    Frame,
    Value,
)

LOADING, PROGRESS, LOOK, FINISHED, FAILED = "loading", "progress", "look", "finished", "failed"
_KINDS: Final = (LOADING, PROGRESS, LOOK, FINISHED, FAILED)
#: Kinds of which the latents go to the gate -> the values that go with them.
_HANDED_ON: Final = {
    LOOK: ("job_id", "attempt", "digest", "trajectory", "done", "of"),
    FINISHED: ("job_id", "attempt", "digest", "order"),
}
_MOST_BYTES: Final = {
    LOADING: 0, PROGRESS: 0, LOOK: MOST_LOOK, FINISHED: MOST_LATENTS, "beat": 0, "ready": 0
}  # fmt: skip
#: Number formats that the gate can decode in.
_DTYPES: Final = ("float32", "bfloat16", "float16")
#: Longest text of an error that reaches a client, and longest name of a device.
_TEXT: Final = 2000
_DEVICE: Final = 100
_TEXTS: Final = ("field_path", "value", "allowed", "message", "fix", "operation")


class NotTheEnginesWord(BrokenFrame):
    """The engine sent what only the gate may send, or what nobody asked for.

    Args:
        frame: that it sent.
        problem: in words.
    """

    def __init__(self, frame: Frame, problem: str) -> None:
        self.job_id = str(frame.values.get("job_id", ""))
        super().__init__(f"the engine sent {frame.kind!r}: {problem}")


def most_payload(kind: str) -> int:
    """Most bytes that the engine may send with a frame of a kind."""
    return _MOST_BYTES.get(kind, MOST_WORDS)


def check_kind(frame: Frame) -> None:
    """Raises NotTheEnginesWord for what only the gate may send."""
    if frame.kind not in _KINDS:
        raise NotTheEnginesWord(frame, f"allowed: {', '.join(_KINDS)}")


def of_itself(frame: Frame) -> dict[str, Value]:
    """Return what the engine says of itself when it is ready: the gate takes that for its own.

    Raises:
        NotTheEnginesWord: what no engine is.
    """
    device, dtype = frame.text("device"), frame.text("dtype")
    if dtype not in _DTYPES or len(device) > _DEVICE:
        raise NotTheEnginesWord(frame, f"it works in {dtype[:_DEVICE]!r} on {device[:_DEVICE]!r}")
    return {"device": device, "dtype": dtype}


def for_the_gate(frame: Frame) -> Frame:
    """Return latents as they are handed on: with the known values alone. Raises BrokenFrame."""
    values: dict[str, Value] = {}
    for name in _HANDED_ON[frame.kind]:
        known = isinstance(frame.values.get(name), int)
        values[name] = frame.number(name) if known else frame.text(name)
    return Frame(frame.kind, values, frame.payload)


def failed(frame: Frame) -> errors_pb2.Failed:
    """Return an edit's error. Raises DecodeError.

    Texts are cut: an error is read by people, and pixels are longer.
    """
    found = errors_pb2.Failed.FromString(frame.payload)
    short = errors_pb2.Failed(code=found.code, retryable=found.retryable)
    for name in _TEXTS:
        setattr(short, name, getattr(found, name)[:_TEXT])
    return short
