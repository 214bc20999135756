"""How the daemon's workers, engine and gate, are started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

#: Seconds without a sign of life after which a worker counts as hung.
SILENCE: Final = 5.0
#: Signs of life within that time.
_BEATS: Final = 5
#: Seconds that one step of a worker may take: a network call, what an operation does between two,
#: a decoding. So an operation that never ends is noticed. It is long: a large model on a processor
#: takes a minute for one row, and forwards have many.
STEP_SECONDS: Final = 300.0
#: Seconds that a worker's start may go without any news: it may take long, as from a slow disk, but
#: it gets on. So one that hangs before it is ready is noticed.
START_SECONDS: Final = 120.0
#: What the engine's process is told beside that, where this process is told nothing of it. oneDNN
#: compiles every convolution anew for every number of rows and every size of picture, and keeps
#: 1024 of them. One small network with 1 to 16 rows of three sizes needs 1805: with too few it was
#: 5 to 6 % slower, as it compiled the same again and again.
ENGINE_ENVIRONMENT: Final = MappingProxyType({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "4096"})
#: Its former name, which users may have set.
_FORMER: Final = "DNNL_PRIMITIVE_CACHE_CAPACITY"
#: Seconds between two starts, doubled at every failure up to the second number; a worker that has
#: lived for as long as that counts as sound.
PAUSES: Final = (0.2, 30.0)


@dataclass(frozen=True, slots=True)
class Command:
    """How one worker is started.

    Attributes:
        name: what messages call it.
        module: of Python, that is its process.
        arguments: of its command line, beside the link.
        silence: seconds without a sign of life after which it counts as hung.
        start_seconds: the same while it starts.
        pauses: seconds between two starts, and most of them.
        environment: variables beside this process's own.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    silence: float = SILENCE
    start_seconds: float = START_SECONDS
    pauses: tuple[float, float] = PAUSES
    environment: Mapping[str, str] = field(default_factory=dict)

    def words(self, descriptor: int) -> list[str]:
        """The command line of its process, which inherits the socket ``descriptor``."""
        beat = f"{self.silence / _BEATS:g}"
        start = (sys.executable, "-m", self.module, "--link", str(descriptor), "--beat", beat)
        return [*start, *self.arguments]


@dataclass(frozen=True, slots=True)
class EngineMemory:
    """What the engine keeps in memory.

    Attributes:
        model_bytes: of weights; what edits use stays beyond that, too.
        cache_bytes: of what networks have encoded before; 0 remembers nothing.
        model_idle_seconds: after which a model that nobody uses is dropped; 0 keeps them.
    """

    model_bytes: int = 12 << 30
    cache_bytes: int = 256 << 20
    model_idle_seconds: float = 0.0

    def words(self) -> tuple[str, ...]:
        """Options of the engine's command line: those that are not its defaults."""
        given = [
            (f"--{each.name.replace('_', '-')}", str(getattr(self, each.name)))
            for each in fields(self)
            if getattr(self, each.name) != each.default
        ]
        return tuple(word for pair in given for word in pair)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How the workers are started.

    Attributes:
        blobs: folder of the blobs.
        device: of the engine, ``cpu`` or ``cuda``; None lets it choose.
        row_cap: most rows of one forward.
        policy: profile of the gate.
        gate_device: of the gate's decoder; None takes the engine's.
        silence: seconds without a sign of life after which a worker counts as hung.
        step_seconds: that one step may take; a worker that is longer at one gives no sign of life.
        start_seconds: without any news of it, after which a worker that starts counts as hung.
        pauses: seconds between two starts of one, and most of them.
        environment: variables beside this process's own.
        memory: what the engine keeps in memory.
        engine_module: what is started as the engine.
        gate_module: what is started as the gate.
    """

    blobs: Path
    device: str | None = None
    row_cap: int = 16
    policy: str = "standard"
    gate_device: str | None = None
    silence: float = SILENCE
    step_seconds: float = STEP_SECONDS
    start_seconds: float = START_SECONDS
    pauses: tuple[float, float] = PAUSES
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: EngineMemory = field(default_factory=EngineMemory)
    engine_module: str = "retouch_daemon.engine"
    gate_module: str = "retouch_daemon.gate"

    @property
    def engine(self) -> Command:
        """How the engine is started."""
        given = ("--blobs", str(self.blobs), "--row-cap", str(self.row_cap), *_on(self.device))
        command = self._command("engine", self.engine_module, (*given, *self.memory.words()))
        is_set = any(name in os.environ for name in (*ENGINE_ENVIRONMENT, _FORMER))
        environment = ({} if is_set else dict(ENGINE_ENVIRONMENT)) | dict(self.environment)
        return replace(command, environment=environment)

    @property
    def gate(self) -> Command:
        """How the gate is started."""
        device = _on(self.gate_device or self.device)
        given = ("--blobs", str(self.blobs), "--policy", self.policy, *device)
        return self._command("gate", self.gate_module, given)

    def _command(self, name: str, module: str, given: tuple[str, ...]) -> Command:
        given += ("--step-seconds", f"{self.step_seconds:g}")
        limits = self.silence, self.start_seconds, self.pauses
        return Command(name, module, given, *limits, self.environment)


def _on(device: str | None) -> tuple[str, ...]:
    return () if device is None else ("--device", device)
