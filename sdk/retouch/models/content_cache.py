"""What networks have answered before, found by the content of what they were asked.

A second edit of the same picture need not encode it again. A value is found by the sha256 of all
that it depends on, and is what it was to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from hashlib import _Hash

#: Bytes of host memory that a library spends by default.
DEFAULT_BYTES = 256 * 2**20
# What an entry takes beside its tensors: its key and the objects around them.
_OVERHEAD = 1024


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What a cache has done since it was made.

    Attributes:
        hits: values found, by kind.
        misses: values that had to be made, by kind.
        evictions: values that made room.
        entries: values there now.
        bytes: that they take.
    """

    hits: Mapping[str, int]
    misses: Mapping[str, int]
    evictions: int
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    tensors: Mapping[str, tuple[Tensor, torch.device]]
    bytes: int


class ContentCache:
    """Tensors by content, the least recently used dropped; shared by threads.

    It keeps copies in host memory and hands out copies, so that nobody who changes a tensor changes
    what the next one gets.

    Args:
        max_bytes: most bytes of tensors; 0 turns it off, and nothing is hashed either.
    """

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        self._max_bytes = max(0, max_bytes)
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = self._evictions = 0
        self._hits: Counter[str] = Counter()
        self._misses: Counter[str] = Counter()

    @property
    def enabled(self) -> bool:
        """Whether anything is ever kept."""
        return self._max_bytes > 0

    def remember(
        self, kind: str, parts: tuple[Any, ...], make: Callable[[], Mapping[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        """What ``make`` gives, or gave for equal parts before.

        Args:
            kind: what it is; kinds are counted apart and never mixed up.
            parts: all that the value depends on; see :func:`content_key`.
            make: called where it is not known; tensors by name.
        """
        if not self.enabled:
            return make()
        key = content_key(kind, *parts)
        known = self.find(kind, key)
        if known is not None:
            return known
        made = make()
        self.keep(key, made)
        return made

    def find(self, kind: str, key: str) -> dict[str, Tensor] | None:
        """Copies of the tensors of a key, on the devices that they were on; None if unknown."""
        with self._lock:
            entry = self._entries.get(key)
            (self._misses if entry is None else self._hits)[kind] += 1
            if entry is None:
                return None
            self._entries.move_to_end(key)
        kept = entry.tensors.items()
        return {name: tensor.to(device, copy=True) for name, (tensor, device) in kept}

    def keep(self, key: str, tensors: Mapping[str, Tensor]) -> None:
        """Keep copies of tensors; what is larger than the whole cache is not kept."""
        size = _OVERHEAD + sum(tensor.nbytes for tensor in tensors.values())
        if size > self._max_bytes:
            return
        copies = {
            name: (tensor.detach().to("cpu", copy=True), tensor.device)
            for name, tensor in tensors.items()
        }
        with self._lock:
            if key in self._entries:  # made twice at once; they are alike
                return
            self._entries[key] = _Entry(copies, size)
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, oldest = self._entries.popitem(last=False)
                self._bytes -= oldest.bytes
                self._evictions += 1

    def counts(self) -> CacheCounts:
        """Hits, misses, evictions and size; may be asked in any thread."""
        with self._lock:
            return CacheCounts(
                dict(self._hits),
                dict(self._misses),
                self._evictions,
                len(self._entries),
                self._bytes,
            )

    def clear(self) -> None:
        """Forget all values; the counts stay."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0


def weights_digest(sha256: str, *parts: Any) -> str:
    """What stands for loaded weights in keys: equal where they compute alike to the last bit.

    Args:
        sha256: of the weights; empty for those made in memory, which get a random digest.
        parts: what else decides what they compute: configurations, number format.
    """
    return content_key(sha256, *parts) if sha256 else secrets.token_hex(32)


def config_text(config: Any) -> str:
    """The configuration of a network of diffusers or transformers as text."""
    known = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    return json.dumps(known, sort_keys=True, default=str)


def content_key(*parts: Any) -> str:
    """The sha256 of values, such that different values never have the same key.

    Args:
        parts: None, bool, int, float, str, bytes, tensors and arrays (with number format and
            shape), and tuples, lists and mappings of them.

    Raises:
        TypeError: another type, of which nobody knows the content.
    """
    hashed = hashlib.sha256()
    _feed(hashed, parts)
    return hashed.hexdigest()


def _feed(hashed: _Hash, part: Any) -> None:
    """Every value goes in with its type and length, so that no two sequences read alike."""
    if isinstance(part, Tensor):
        _feed_bytes(hashed, "tensor", f"{part.dtype}{tuple(part.shape)}".encode())
        flat = part.detach().cpu().contiguous().reshape(-1)
        hashed.update(flat.view(torch.uint8).numpy().data)
    elif isinstance(part, np.ndarray):
        _feed_bytes(hashed, "array", f"{part.dtype.str}{part.shape}".encode())
        hashed.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
    elif isinstance(part, tuple | list):
        _feed_bytes(hashed, "sequence", str(len(part)).encode())
        for each in part:
            _feed(hashed, each)
    elif isinstance(part, Mapping):
        _feed_bytes(hashed, "mapping", str(len(part)).encode())
        for name in sorted(part):
            _feed(hashed, name)
            _feed(hashed, part[name])
    elif isinstance(part, str | bytes):
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        _feed_bytes(hashed, type(part).__name__, data)
    elif isinstance(part, float):
        _feed_bytes(hashed, "float", struct.pack("<d", part))
    elif part is None or isinstance(part, bool | int):
        _feed_bytes(hashed, type(part).__name__, str(part).encode())
    else:
        raise TypeError(f"content_key: cannot tell the content of a {type(part).__name__}")


def _feed_bytes(hashed: _Hash, kind: str, data: bytes) -> None:
    hashed.update(f"{kind} {len(data)} ".encode())
    hashed.update(data)
