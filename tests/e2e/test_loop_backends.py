# SPDX-License-Identifier: MIT
"""The essential transfers where io_uring is switched off, and where the kernel refuses it."""

import os
import signal
import subprocess
import unittest

from other_servers import stalling_proxy
from support import (
    BUILD,
    MIB,
    RECEIVE_PATHS,
    SEND_PATHS,
    content,
    evict,
    finish,
    get,
    make_file,
    same,
    serve,
    skip_unless_direct,
    start_sluice,
    temp_folder,
    wait_until,
    warm,
)

SIZES = (0, 1, 4097, 5 * MIB + 123, 40 * MIB + 7)
BIG = SIZES[-1]


class WithoutIoUring:
    """Runs once for each way to be without io_uring, in the classes below."""

    how = {}

    def setUp(self):
        self.folder, self.here = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.files = [make_file(self.folder / f"file-{size}", size, size) for size in SIZES]
        self.big = self.files[-1]

    def serve(self, *options):
        return serve(self.addCleanup, self.folder, *options, **self.how)

    def test_every_path(self):
        for path_name in ("auto", *SEND_PATHS):
            with self.subTest(path_name):
                skip_unless_direct(path_name, self.folder)
                server = self.serve("--path", path_name)
                receive = path_name if path_name in RECEIVE_PATHS else "auto"
                for file in self.files:
                    for prepare in (warm, evict):
                        prepare(file)
                        copy, url = self.here / file.name, server.url(file.name)
                        done = get(url, "-o", copy, "--path", receive, **self.how)
                        self.assertEqual(done.code, 0, done.err)
                        self.assertTrue(same(copy, file), f"{file.name} differs")

    def test_io_uring_is_not_used(self):
        server = self.serve()
        with server.connect() as connection:
            connection.ask(f"/{self.big.name}")
            connection.head()
            links = f"/proc/{server.pid}/fd"
            opened = [os.readlink(f"{links}/{number}") for number in os.listdir(links)]
            self.assertFalse([name for name in opened if "io_uring" in name])
            self.assertTrue([name for name in opened if "eventpoll" in name])

    def test_ranges_and_pipelining(self):
        data = content(BIG, BIG)
        places = [(0, 0), (4095, 4097), (MIB - 1, 30 * MIB), (BIG - 5, BIG - 1)] * 3
        evict(self.big)
        with self.serve().connect() as connection:
            for first, last in places:
                connection.ask(f"/{self.big.name}", headers={"Range": f"bytes={first}-{last}"})
            for first, last in places:
                self.assertTrue(connection.answer().body == data[first : last + 1], (first, last))

    def test_many_connections_to_one_worker(self):
        server = self.serve("--workers", "1")
        connections = [server.connect() for _ in range(30)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.ask(f"/{self.big.name}")
        self.assertEqual(server.request("/file-4097").body, content(4097, 4097))
        for connection in connections[:3]:
            self.assertTrue(connection.answer().body == content(BIG, BIG), "the body differs")

    def test_a_file_that_shrinks(self):
        server = self.serve()
        with server.connect() as connection:
            evict(self.big)
            connection.ask(f"/{self.big.name}")
            connection.head()
            os.truncate(self.big, MIB)
            self.assertLess(len(connection.rest()), BIG)
        self.assertEqual(server.request("/file-1").status, 200)

    def test_clients_that_go_away(self):
        server = self.serve()
        server.request("/file-1")
        before = server.descriptors()
        for _ in range(30):
            connection = server.connect(receive_buffer=65536)
            connection.ask(f"/{self.big.name}")
            connection.head()
            connection.reset()
        wait_until(lambda: server.descriptors() <= before, "descriptors are closed")

    def test_ending_while_sending(self):
        server = self.serve()
        with server.connect() as connection:
            connection.ask(f"/{self.big.name}")
            connection.head()
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(connection.rest() == content(BIG, BIG), "not the whole file")
        server.finish()

    def test_interrupted_and_continued(self):
        proxy = stalling_proxy(self.addCleanup, self.serve().port, 20 * MIB + 5)
        url, copy = proxy.url(f"/{self.big.name}"), self.here / "copy"
        process = start_sluice("get", url, "-o", copy, **self.how)
        self.addCleanup(process.kill)
        wait_until(proxy.stalled.is_set, "the server falls silent")
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process).code, 1)
        done = get(url, "-o", copy, **self.how)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(same(copy, self.big), "the copy differs")

    def test_silent_server(self):
        proxy = stalling_proxy(self.addCleanup, self.serve().port, 50)
        url = proxy.url(f"/{self.big.name}")
        done = get(url, "-o", self.here / "copy", "--timeout", "1", **self.how)
        self.assertEqual(done.code, 1, done.err)


class SwitchedOff(WithoutIoUring, unittest.TestCase):
    how = {"env": {"SLUICE_LOOP": "epoll"}}


class Refused(WithoutIoUring, unittest.TestCase):
    """A seccomp filter answers every io_uring system call with an error, as containers do."""

    helper = BUILD / "tests" / "e2e" / "refuse-uring"
    how = {"prefix": [helper], "env": {"SLUICE_LOOP": None}}

    @classmethod
    def setUpClass(cls):
        if not cls.helper.exists():
            raise unittest.SkipTest(f"{cls.helper} has not been built")
        tried = subprocess.run([cls.helper, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            raise unittest.SkipTest(f"no seccomp filter here: {tried.stderr.strip()}")


if __name__ == "__main__":
    unittest.main()
