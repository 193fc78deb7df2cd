"""A connection to the service that can be cut and mended, as a server or a network is lost and found."""

import socket
import threading
from contextlib import suppress


class Link:
    """Forwards a port of its own to a port of this machine; `cut` ends every connection and refuses new ones."""

    def __init__(self, port):
        self.target, self.pairs, self.whole = port, [], True
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self):
        self.whole = False
        for one in self.pairs:
            for end in one:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()

    def mend(self):
        self.whole = True

    def close(self):
        self.cut()
        self.server.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
                self.pairs.append((near, far))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=ends, daemon=True).start()


def _copy(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
