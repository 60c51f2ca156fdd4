# SPDX-License-Identifier: MIT
"""What stands between `sluice get` and its server: a proxy that holds each connection to a rate, or
that cuts, truncates and delays, and lets later answers come first. What happens to the Nth connection
follows from the seed."""

import contextlib
import random
import socket
import struct
import threading
import time
from typing import NamedTuple

from other_servers import Scripted
from support import KIB, MIB, WAIT

HOLD = 0.3  # seconds that an answer waits for another to pass it
PIECE = 256 * KIB


class Fate(NamedTuple):
    """Of one connection."""

    bytes: int = 1 << 62  # that come through
    is_reset: bool = False  # ends by RST, else by FIN
    is_held: bool = False  # its answer lets another pass
    delays: bool = False
    rate: int = 0  # bytes a second; 0: any


def cruel(seed, number):
    chance = random.Random(f"{seed} connection {number}")
    budget = chance.randrange(MIB, 32 * MIB)
    if chance.random() < 0.1:  # in the head, or before it
        budget = chance.choice((0, chance.randrange(300)))
    return Fate(budget, *(chance.random() < 0.5 for _ in range(3)))


class Hostile(Scripted):
    def __init__(self, port, fate_of):
        self.target, self.fate_of = port, fate_of
        self.passed, self.passing = 0, threading.Condition()
        self.brought = 0  # bytes, of answers, under the same lock
        super().__init__(self._relay)

    def _relay(self, peer):
        fate = self.fate_of(peer.number)
        with socket.socket() as server:
            server.settimeout(WAIT)
            server.connect(("127.0.0.1", self.target))
            forward = threading.Thread(target=self._forward, args=(peer, server), daemon=True)
            forward.start()
            with contextlib.suppress(OSError):
                self._bring(peer, server, fate)
            for each in (peer.socket, server):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD)
            forward.join()
        if fate.is_reset:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.file.close()
            peer.socket.close()

    def _bring(self, peer, server, fate):
        left, start, came = fate.bytes, time.monotonic(), 0
        chance = random.Random(peer.number)
        while left and (data := server.recv(min(left, PIECE))):
            if came == 0:
                self._pass(fate)
            if fate.delays and chance.random() < 0.05:
                time.sleep(chance.random() * 0.1)
            peer.send(data)
            left -= len(data)
            came += len(data)
            with self.passing:
                self.brought += len(data)
            if fate.rate:
                time.sleep(max(0.0, start + came / fate.rate - time.monotonic()))

    def _pass(self, fate):
        with self.passing:
            before = self.passed
            if fate.is_held:
                self.passing.wait_for(lambda: self.passed > before, HOLD)
            self.passed += 1
            self.passing.notify_all()

    @staticmethod
    def _forward(peer, server):
        with contextlib.suppress(OSError, ValueError):
            while data := peer.socket.recv(PIECE):
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)


def hostile(add_cleanup, port, fate_of):
    proxy = Hostile(port, fate_of)
    add_cleanup(proxy.close)
    return proxy
