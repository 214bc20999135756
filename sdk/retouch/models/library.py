"""Loaded models and adapters, shared by edits and lent out for the time of one."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from retouch.errors import ModelError, ModelInUse, ModelInvalid, RetouchError
from retouch.models.adapters import load_clip, load_ip_adapter
from retouch.models.borrowing import Borrowing, Loan
from retouch.models.cache import ModelCache
from retouch.models.choosing import choose_preview
from retouch.models.content_cache import DEFAULT_BYTES, CacheCounts, ContentCache
from retouch.models.geometry import read_geometry
from retouch.models.loading import load_checkpoint
from retouch.models.model import Model
from retouch.models.preview import PreviewDecoder, load_preview
from retouch.models.records import ModelRecord, find_model
from retouch.models.t2i_adapter import load_t2i_adapter

if TYPE_CHECKING:
    from retouch.models.detect import Kind


def ignore_bytes(name: str, count: int) -> None:
    """Take no interest in how far loading is."""


class Library:
    """Every model of this process: loaded once, shared, the least recently used dropped.

    Args:
        device: where models run; CUDA when there is one.
        dtype: number format; measured choice when None.
        capacity: bytes of weights to keep loaded; what edits use stays beyond that, too.
        contents_bytes: bytes of host memory for what networks have encoded before (prompts,
            pictures, references, inversions); 0 remembers nothing.
        idle_seconds: models that nobody has used for so long are dropped; None keeps them.
        on_bytes: told, while a checkpoint is loaded, its name and how many bytes of its weights,
            as they are on the disk, are in memory; in the thread that loads.
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        capacity: int = 12 * 2**30,
        contents_bytes: int = DEFAULT_BYTES,
        idle_seconds: float | None = None,
        on_bytes: Callable[[str, int], None] = ignore_bytes,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = dtype
        self._on_bytes = on_bytes
        self._contents = ContentCache(contents_bytes)
        self._cache: ModelCache[Any] = ModelCache(
            self._load,
            _size,
            capacity,
            expected=lambda name: find_model(name).bytes,
            idle_seconds=idle_seconds,
            on_released=self._free,
        )

    @contextmanager
    def borrow(self) -> Iterator[Loan]:
        """A loan: whatever is asked of it stays loaded until the block ends."""
        with self.borrow_later(()) as borrowing:
            yield borrowing.loan()

    def borrow_later(
        self, names: Iterable[str], on_ready: Callable[[], None] = lambda: None
    ) -> Borrowing:
        """Models for one edit, loaded in threads of the library's own while others go on.

        Args:
            names: of all that the edit is known to need.
            on_ready: called whenever one of them has been loaded or has failed, perhaps in another
                thread.
        """
        return Borrowing(self._cache, names, on_ready)

    def forget(self) -> None:
        """Forget what networks have encoded: no trace of any picture is left in memory."""
        self._contents.clear()

    @property
    def contents(self) -> CacheCounts:
        """How often networks were spared; may be asked in any thread."""
        return self._contents.counts()

    @property
    def bytes(self) -> int:
        """Bytes of the weights in memory; may be asked in any thread."""
        return self._cache.bytes

    def loaded(self) -> tuple[str, ...]:
        """Names of the models in memory, the least recently used one first."""
        return self._cache.names()

    def load(self, name: str) -> None:
        """Load a model ahead of its use; it stays until its room is needed.

        Raises:
            ModelMissing, ModelInvalid.
        """
        with self._cache.lease(name):
            return

    def unload(self, name: str) -> bool:
        """Give a model's memory back; return whether it was loaded.

        Raises:
            ModelInUse: an edit has borrowed it.
        """
        dropped = self._cache.drop(name)
        if dropped is None:
            raise ModelInUse(name)
        if dropped:
            self._free()
        return dropped

    def _free(self) -> None:
        """Give memory back to the system that torch would keep for its next tensors."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _load(self, name: str) -> Any:
        record = find_model(name)
        loaders: dict[Kind, Callable[[ModelRecord], Any]] = {
            "checkpoint": self._load_model,
            # Adapters are small next to the network and run once per picture: full precision.
            "ip_adapter": lambda r: load_ip_adapter(r.path, device=self.device),
            "t2i_adapter": lambda r: load_t2i_adapter(r.path, device=self.device),
            "clip": lambda r: load_clip(r.path, device=self.device),
            "preview": lambda r: load_preview(r.path, device=self.device),
        }
        try:
            return loaders[record.kind](record)
        except RetouchError:
            raise
        except Exception as problem:  # the disk's, the memory's, a library's
            said = f"it cannot be loaded ({type(problem).__name__}: {problem})"
            fix = f"run `retouch models verify {name}`; free memory where there is too little"
            raise ModelInvalid(name, said, fix) from problem

    def _load_model(self, record: ModelRecord) -> Model:
        self._on_bytes(record.name, 0)
        checkpoint = load_checkpoint(record, on_bytes=partial(self._on_bytes, record.name))
        preview = preview_of(record, float(checkpoint.vae.config.scaling_factor), self.device)
        return Model(
            checkpoint,
            device=self.device,
            dtype=self.dtype,
            preview=preview,
            contents=self._contents,
        )


def preview_of(
    record: ModelRecord, scaling_factor: float, device: torch.device
) -> PreviewDecoder | None:
    """A model's preview decoder; a damaged one is no reason not to edit."""
    try:
        base = read_geometry(record).base
        found = choose_preview(record.name, base, scaling_factor)
        return None if found is None else load_preview(found.path, device=device)
    except ModelError:
        return None


def _size(loaded: Any) -> int:
    return int(loaded.bytes)
