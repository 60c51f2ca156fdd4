# SPDX-License-Identifier: MIT
"""A thousand clients of `sluice serve` that read one byte a second: others go on as if they were
not there, and the server's memory stays what its pool of buffers is."""

import re
import resource
import threading
import unittest

from support import (
    MIB,
    evict,
    is_sanitized,
    make_file,
    serve,
    skip_unless_direct,
    temp_folder,
)

CLIENTS = 1000
DESCRIPTORS = 5 * CLIENTS  # of the server: sockets and, where the file is resident, pipes
SIZE = 40 * MIB
LITTLE = 4096
BEGINNING = b"HTTP/1.1 200 OK\r\n"
POOL = 64 * MIB  # of one worker
BESIDE = 32 * MIB  # the program itself, and 1000 connections


class Slow(unittest.TestCase):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
            self.skipTest(f"needs {DESCRIPTORS} descriptors (ulimit -Hn is {hard})")
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.folder = temp_folder(self.addCleanup)
        self.files = [make_file(self.folder / f"{seed}", SIZE, seed) for seed in range(4)]
        self.bodies = [file.read_bytes() for file in self.files]

    def start_slow_ones(self, server):
        """They ask for one file each, of the four; a thread reads a byte a second from each."""
        connections = [server.connect(receive_buffer=LITTLE) for _ in range(CLIENTS)]
        self.closed = []
        end, got = threading.Event(), [b""] * CLIENTS
        for number, connection in enumerate(connections):
            self.addCleanup(connection.close)
            connection.ask(f"/{number % 4}")

        def read():
            while not end.wait(1):
                for number, connection in enumerate(connections):
                    byte = connection.socket.recv(1)
                    got[number] += byte
                    if not byte:
                        self.closed.append(number)

        thread = threading.Thread(target=read)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(end.set)
        return got

    @staticmethod
    def resident_bytes(server, kind):
        with open(f"/proc/{server.pid}/status", encoding="utf-8") as status:
            return int(re.search(rf"{kind}:\s+(\d+) kB", status.read())[1]) * 1024

    def assert_others_go_on(self, path_name):
        for file in self.files:
            evict(file)
        server = serve(self.addCleanup, self.folder, "--workers", "1", "--path", path_name)
        got = self.start_slow_ones(server)
        for _ in range(3):
            for number, body in enumerate(self.bodies):
                answer = server.request(f"/{number}")
                self.assertTrue(answer.body == body, "another's body differs")
        if not is_sanitized():
            # A mapping of the page cache counts as resident, too, and takes no memory.
            kind = "RssAnon" if path_name == "mmap" else "VmRSS"
            self.assertLess(self.resident_bytes(server, kind), POOL + BESIDE)
        self.assertTrue(all(BEGINNING.startswith(bytes_[: len(BEGINNING)]) for bytes_ in got), got)
        self.assertEqual(self.closed, [])

    def test_auto(self):
        self.assert_others_go_on("auto")

    def test_direct(self):
        skip_unless_direct("direct", self.folder)
        self.assert_others_go_on("direct")

    def test_readwrite(self):
        self.assert_others_go_on("readwrite")

    def test_mmap(self):
        self.assert_others_go_on("mmap")

    def test_sendfile(self):
        self.assert_others_go_on("sendfile")

    def test_splice(self):
        self.assert_others_go_on("splice")


if __name__ == "__main__":
    unittest.main()
