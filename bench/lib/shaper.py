# SPDX-License-Identifier: MIT
"""A proxy that holds each connection to a rate, and all of them together to another: shaper.py PORT RATE LINK.
Says "port N" first, and then twice a second how many bytes have come through."""

import contextlib
import socket
import sys
import threading
import time

PIECE = 128 << 10
LATE = 0.2  # seconds that one may catch up with


class Pace:
    """When the next bytes may go."""

    def __init__(self, rate):
        self.rate, self.next, self.lock = rate, 0.0, threading.Lock()

    def wait(self, count):
        with self.lock:
            start = max(self.next, time.monotonic() - LATE)
            self.next = start + count / self.rate
        time.sleep(max(0.0, start - time.monotonic()))


class Shaper:
    def __init__(self, target, rate, link):
        self.target, self.rate, self.link = target, rate, Pace(link)
        self.passed, self.lock = 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            threading.Thread(target=self.ask, args=(client, server), daemon=True).start()
            with contextlib.suppress(OSError):
                self.bring(server, client)
            for each in (client, server):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def bring(self, server, client):
        pace = Pace(self.rate)
        while data := server.recv(PIECE):
            pace.wait(len(data))
            self.link.wait(len(data))
            client.sendall(data)
            with self.lock:
                self.passed += len(data)

    @staticmethod
    def ask(client, server):
        with contextlib.suppress(OSError):
            while data := client.recv(PIECE):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)


def main():
    shaper = Shaper(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    print(f"port {shaper.listener.getsockname()[1]}", flush=True)
    threading.Thread(target=shaper.serve, daemon=True).start()
    while True:
        print(f"{time.monotonic():.3f} {shaper.passed}", flush=True)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
