"""One record as one line of JSON, chained to the line before it.

``{"number":7,"time":...,...,"previous":"<64 digits>","mac":"<64 digits>"}``: ``previous`` is the
SHA-256 of the whole line before, without its end; ``mac`` is the HMAC-SHA256 of everything before
``,"mac"``. It is computed over the bytes as they stand, so there is no second way to write the
same record, and changing any byte breaks it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from retouch_safety.audit.errors import InvalidAudit
from retouch_safety.audit.key_file import AuditKey

LONGEST_LINE: Final = 64 << 10  # bytes, with its end
_START: Final = b',"mac":"'
_END: Final = b'"}'
_MAC: Final = 64


class ChainHead(NamedTuple):
    """The end of a chain: publish it elsewhere, and nobody can rewrite what came before.

    Attributes:
        number: of the last record; 0 of an empty log.
        digest: SHA-256 of its line, 64 hexadecimal digits; zeros of an empty log.
    """

    number: int
    digest: str


GENESIS: Final = ChainHead(0, "0" * 64)


@dataclass(frozen=True)
class Record:
    """One record, as it was read.

    Attributes:
        number: position in the chain, from 1.
        time: ISO 8601 in UTC.
        event: what happened.
        previous: SHA-256 of the line before it.
        fields: everything else.
    """

    number: int
    time: str
    event: str
    previous: str
    fields: dict[str, Any]


class BadLine(ValueError):
    """A line that is not a record; the text says why."""


def written(fields: dict[str, Any], time: str, after: ChainHead, key: AuditKey) -> bytes:
    """Return the next line of a chain, with its end.

    Raises:
        InvalidAudit: over 64 KB.
    """
    whole = {"number": after.number + 1, "time": time, **fields, "previous": after.digest}
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    body = text[:-1].encode("ascii")
    line = body + _START + key.record_mac(body) + _END + b"\n"
    if len(line) > LONGEST_LINE:
        fix = "record fewer scores"
        raise InvalidAudit("entry", f"{len(line)} bytes", f"up to {LONGEST_LINE}", fix)
    return line


def head_of(line: bytes, record: Record) -> ChainHead:
    """Return the head of a chain that ends in this line (with or without its end)."""
    return ChainHead(record.number, hashlib.sha256(line.removesuffix(b"\n")).hexdigest())


def parsed(line: bytes, key: AuditKey | None) -> Record:
    """Read a line and check its HMAC.

    Args:
        line: with its end.
        key: None when only the chain can be checked.

    Raises:
        BadLine: why it is not a record.
    """
    if not line.endswith(b"\n"):
        raise BadLine("the line is cut")
    body, mac = _split(line[:-1])
    if key is not None and not hmac.compare_digest(mac, key.record_mac(body)):
        raise BadLine("its content does not match its HMAC: changed, or written with another key")
    try:
        fields = json.loads(body + b"}")
        number, time = fields.pop("number"), fields.pop("time")
        event, previous = fields.pop("event"), fields.pop("previous")
    except (ValueError, KeyError, AttributeError, RecursionError) as error:
        raise BadLine("it is not a record of this log") from error
    if not isinstance(number, int) or not all(isinstance(v, str) for v in (time, event, previous)):
        raise BadLine("it is not a record of this log")
    return Record(number, time, event, previous, fields)


def check_follows(record: Record, before: ChainHead) -> None:
    """Check that a record comes right after a head.

    Raises:
        BadLine: why it does not.
    """
    if record.number != before.number + 1:
        missing = f"record {before.number + 1} is missing, or was moved"
        raise BadLine(f"it is record {record.number}, after record {before.number}: {missing}")
    if record.previous != before.digest:
        raise BadLine("it does not continue the record before it, which was replaced")


def _split(line: bytes) -> tuple[bytes, bytes]:
    tail = len(_START) + _MAC + len(_END)
    body, rest = line[:-tail], line[-tail:]
    if len(line) <= tail or len(line) >= LONGEST_LINE:
        raise BadLine(f"it has {len(line)} bytes")
    if not rest.startswith(_START) or not rest.endswith(_END):
        raise BadLine("it does not end in an HMAC")
    return body, rest[len(_START) : -len(_END)]
