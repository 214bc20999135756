"""What the front has freed goes back to the system: pieces of pictures, between what stays."""

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
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what is resident in /proc")
def test_freed_pieces_do_not_stay():
    given_back = left(True)
    assert given_back < 6 << 20
    assert given_back < left(False)
