"""What is looked at when all is over: every job, every file that was served, and the audit log."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import grpc

from endurance.followers import Follower
from endurance.kept_jobs import SeenJob
from endurance.reference import Undisturbed

_PROCESSES = min(4, os.cpu_count() or 1)
_COMMAND = "from retouch.cli.main import main; main()"


async def lost_jobs(follower: Follower) -> dict[str, list[str]]:
    """Read every job of a client again from its first event on, and fetch every picture again.

    Returns:
        Sentences, by what they are about: ``jobs``, ``numbers``, ``results``.
    """
    found: dict[str, list[str]] = {"jobs": [], "numbers": [], "results": []}
    for job in follower.jobs:
        problem = job.incomplete()
        found["jobs"] += [problem] if problem else []
        try:
            found["numbers"] += job.differs(await follower.read_again(job))
            for file in job.files:
                if await follower.fetch(file.digest) != file.data:
                    found["results"].append(f"{job.job_id}: {file.digest} has other bytes now")
        except grpc.aio.AioRpcError as error:
            words = f"{job.job_id}: {error.code().name}: {error.details()}"
            found["results"].append(words)
    return found


def judged_files(jobs: Iterable[SeenJob], undisturbed: Undisturbed) -> dict[str, list[str]]:
    """Look at every file that a client got: sealed, and what the undisturbed edit gives.

    In as many processes as there are cores: a mark is written into every expected picture.

    Returns:
        Sentences, by what they are about: ``unsealed``, ``different``.
    """
    every = list(jobs)
    parts = [every[start :: 4 * _PROCESSES] for start in range(4 * _PROCESSES)]
    found: dict[str, list[str]] = {"unsealed": [], "different": []}
    context = multiprocessing.get_context("spawn")  # gRPC's threads do not survive a fork
    with ProcessPoolExecutor(_PROCESSES, mp_context=context) as pool:
        for part in pool.map(_judged_in_turn, parts, [undisturbed] * len(parts)):
            for name, sentences in part.items():
                found[name] += sentences
    return found


def _judged_in_turn(jobs: list[SeenJob], undisturbed: Undisturbed) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"unsealed": [], "different": []}
    for job in jobs:
        for file in job.files:
            verdict = undisturbed.check(job.edit, file.variant, file.form, file.data)
            words = f"{job.job_id} ({job.edit.name}, {file.form}): {verdict.problem}"
            if not verdict.sealed:
                found["unsealed"].append(words)
            elif not verdict.same:
                found["different"].append(words)
    return found


def unsealed_blobs(
    folder: Path, uploaded: Mapping[str, bytes], undisturbed: Undisturbed
) -> tuple[int, list[str]]:
    """Look at every stored blob that nobody has uploaded: all must have come through a gate.

    Among them are pictures that a gate released just before it was killed, of which nobody was
    told, and previews.

    Returns:
        How many were looked at, and sentences about those that are not sealed.
    """
    files = [file for file in sorted(folder.glob("??/*")) if file.name not in uploaded]
    found = []
    for file in files:
        problem = undisturbed.unsealed(file.read_bytes())
        if problem:
            found.append(f"blob {file.name}: {problem}")
    return len(files), found


def audit_verified() -> tuple[bool, str]:
    """``retouch audit verify`` of this installation: whether it is intact, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, "audit", "verify", "--json"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    try:
        words = json.loads(done.stdout)
    except ValueError:
        words = (done.stdout + done.stderr)[-500:]
    return done.returncode == 0, json.dumps(words)
