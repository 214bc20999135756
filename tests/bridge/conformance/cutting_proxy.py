"""A way to the real gateway that breaks: it cuts the connection after so many bytes, once."""

import re
import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """Passes bytes on between a client and a gateway.

    Args:
        address: of the gateway.
    """

    def __init__(self, address):
        self._to = address
        self._cuts = {"up": None, "down": None}
        self.passed = {"up": 0, "down": 0}
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, way, after):
        """Cut the next connection that passes so many bytes ``up`` or ``down``."""
        with self._lock:
            self._cuts[way] = after
            self.passed = {"up": 0, "down": 0}

    def close(self):
        self._socket.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                host, _, port = self._to.rpartition(":")
                server = socket.create_connection((host, int(port)))
                for way, source, sink in (("up", client, server), ("down", server, client)):
                    arguments = (way, source, sink)
                    threading.Thread(target=self._pass, args=arguments, daemon=True).start()

    def _pass(self, way, source, sink):
        mine, theirs = self.address.encode(), self._to.encode()
        host = re.compile(rb"(?i)(\r\nhost: )" + re.escape(mine))
        with suppress(OSError):
            while data := source.recv(65536):
                if way == "up":  # the gateway asks for its own name
                    data = host.sub(lambda found: found[1] + theirs, data)
                sink.sendall(data)
                if self._is_over(way, len(data)):
                    break
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _is_over(self, way, count):
        with self._lock:
            self.passed[way] += count
            limit = self._cuts[way]
            if limit is None or self.passed[way] < limit:
                return False
            self._cuts[way] = None
            return True
