# SPDX-License-Identifier: MIT
"""`sluice serve`: files that change while they are sent, clients that vanish, too few descriptors, the
end of the server, and what is left over after ten thousand requests."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import unittest

from support import (
    MIB,
    SEND_PATHS,
    WAIT,
    content,
    evict,
    is_sanitized,
    make_file,
    program,
    request_bytes,
    serve,
    skip_unless_direct,
    spinning_threads,
    temp_folder,
    wait_until,
    wait_until_still,
    warm,
)

LARGE = 48 * MIB  # more than sockets and buffers on both sides can hold
LITTLE = 65536
REPLACE = """
import itertools, os
for number in itertools.cycle("10"):
    os.link(number, "new")
    os.rename("new", "file")
"""

class ChangingFiles(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)

    def interrupted(self, path_name, change):
        """What a client gets of a large file when change(file) happens while it is sent."""
        skip_unless_direct(path_name, self.folder)
        file = make_file(self.folder / f"file-{path_name}", LARGE)
        evict(file)
        server = serve(self.addCleanup, self.folder, "--path", path_name)
        with server.connect() as connection:
            connection.ask(f"/{file.name}", headers={"Connection": "close"})
            length = int(connection.head().headers["Content-Length"])
            self.assertEqual(length, LARGE)
            got = connection.file.read(MIB)
            change(file)
            got += connection.rest()
        after = server.request(f"/{file.name}")
        self.assertEqual(len(after.body), file.stat().st_size)
        return got, server.log()[0]

    def for_each_path(self, check):
        for path_name in ("auto", *SEND_PATHS):
            with self.subTest(path_name):
                check(path_name)

    def assert_short(self, path_name, change):
        got, line = self.interrupted(path_name, change)
        self.assertLess(len(got), LARGE)
        self.assertLess(line.bytes, LARGE)
        self.assertRegex(line.note, "chang|short|shr[aiu]nk|truncat|ended")

    def test_a_file_that_shrinks(self):
        def shrink(file):
            os.truncate(file, MIB)

        self.for_each_path(lambda name: self.assert_short(name, shrink))

    def test_a_file_that_becomes_empty(self):
        self.assert_short("auto", lambda file: os.truncate(file, 0))

    def test_a_file_that_changes(self):
        def change(file):
            with open(file, "r+b") as opened:
                opened.write(b"changed")

        self.for_each_path(lambda name: self.assert_short(name, change))

    def test_a_file_that_grows_is_sent_as_promised(self):
        def grow(file):
            with open(file, "ab") as opened:
                opened.write(b"more" * LITTLE)

        def check(path_name):
            got, line = self.interrupted(path_name, grow)
            self.assertTrue(got == content(LARGE), "not the file's beginning")
            self.assertEqual(line.note, "the file grew while it was sent")

        self.for_each_path(check)

    def test_a_file_that_grows_and_is_written_to_is_cut(self):
        def change(file):
            with open(file, "r+b") as opened:
                opened.seek(0, os.SEEK_END)
                opened.write(b"more")
                opened.seek(0)
                opened.write(b"other")

        def shrink(file):
            with open(file, "ab") as opened:
                opened.write(b"more")
            os.truncate(file, MIB)

        self.assert_short("auto", shrink)
        # Not told from one that only grew: it is said, and the bytes are as many as promised.
        got, line = self.interrupted("auto", change)
        self.assertEqual((len(got), line.note), (LARGE, "the file grew while it was sent"))

    def test_what_does_not_change_the_content_does_not_matter(self):
        def replace(file):
            make_file(file.with_name("new"), 100, seed=2).rename(file)

        def touch_all_but_mtime(file):
            status = file.stat()
            os.chmod(file, 0o640)
            os.link(file, file.with_name("another-name"))
            os.utime(file, ns=(0, status.st_mtime_ns))
            warm(file)

        def rename(file):
            file.rename(file.with_name("elsewhere"))
            make_file(file, 100)

        for change in (replace, touch_all_but_mtime, rename):
            with self.subTest(change.__name__):
                got, line = self.interrupted("auto", change)
                self.assertTrue(got == content(LARGE), "the old file did not arrive whole")
                self.assertEqual(line.note, "")

    def test_a_file_that_is_replaced_all_the_time_is_always_there(self):
        bodies = [make_file(self.folder / f"{seed}", 10_000, seed).read_bytes() for seed in (0, 1)]
        os.link(self.folder / "0", self.folder / "file")
        server = serve(self.addCleanup, self.folder)
        replacing = subprocess.Popen([sys.executable, "-c", REPLACE], cwd=self.folder)
        self.addCleanup(replacing.wait, WAIT)
        self.addCleanup(replacing.kill)
        with server.connect() as connection:
            for _ in range(500):
                connection.send(request_bytes("/file") * 20)
                for _ in range(20):
                    answer = connection.answer()
                    self.assertEqual(answer.status, 200)
                    self.assertIn(answer.body, bodies)
        self.assertIsNone(replacing.poll(), "the replacing ended early")


class VanishingClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        make_file(cls.folder / "large", LARGE)
        (cls.folder / "small.txt").write_bytes(b"hello\n")

    def test_clients_that_go_away_leave_nothing_behind(self):
        servers = {}  # side by side, as each keeps the file open for a while, in case
        for path_name in ("auto", *SEND_PATHS):
            with self.subTest(path_name):
                skip_unless_direct(path_name, self.folder)
                server = serve(self.addCleanup, self.folder, "--path", path_name)
                server.request("/small.txt")
                before = server.descriptors()
                for number in range(40):
                    connection = server.connect(receive_buffer=LITTLE)
                    connection.ask("/large")
                    if number % 4:
                        connection.file.read(number * 1000)
                    connection.reset() if number % 2 else connection.close()
                servers[path_name] = server, before
        for path_name, (server, before) in servers.items():
            with self.subTest(path_name):
                wait_until(lambda: server.descriptors() <= before, "descriptors are closed")
                self.assertEqual(server.request("/small.txt").body, b"hello\n")

    def test_slow_readers_do_not_hold_up_others(self):
        server = serve(self.addCleanup, self.folder, "--workers", "1")
        readers = [server.connect() for _ in range(20)]
        for reader in readers:
            self.addCleanup(reader.close)
            reader.ask("/large")
        for reader in readers:
            reader.head()
            self.assertEqual(server.request("/small.txt").body, b"hello\n")
        for reader in readers[:2]:
            self.assertTrue(reader.file.read(LARGE) == content(LARGE), "the body is not the file")


class FewDescriptors(unittest.TestCase):
    LIMIT = 64
    CLIENTS = 100

    def setUp(self):
        folder = temp_folder(self.addCleanup)
        (folder / "small.txt").write_bytes(b"hello\n")
        prefix = [program("prlimit"), f"--nofile={self.LIMIT}:{self.LIMIT}"]
        self.server = serve(self.addCleanup, folder, "--workers", "2", prefix=prefix)
        self.server.request("/small.txt")
        self.before = self.server.descriptors()
        self.clients = [self.server.connect() for _ in range(self.CLIENTS)]

    def tearDown(self):
        for client in self.clients:
            client.close()
        wait_until(lambda: self.server.descriptors() <= self.before, "descriptors are closed")
        self.assertEqual(self.server.request("/small.txt").body, b"hello\n")

    def test_everybody_gets_an_answer_or_a_close(self):
        served = 0
        for client in self.clients:
            try:
                client.ask("/small.txt")
                answer = client.answer()
                self.assertIn(answer.status, (200, 503))
                served += answer.status == 200
            except (EOFError, ConnectionError):
                pass
            client.close()
        self.assertGreater(served, 0)

    def test_the_server_does_not_spin(self):
        self.assertEqual(spinning_threads(self.server), set())


class Ending(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        make_file(self.folder / "large", LARGE)
        self.server = serve(self.addCleanup, self.folder)

    def assert_refuses(self):
        def refused():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.server.port)) == errno.ECONNREFUSED

        wait_until(refused, "new connections are refused")

    def test_what_is_being_sent_is_finished(self):
        for sign in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(sign.name):
                self.server = serve(self.addCleanup, self.folder)
                with self.server.connect() as connection:
                    connection.ask("/large")
                    connection.head()
                    self.server.process.send_signal(sign)
                    self.assert_refuses()
                    self.assertTrue(connection.rest() == content(LARGE), "not the whole file")
                self.server.finish()

    def test_idle_connections_do_not_delay_the_end(self):
        with self.server.connect() as used, self.server.connect():
            used.ask("/large", "HEAD")
            used.answer("HEAD")
            self.server.stop(seconds=WAIT - 10)
            self.assertEqual(used.rest(), b"")

    def test_half_a_request_does_not_delay_the_end(self):
        with self.server.connect() as connection:
            connection.send(b"GET /large HTTP/1.1\r\nHo")
            wait_until_still(self.server)
            self.server.stop(seconds=WAIT - 10)

    def test_the_port_is_free_at_once(self):
        with self.server.connect() as connection:
            connection.ask("/large", "HEAD")
            connection.answer("HEAD")
            self.server.stop()
            address = f"127.0.0.1:{self.server.port}"
            again = serve(self.addCleanup, self.folder, listen=address)
            self.assertEqual(again.request("/large", "HEAD").status, 200)


class Leaks(unittest.TestCase):
    BATCH = (
        ("GET", "/small.txt", {}, 200),
        ("HEAD", "/small.txt", {}, 200),
        ("GET", "/file.bin", {"Range": "bytes=10-20000"}, 206),
        ("GET", "/file.bin", {"Range": "bytes=0-9,20-29"}, 206),
        ("GET", "/file.bin", {"Range": "bytes=999999-"}, 416),
        ("GET", "/small.txt", {"If-None-Match": "*"}, 304),
        ("GET", "/nothing", {}, 404),
        ("GET", "/", {}, 200),
        ("GET", "/sub", {}, 301),
        ("OPTIONS", "/", {}, 204),
    )

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        (cls.folder / "small.txt").write_bytes(b"hello\n")
        make_file(cls.folder / "file.bin", 100_000)
        (cls.folder / "sub").mkdir()

    def ask(self, server, requests, per_connection):
        """Sends requests in pipelined batches, a new connection now and then."""
        for _ in range(requests // per_connection):
            with server.connect() as connection:
                for _ in range(per_connection // len(self.BATCH)):
                    for method, target, headers, _ in self.BATCH:
                        connection.ask(target, method, headers)
                    statuses = [connection.answer(method).status for method, *_ in self.BATCH]
                    self.assertEqual(statuses, [status for *_, status in self.BATCH])

    @staticmethod
    def resident_bytes(server):
        with open(f"/proc/{server.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def test_ten_thousand_requests_leave_nothing_behind(self):
        server = serve(self.addCleanup, self.folder, "--workers", "2")
        self.ask(server, 100, 10)
        wait_until_still(server)  # its clients have gone
        descriptors = server.descriptors()
        self.ask(server, 2000, 10)
        memory = self.resident_bytes(server)
        self.ask(server, 8000, 10)
        wait_until(lambda: server.descriptors() <= descriptors, "descriptors are closed")
        if not is_sanitized():
            self.assertLess(self.resident_bytes(server) - memory, 2 * MIB)

    def test_direct_reads_leave_nothing_behind(self):
        skip_unless_direct("direct", self.folder)
        server = serve(self.addCleanup, self.folder, "--path", "direct")
        self.ask(server, 100, 10)
        wait_until_still(server)
        descriptors = server.descriptors()
        self.ask(server, 1000, 10)
        wait_until(lambda: server.descriptors() <= descriptors, "descriptors are closed")


if __name__ == "__main__":
    unittest.main()
