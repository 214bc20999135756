"""What the front has freed goes back to the system: pieces of pictures, between what stays."""

import os
import platform
import subprocess
import sys

import pytest

#: Uploads in several threads, of which something small stays; prints the bytes that stay with it.
UPLOADS = """
import os
import threading

from retouch_daemon.front.allocator import give_back_freed_memory

if {told}:
    give_back_freed_memory()


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


kept = []


def work():
    for turn in range(200):
        pieces = [bytes(range(256)) * 2048 for piece in range(8)]
        kept.append(bytes(600))
        del pieces[::2]
        kept.append(bytes(600))
        del pieces


work()
before = resident()
threads = [threading.Thread(target=work) for thread in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(resident() - before)
"""


def left(told):
    command = [sys.executable, "-c", UPLOADS.format(told=told)]
    told_by = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(told_by)}
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is told, glibc alone knows")
def test_freed_pieces_do_not_stay():
    given_back = left(True)
    assert given_back < 6 << 20
    assert given_back < left(False)
