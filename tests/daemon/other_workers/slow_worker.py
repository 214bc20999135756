"""A worker that answers questions, each after as many seconds as its payload says."""

import socket
import sys
import time

from retouch_daemon.link.blocking import CLOSED, BlockingLink
from retouch_daemon.link.frames import Frame


def main():
    link = BlockingLink(socket.socket(fileno=int(sys.argv[sys.argv.index("--link") + 1])))
    link.send(Frame("ready"))
    link.beat(0.2)
    while (question := link.receive()) is not CLOSED:
        time.sleep(float(question.payload or 0))
        link.send(Frame(question.kind, {"call": question.values["call"]}, question.payload))


if __name__ == "__main__":
    main()
