# SPDX-License-Identifier: MIT
"""`sluice serve` with an access log, or an explanation, that nobody takes: no client waits for it,
what is lost is counted and said, and the end comes all the same."""

import os
import re
import signal
import subprocess
import unittest

from support import (
    WAIT,
    LogLine,
    Raw,
    Server,
    request_bytes,
    start_sluice,
    temp_folder,
    wait_until,
)

REQUESTS = 5000  # whose lines no pipe holds, and the queue does
LONG, LONG_ONES = "x" * 8000, 1000  # whose lines the queue does not hold


class Logged(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        (self.folder / "small.txt").write_bytes(b"hello\n")

    def serve(self, log, *options):
        server = Server(self.folder, "--workers", "2", "--access-log", log, *options)
        self.addCleanup(self.kill, server)
        return server

    @staticmethod
    def kill(server):
        server.process.kill()
        server.process.wait(WAIT)
        server.log_file.close()
        server.error_file.close()

    def pipe(self):
        """A pipe with a name, and its end for reading."""
        name = temp_folder(self.addCleanup) / "pipe"
        os.mkfifo(name)
        end = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, end)
        return name, end

    def ask(self, server, count, target="/small.txt", status=200):
        with server.connect() as connection:
            for first in range(0, count, 10):
                batch = min(10, count - first)
                connection.send(request_bytes(target) * batch)
                for _ in range(batch):
                    self.assertEqual(connection.answer().status, status)

    def read(self, end, is_enough):
        """The finished lines in the pipe, as soon as they are enough."""
        data = b""

        def more():
            nonlocal data
            try:
                data += os.read(end, 1 << 20)
            except BlockingIOError:
                pass
            return is_enough(data)

        wait_until(more, "the lines in the pipe")
        self.assertTrue(data.endswith(b"\n"), data[-100:])
        return data.decode().splitlines()

    def end(self, server, status):
        """Its messages."""
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(WAIT), status, server.errors())
        return server.errors()


class NobodyReads(Logged):
    def test_a_reader_that_wakes_late_gets_every_line(self):
        name, end = self.pipe()
        server = self.serve(name)
        self.ask(server, REQUESTS)
        lines = self.read(end, lambda data: data.count(b"\n") == REQUESTS)
        self.assertEqual({LogLine(line).request for line in lines}, {"GET /small.txt HTTP/1.1"})
        self.end(server, 0)

    def test_what_does_not_fit_is_counted_where_it_is_missing(self):
        name, end = self.pipe()
        server = self.serve(name)
        self.ask(server, LONG_ONES, "/" + LONG, 404)
        said = lambda: re.search(r"^sluice: (\d+) lines were dropped", server.errors(), re.M)
        lines = self.read(end, lambda data: said() and data.endswith(b"\n"))
        dropped = int(said()[1])
        self.assertGreater(dropped, 0)
        self.ask(server, 1)
        lines += self.read(end, lambda data: b"/small.txt" in data)
        self.assertEqual(len(lines), LONG_ONES - dropped + 1)
        for line in lines[:-1]:
            self.assertEqual(LogLine(line).request, f"GET /{LONG} HTTP/1.1")
        self.assertIn(f"sluice: {dropped} lines were dropped in all", self.end(server, 1))

    def test_it_ends_and_says_that_lines_are_missing(self):
        name, _ = self.pipe()
        server = self.serve(name)
        self.ask(server, REQUESTS)
        errors = self.end(server, 1)
        self.assertRegex(errors, r"access log \S+: \d+ lines are missing: nobody reads it")

    def test_an_explanation_that_nobody_reads(self):
        arguments = ["serve", self.folder, "--listen", "127.0.0.1:0", "--explain"]
        process = start_sluice(*arguments, stdout=subprocess.DEVNULL)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        port = int(re.search(rb":(\d+)/$", process.stderr.readline())[1])
        with Raw(port) as connection:
            connection.send(request_bytes("/small.txt") * REQUESTS)
            for _ in range(REQUESTS):
                self.assertEqual(connection.answer().status, 200)
        process.terminate()
        self.assertEqual(process.wait(WAIT), 1)


class CannotBeWritten(Logged):
    def test_a_full_disk(self):
        server = self.serve("/dev/full")
        self.ask(server, 10)
        errors = self.end(server, 1)
        self.assertEqual(len(re.findall("access log /dev/full: No space left", errors)), 1, errors)
        self.assertRegex(errors, "access log /dev/full: 10 lines are missing: No space left")

    def test_a_reader_that_has_gone(self):
        name, end = self.pipe()
        server = self.serve(name)
        self.ask(server, 1)
        self.read(end, lambda data: data.count(b"\n") == 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), end)
        self.ask(server, 10)
        self.assertRegex(self.end(server, 1), "10 lines are missing: Broken pipe")


if __name__ == "__main__":
    unittest.main()
