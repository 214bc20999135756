"""Cancels a job when GIMP ends the plug-in: the Cancel of GIMP's own progress bar kills it at once.

A small process of its own holds the other end of a pipe. When the pipe breaks while GIMP itself is
still there, a person has cancelled; the guard then cancels exactly that job.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from daemon_folder import daemon_folder
from plugin_kit.client import Retouch, RetouchError


class JobGuard:
    """Guards one job from before it is submitted until it is over.

    Args:
        kept: the file that remembers the edit; a cancelled one is forgotten.
        client_job_id: the edit's own name of its job.
    """

    def __init__(self, kept: Path, client_job_id: str) -> None:
        command = [sys.executable, os.path.abspath(__file__), str(os.getppid()), str(kept)]
        self._process = subprocess.Popen(
            [*command, client_job_id],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=os.name == "posix",
        )

    def __enter__(self) -> JobGuard:
        return self

    def over(self) -> None:
        """Let the guard go: the job is over. Harmless twice."""
        if self._process.poll() is None:
            self._process.communicate("over\n")

    def __exit__(self, *_: object) -> None:
        self.over()


def main() -> None:
    """Wait for the plug-in's end, and cancel its job unless it is over or GIMP has ended, too."""
    host, kept, client_job_id = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    if sys.stdin.readline().strip() == "over" or _ended(host):
        return
    kept.unlink(missing_ok=True)
    try:
        _cancel(client_job_id)
    except RetouchError:
        return  # the daemon is gone, and the job with it


def _cancel(client_job_id: str) -> None:
    retouch = Retouch.find("gimp", daemon_folder())
    for _ in range(3):  # its submission may be under way
        jobs = [each for each in retouch.jobs() if each.get("clientJobId") == client_job_id]
        if jobs:
            retouch.cancel([str(jobs[0]["jobId"])])
            return
        time.sleep(0.5)


def _ended(process: int) -> bool:
    """Whether a process ends within a moment: GIMP and its plug-ins are killed one by one."""
    for _ in range(5):
        time.sleep(0.1)
        if not process_alive(process):
            return True
    return False


def process_alive(process: int) -> bool:
    """Tell whether a process is there; on Windows, where that cannot be asked so, it is."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # one that has ended and was not asked for its status yet is there, too
        words = Path(f"/proc/{process}/stat").read_text("ascii", "replace")
    except OSError:
        return True  # no /proc here
    return words.rpartition(")")[2].split()[:1] != ["Z"]


if __name__ == "__main__":
    main()
