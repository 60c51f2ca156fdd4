# SPDX-License-Identifier: MIT
"""What reviews found in `sluice serve`: clients that starve others, loops that spin, and answers
that are out of date."""

import errno
import mmap
import os
import pathlib
import signal
import time
import unittest

from support import (
    CACHESTAT,
    MIB,
    OPENAT2,
    PAGE,
    content,
    make_cold,
    make_file,
    ordinary_user,
    program,
    refusing,
    serve,
    skip_unless_direct,
    skip_unless_root,
    spinning_threads,
    start_sluice,
    temp_folder,
    wait_until,
    wait_until_still,
    warm,
)

LITTLE = 65536
LONG_AGO = 1_600_000_000  # a file last changed then may be kept in memory


def bytes_read_from_disk(pid):
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])


def open_files(pid):
    """Where its descriptors lead."""
    folder, targets = f"/proc/{pid}/fd", []
    for name in os.listdir(folder):
        try:
            targets.append(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:
            pass
    return targets


class Stalled(unittest.TestCase):
    SIZE = 40 * MIB
    CLIENTS = 12

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        cls.file = make_file(cls.folder / "file.bin", cls.SIZE)

    def connect(self, server, **how):
        connection = server.connect(**how)
        self.addCleanup(connection.close)
        return connection

    def assert_one_more_gets_it(self, **how):
        make_cold(self.file)
        server = serve(self.addCleanup, self.folder, "--workers", "1", **how)
        for _ in range(self.CLIENTS):
            self.connect(server, receive_buffer=LITTLE).ask("/file.bin")
        wait_until_still(server)  # the stalled ones have taken all they can
        reader = self.connect(server)
        reader.ask("/file.bin")
        self.assertTrue(reader.answer().body == content(self.SIZE), "the body is not the file")

    def test_clients_that_do_not_read_starve_nobody(self):
        self.assert_one_more_gets_it()

    def test_nor_with_epoll(self):
        self.assert_one_more_gets_it(env={"SLUICE_LOOP": "epoll"})


class Shrinking(unittest.TestCase):
    SIZE = 12 * MIB
    LEFT = SIZE - (400 << 10) - 100

    def test_a_file_cut_inside_its_last_blocks_ends_the_answer(self):
        folder = temp_folder(self.addCleanup)
        skip_unless_direct("direct", folder)
        file = make_file(folder / "file.bin", self.SIZE)
        make_cold(file)
        server = serve(self.addCleanup, folder, "--workers", "1", "--path", "direct")
        with server.connect(receive_buffer=LITTLE) as connection:
            connection.ask("/file.bin")
            wait_until_still(server)
            os.truncate(file, self.LEFT)
            self.assertEqual(spinning_threads(server), set())
            self.assertEqual(connection.head().headers["Content-Length"], str(self.SIZE))
            body = connection.rest()
        self.assertLess(len(body), self.SIZE)
        self.assertTrue(content(self.SIZE).startswith(body[: self.LEFT]), "not the file's bytes")
        self.assertRegex(server.wait_log("/file.bin").note, "became shorter|changed while")
        self.assertEqual(spinning_threads(server), set())


class OfAnotherUser(unittest.TestCase):
    SIZE = 8 * MIB

    def test_a_warm_file_goes_by_reference(self):
        skip_unless_root("to own a file that the server does not")
        folder = temp_folder(self.addCleanup)
        file = make_file(folder / "file.bin", self.SIZE)
        os.sync()
        warm(file)
        server = serve(self.addCleanup, folder, prefix=ordinary_user(folder))
        self.assertTrue(server.request("/file.bin").body == content(self.SIZE))
        line = server.wait_log("/file.bin")
        self.assertGreaterEqual(line.paths.get("sendfile", 0) + line.paths.get("splice", 0), self.SIZE - MIB, line.line)


class FullWorker(unittest.TestCase):
    # As src/http/server.c divides them: 32 apart, 8 for the worker, 60 % of the rest for connections.
    CLIENTS = 3
    LIMIT = 32 + 8 + 5

    def setUp(self):
        folder = temp_folder(self.addCleanup)
        (folder / "small.txt").write_bytes(b"hello\n")
        prefix = [program("prlimit"), f"--nofile={self.LIMIT}:{self.LIMIT}"]
        self.server = serve(self.addCleanup, folder, "--workers", "1", prefix=prefix)

    def connect(self):
        connection = self.server.connect()
        self.addCleanup(connection.close)
        return connection

    def test_who_waits_is_answered_when_others_become_idle(self):
        first = [self.connect() for _ in range(self.CLIENTS)]
        for client in first:
            client.send(b"GET /small.txt HTTP/1.1\r\nHo")
        wait_until_still(self.server)
        waiting = self.connect()
        waiting.ask("/small.txt")
        waiting.socket.settimeout(0.3)
        with self.assertRaises(TimeoutError, msg="the worker was not full"):
            waiting.socket.recv(1)
        for client in first:
            client.send(b"st: localhost\r\n\r\n")
            self.assertEqual(client.answer().body, b"hello\n")
        waiting.socket.settimeout(10)
        self.assertRegex(waiting.socket.recv(LITTLE), rb"^HTTP/1\.1 200 ")


class Ending(unittest.TestCase):
    TRIES = 20

    def end_impatiently(self):
        """SIGTERM until it is gone; the exit status, which is negative after death by a signal."""
        server = serve(self.addCleanup, self.folder, "--workers", "2")
        server.request("/small.txt")
        while server.process.poll() is None:
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(0.0002)
        return server.process.returncode

    def test_more_sigterms_while_it_ends(self):
        self.folder = temp_folder(self.addCleanup)
        (self.folder / "small.txt").write_bytes(b"hello\n")
        self.assertEqual([self.end_impatiently() for _ in range(self.TRIES)], [0] * self.TRIES)

    def test_signals_are_the_main_thread_s(self):
        server = serve(self.addCleanup, temp_folder(self.addCleanup), "--workers", "3")
        server.request("/")
        threads = [task for task in pathlib.Path(f"/proc/{server.pid}/task").iterdir()
                   if task.name != str(server.pid)]
        self.assertGreaterEqual(len(threads), 3)
        for task in threads:
            fields = dict(line.split(":\t") for line in (task / "status").read_text().splitlines()
                          if line.startswith("Sig"))
            for number in signal.SIGTERM, signal.SIGINT, signal.SIGUSR1:
                self.assertTrue(int(fields["SigBlk"], 16) & 1 << number - 1, task)


class HalfInMemory(unittest.TestCase):
    WARM, COLD = 8 * MIB, 40 * MIB

    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file.bin", self.WARM + self.COLD)
        make_cold(self.file)
        with open(self.file, "rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no reading ahead
            while file.tell() < self.WARM:
                file.read(MIB)

    def test_a_slow_reader_does_not_make_it_read_all(self):
        server = serve(self.addCleanup, self.folder, "--workers", "1")
        before = bytes_read_from_disk(server.pid)
        with server.connect(receive_buffer=LITTLE) as connection:
            connection.ask("/file.bin")
            connection.head()
            for _ in range(192):
                self.assertEqual(len(connection.file.read(32768)), 32768)
                time.sleep(0.01)
            self.assertLess(bytes_read_from_disk(server.pid) - before, self.COLD)


class WithoutOpenat2(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        (self.folder / "sub" / "deeper").mkdir(parents=True)
        (self.folder / "sub" / "inner.txt").write_bytes(b"inner\n")
        self.prefix = refusing(OPENAT2, code=errno.ENOSYS)
        process = start_sluice("--version", prefix=self.prefix)
        process.communicate(timeout=20)
        if process.returncode == 125:
            self.skipTest("no seccomp filter can be set here to refuse openat2")

    def test_a_listing_of_a_subfolder_shows_its_entries(self):
        server = serve(self.addCleanup, self.folder, prefix=self.prefix)
        for _ in range(2):
            answer = server.request("/sub/")
            self.assertEqual(answer.status, 200)
            self.assertIn(b"inner.txt", answer.body)
            self.assertIn(b"deeper/", answer.body)
        self.assertEqual(server.request("/sub/inner.txt").body, b"inner\n")


class Changing(unittest.TestCase):
    ROUNDS = 200

    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.file = self.folder / "file"
        self.file.write_bytes(b"0" * 9)
        self.server = serve(self.addCleanup, self.folder, "--workers", "1")
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)

    def ask(self):
        self.connection.ask("/file")
        return self.connection.answer()

    def replace(self, text, is_by_rename):
        if is_by_rename:
            (self.folder / "new").write_bytes(text)
            os.rename(self.folder / "new", self.file)
        else:
            with open(self.file, "r+b") as file:
                file.write(text)

    def assert_always_current(self, after=lambda number: None):
        for number in range(self.ROUNDS):
            text = b"%09d" % number  # of one size, so that only the content differs
            self.replace(text, number % 4 < 2)
            after(number)
            for _ in range(2):
                self.assertEqual(self.ask().body, text)

    def is_open(self):
        return any(target.startswith(str(self.file)) for target in open_files(self.server.pid))

    def test_every_answer_is_the_current_content(self):
        self.assert_always_current()
        self.file.unlink()
        self.assertEqual(self.ask().status, 404)

    def test_also_of_files_that_look_old(self):
        self.assert_always_current(lambda number: os.utime(self.file, (0, LONG_AGO + number)))
        self.file.unlink()
        self.assertEqual(self.ask().status, 404)

    def test_a_deleted_file_is_closed_before_long(self):
        self.assertEqual(self.ask().status, 200)
        self.file.unlink()
        wait_until(lambda: not self.is_open(), "the deleted file is closed", 15)


class Mapped:
    """Runs once for each kind of file system, in the classes below."""

    base, prefix = None, ()

    def setUp(self):
        self.folder = temp_folder(self.addCleanup, *([self.base] if self.base else []))
        self.path = self.folder / "file"
        self.path.write_bytes(b"a" * PAGE)
        os.sync()
        os.utime(self.path, (LONG_AGO, LONG_AGO))
        self.server = serve(self.addCleanup, self.folder, "--workers", "1", prefix=self.prefix)
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), PAGE)
        self.addCleanup(self.map.close)

    def assert_first_byte(self, byte):
        for _ in range(3):
            self.assertEqual(self.server.request("/file").body[:1], byte)

    def test_stores_after_an_answer(self):
        self.assert_first_byte(b"a")
        for byte in (b"b", b"c", b"d"):
            self.map[0:1] = byte
            self.assert_first_byte(byte)

    def test_stores_into_a_page_that_is_dirty_already(self):
        self.map[0:1] = b"b"
        os.utime(self.path, (LONG_AGO, LONG_AGO))
        self.assert_first_byte(b"b")
        self.map[0:1] = b"c"
        self.assert_first_byte(b"c")


class MappedOnDisk(Mapped, unittest.TestCase):
    pass


class MappedWithoutCachestat(Mapped, unittest.TestCase):
    """The server cannot see that a page is dirty already."""

    prefix = refusing(CACHESTAT)


@unittest.skipUnless(os.path.isdir("/dev/shm"), "there is no /dev/shm to map a file in memory")
class MappedInMemory(Mapped, unittest.TestCase):
    base = "/dev/shm"


if __name__ == "__main__":
    unittest.main()
