# SPDX-License-Identifier: MIT
"""`sluice serve` and clients that are slow: to ask, or to take what they asked for. Each is let go when
its time limit is over, and nobody else has to wait."""

import concurrent.futures
import signal
import unittest

from support import MIB, WAIT, serve, temp_folder

LARGE = 48 * MIB  # more than sockets and buffers on both sides can hold
LITTLE = 65536
slow = {}  # who takes its time: all at once, as each takes a minute


def setUpModule():
    folder = temp_folder(unittest.addModuleCleanup)
    (folder / "small.txt").write_bytes(b"hello\n")
    with open(folder / "large", "wb") as file:
        file.truncate(LARGE)
    pool = concurrent.futures.ThreadPoolExecutor(8)
    unittest.addModuleCleanup(pool.shutdown)  # last, when the servers have let the clients go
    server = serve(unittest.addModuleCleanup, folder)
    ending = serve(unittest.addModuleCleanup, folder)
    slow["server"], slow["ending server"] = server, ending
    slow["stalled"] = stalled_client(server)
    unittest.addModuleCleanup(slow["stalled"].close)
    slow["stalled at the end"] = stalled_client(ending)
    unittest.addModuleCleanup(slow["stalled at the end"].close)
    ending.process.send_signal(signal.SIGTERM)
    slow["end"] = pool.submit(ending.process.wait, 45)
    slow["silent"] = pool.submit(say_slowly, server, b"")
    slow["half a head"] = pool.submit(say_slowly, server, b"GET /small.txt HTTP/1.1\r\nHo")
    slow["a drip"] = pool.submit(say_slowly, server, b"GET /small.txt HTTP/1.1\r\nX: ", drip=b"x")
    slow["an idle second"] = pool.submit(idle_after_one, server)


def stalled_client(server):
    """Asks for a large file, sees it begin, and reads no more."""
    connection = server.connect(receive_buffer=LITTLE)
    connection.ask("/large")
    connection.head()
    return connection


def say_slowly(server, words, drip=None):
    """Sends words, then one drip a second; returns what comes until the server closes."""
    with server.connect() as connection:
        connection.send(words)
        connection.socket.settimeout(1)
        for _ in range(50):
            try:
                return connection.socket.recv(LITTLE)
            except TimeoutError:
                if drip:
                    connection.send(drip)
    raise AssertionError("the server let a slow client be for 50 s")


def idle_after_one(server):
    with server.connect() as connection:
        connection.ask("/small.txt")
        connection.answer()
        connection.socket.settimeout(WAIT + 45)
        return connection.rest()


class WhatSlowClientsGot(unittest.TestCase):
    def test_a_head_that_does_not_come_is_408(self):
        for name in ("half a head", "a drip"):
            with self.subTest(name):
                self.assertRegex(slow[name].result(60), rb"^HTTP/1\.1 408 ")

    def test_a_silent_connection_is_closed(self):
        self.assertRegex(slow["silent"].result(60), rb"^(HTTP/1\.1 408 |$)")

    def test_an_idle_connection_is_closed(self):
        self.assertRegex(slow["an idle second"].result(80), rb"^(HTTP/1\.1 408 |$)")

    def test_a_client_that_takes_nothing_is_cut_off(self):
        line = slow["server"].wait_log("/large", seconds=90)
        self.assertLess(line.bytes, LARGE)
        self.assertNotEqual(line.note, "")
        self.assertLess(len(slow["stalled"].rest()), LARGE)

    def test_a_stalled_client_cannot_keep_a_server_from_ending(self):
        self.assertEqual(slow["end"].result(60), 0)

    def test_the_server_goes_on(self):
        self.assertEqual(slow["server"].request("/small.txt").body, b"hello\n")


if __name__ == "__main__":
    unittest.main()
