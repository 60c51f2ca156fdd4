# SPDX-License-Identifier: MIT
"""`sluice get` of logs that `sluice serve` has: what was there when it asked arrives, whole."""

import threading
import unittest

from other_servers import pausing_proxy
from support import LOOPS, MIB, finish, make_file, serve, settle, start_sluice, temp_folder

SIZE = 16 * MIB + 123
LINE = b"a line of a log\n"


def append(log, lines=1000):
    with open(log, "ab") as opened:
        for _ in range(lines):
            opened.write(LINE)
            opened.flush()


class Writing:
    """Appends to a log all the time."""

    def __init__(self, log):
        self.log, self.must_end = log, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.must_end.wait(0.005):
            append(self.log, 10)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.must_end.set()
        self.thread.join()


class Logs(unittest.TestCase):
    def setUp(self):
        self.folder, scratch = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.log, self.file = make_file(self.folder / "log", SIZE), scratch / "log"

    def servers(self):
        for loop in LOOPS:
            yield serve(self.addCleanup, self.folder, env={"SLUICE_LOOP": loop})

    def assert_got(self, process, least=SIZE):
        done = finish(process)
        self.assertEqual(done.code, 0, done.err)
        got = self.file.read_bytes()
        self.assertGreaterEqual(len(got), least)
        self.assertTrue(self.log.read_bytes().startswith(got), "not the log's first bytes")
        self.file.unlink()
        self.assertEqual(list(self.file.parent.iterdir()), [])
        return len(got), done.err

    def half_way(self, server):
        """A get that has some of the log, and waits for the rest."""
        proxy = pausing_proxy(self.addCleanup, server.port)
        process = start_sluice("get", "-o", self.file, proxy.url("/log"))
        proxy.wait()
        return proxy, process

    def test_one_that_is_written_to_all_the_time(self):
        for server in self.servers():
            with Writing(self.log):
                for _ in range(3):
                    size = self.log.stat().st_size
                    url = server.url("log")
                    self.assert_got(start_sluice("get", "-o", self.file, url), size)
                proxy, process = self.half_way(server)
                append(self.log)
                proxy.go_on()
                self.assert_got(process)

    def test_one_that_was_quiet_and_grows(self):
        for server in self.servers():
            settle(self.log)
            promised = self.log.stat().st_size
            proxy, process = self.half_way(server)
            append(self.log)
            proxy.go_on()
            size, told = self.assert_got(process)
            self.assertEqual(size, promised)
            self.assertIn(f"these are its first {promised} bytes", told)

    def test_one_that_grows_in_its_last_bytes(self):
        """The server is done when the log grows; only the closing question can tell."""
        for server in self.servers():
            settle(self.log)
            promised = self.log.stat().st_size
            proxy = pausing_proxy(self.addCleanup, server.port, promised - 1000)
            process = start_sluice("get", "-o", self.file, proxy.url("/log"))
            proxy.wait()
            append(self.log)
            proxy.go_on()
            self.assertEqual(self.assert_got(process)[0], promised)


if __name__ == "__main__":
    unittest.main()
