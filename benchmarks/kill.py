"""Kill a daemon's processes at random while clients work: is anything lost?

Several daemons, each with clients of its own, share one installation: keys, audit log. Everything
that is random comes from the seed. Front, engine and gate are killed with ``kill -9``, alone and
together, at work and while they are being started; every client follows its jobs through all of it,
drops its own streams now and then, and fetches every result. Afterwards every job is read again,
every file is compared with what the undisturbed edit gives, and the audit log is verified.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import record
from endurance.edits import KnownEdit, known_edits
from endurance.followers import Follower
from endurance.kept_jobs import Record
from endurance.killing import Killed, kill_by_schedule, schedule
from endurance.proofs import audit_verified, judged_files, lost_jobs, unsealed_blobs
from endurance.reference import Undisturbed
from endurance.served import Served

#: Clients of a daemon, and jobs that each of them has open.
CLIENTS, JOBS_AT_ONCE = 2, 2
#: Seconds that the last jobs have to end after the last kill.
_PATIENCE = 300.0
_SHOWN = 8


class Trial:
    """One daemon with its clients.

    Args:
        served: the daemon.
        edits: what is asked.
        seed: of what is random.
    """

    def __init__(self, served: Served, edits: list[KnownEdit], seed: int) -> None:
        self.served, self.edits, self.seed = served, edits, seed
        self.record, self.killed = Record(), Killed()
        self.lost: defaultdict[str, list[str]] = defaultdict(list)
        self.late = 0

    async def run(self, kills: int) -> None:
        """Everything but the proofs that need no daemon."""
        self.served.start()
        while not await asyncio.to_thread(self.served.serves):
            await asyncio.sleep(0.2)
        followers = [
            Follower(self.served.endpoint, f"client-{number}", self.edits, self.seed, self.record)
            for number in range(CLIENTS)
        ]
        await followers[0].upload()
        for edit in self.edits:
            await followers[0].once(edit)
        await self._disturbed(followers, kills)
        for follower in followers:
            for name, sentences in (await lost_jobs(follower)).items():
                self.lost[name] += sentences
            await follower.close()

    async def _disturbed(self, followers: list[Follower], kills: int) -> None:
        work = [asyncio.create_task(each.work(JOBS_AT_ONCE)) for each in followers]
        blows = schedule(self.seed, kills)
        name = self.served.folder.name
        self.killed = await kill_by_schedule(
            self.served, blows, lambda: self.record.results, lambda text: print(f"{name}: {text}")
        )
        for each in followers:
            each.stopping = True
        _, late = await asyncio.wait(work, timeout=_PATIENCE)
        self.late = len(late)
        for task in late:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def main() -> int:
    """Run it, print what came of it, and return 1 where anything was lost."""
    parser = record.arguments("Is anything lost when a daemon's processes are killed?")
    parser.add_argument("--kills", type=int, default=200, help="processes that are killed")
    parser.add_argument("--seed", type=int, default=0, help="of which and when")
    parser.add_argument("--daemons", type=int, default=2, help="daemons at a time")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RETOUCH_HOME"] = str(Path(folder) / "home")
        results, losses = asyncio.run(_run(Path(folder), options))
    rows = [[name, value] for name, value in results.items() if not isinstance(value, dict)]
    record.print_table(["what", "count"], rows)
    for sentence in losses[: _SHOWN * 4]:
        print(f"LOST: {sentence}")
    if options.json:
        record.write_json(options.json, options.seed, {"kill": results, "losses": losses})
    print("nothing was lost" if not losses else f"{len(losses)} losses")
    return 1 if losses else 0


async def _run(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    from retouch_safety import Installation

    edits = known_edits(options.seed)
    installation = Installation.default()
    undisturbed = await asyncio.to_thread(Undisturbed, edits, installation)
    each = [options.kills // options.daemons] * options.daemons
    each[0] += options.kills - sum(each)
    trials = [
        Trial(Served(folder / f"daemon-{number}"), edits, options.seed * 1000 + number)
        for number in range(options.daemons)
    ]
    began = time.monotonic()
    try:
        await asyncio.gather(*(t.run(kills) for t, kills in zip(trials, each, strict=True)))
        took = time.monotonic() - began
        return await asyncio.to_thread(_judged, trials, undisturbed, took)
    finally:
        for trial in trials:
            await asyncio.to_thread(trial.served.stop)


def _judged(
    trials: list[Trial], undisturbed: Undisturbed, took: float
) -> tuple[dict[str, Any], list[str]]:
    counted: Counter[str] = Counter()
    waits: list[float] = []
    found: dict[str, list[str]] = {
        name: [] for name in ("jobs", "results", "numbers", "unsealed", "different", "other")
    }
    for trial in trials:
        _count(trial, undisturbed, counted, found)
        waits += trial.killed.waits
    intact, words = audit_verified()
    if not intact:
        found["other"].append(f"the audit log: {words}")
    kills = sum(counted[name] for name in ("front", "engine", "gate"))
    results: dict[str, Any] = {
        **{f"kills of {name}s": counted[name] for name in ("front", "engine", "gate")},
        "kills": kills,
        "seconds": took,
        "seconds per kill": took / max(1, kills),
        "median seconds from a kill to the next result": statistics.median(waits or [0.0]),
        "acknowledged jobs": counted["jobs"],
        "results": counted["results"],
        "files compared bit by bit": counted["files"],
        "events": counted["events"],
        "streams taken up again": counted["resumed"],
        "submits sent again": counted["resent"],
        "stored blobs looked at": counted["blobs"],
        "jobs lost": len(found["jobs"]),
        "results lost": len(found["results"]),
        "event numbers twice or out of order": len(found["numbers"]),
        "pictures without receipt or mark": len(found["unsealed"]),
        "results unlike the undisturbed ones": len(found["different"]),
        "other faults": len(found["other"]),
        "audit log intact": str(intact),
        "audit": {"says": words},
    }
    losses = [f"{name}: {each}" for name, all_ in found.items() for each in all_]
    return results, losses


def _count(
    trial: Trial, undisturbed: Undisturbed, counted: Counter[str], found: dict[str, list[str]]
) -> None:
    jobs = trial.record.jobs
    counted.update(trial.killed.counts)
    counted["jobs"] += len(jobs)
    counted["results"] += trial.record.results
    counted["files"] += sum(len(job.files) for job in jobs.values())
    counted["events"] += sum(len(job.events) for job in jobs.values())
    counted["resumed"] += trial.record.resumed
    counted["resent"] += trial.record.resent
    for name, sentences in trial.lost.items():
        found[name] += sentences
    found["numbers"] += trial.record.order
    found["other"] += trial.record.errors + trial.served.complaints()
    if trial.killed.stuck:
        found["other"].append(trial.killed.stuck)
    if trial.late:
        found["other"].append(f"{trial.late} clients had open jobs {_PATIENCE:g} s after it")
    for name, sentences in judged_files(jobs.values(), undisturbed).items():
        found[name] += sentences
    uploaded = {digest: data for edit in trial.edits for digest, data in edit.blobs.items()}
    looked, unsealed = unsealed_blobs(trial.served.folder / "blobs", uploaded, undisturbed)
    counted["blobs"] += looked
    found["unsealed"] += unsealed


if __name__ == "__main__":
    sys.exit(main())
