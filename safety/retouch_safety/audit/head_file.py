"""The head file: how far the log had come when the last append returned.

The chain alone does not show that records are missing at its end. This file does, within one
folder; against someone who puts back an older copy of everything, publish the head elsewhere.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from retouch_safety.audit.errors import AuditFailed
from retouch_safety.audit.key_file import AuditKey
from retouch_safety.audit.line import ChainHead
from retouch_safety.durable_files import PRIVATE, replace_whole

_FIX = "run `retouch audit verify`, keep the folder as it is, and start a new log elsewhere"


def write_head(path: Path, head: ChainHead, key: AuditKey) -> None:
    """Replace the head file.

    Raises:
        OSError: a full disk, an I/O error; the old one is still there.
    """
    mac = key.head_mac(_body(head)).decode()
    text = json.dumps({"number": head.number, "digest": head.digest, "mac": mac})
    replace_whole(path, text.encode() + b"\n", PRIVATE)


def read_head(path: Path, key: AuditKey) -> ChainHead | None:
    """Return the head, or None before the first record.

    Raises:
        AuditFailed: it is damaged, or was written with another key.
    """
    try:
        fields = json.loads(path.read_bytes())
        head = ChainHead(int(fields["number"]), str(fields["digest"]))
        mac = str(fields["mac"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditFailed("read", f"{path.name}: {error}", "check its permissions") from error
    except (ValueError, KeyError, TypeError) as error:
        raise AuditFailed("damaged", f"{path.name} is not a head", _FIX) from error
    if not hmac.compare_digest(mac.encode(), key.head_mac(_body(head))):
        reason = f"{path.name} does not match its HMAC: changed, or written with another key"
        raise AuditFailed("damaged", reason, _FIX)
    return head


def _body(head: ChainHead) -> bytes:
    return f"{head.number} {head.digest}".encode()
