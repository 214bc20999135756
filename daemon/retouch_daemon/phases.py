"""The parts of a job's work, in order; progress names one by its number."""

from __future__ import annotations

from typing import Final

from retouch.v1 import job_pb2, plan_pb2

#: Models come into memory, where they are not there yet; of that share nobody knows before.
LOAD: Final = 0
#: Network calls.
DENOISE: Final = 1
#: Bytes that loading counts as one step.
_STEP_BYTES: Final = 1 << 20


def load_steps(count: int) -> int:
    """Steps of loading so many bytes."""
    return -(-count // _STEP_BYTES)


def phases(load_bytes: int, calls: int) -> job_pb2.Phases:
    """The parts of a job that loads so many bytes at most and makes so many network calls."""
    loading = plan_pb2.Phase(name="load", steps=max(1, load_steps(load_bytes)), share=0.0)
    denoising = plan_pb2.Phase(name="denoise", steps=max(1, calls), share=1.0)
    return job_pb2.Phases(phases=[loading, denoising])
