# SPDX-License-Identifier: MIT
"""`sluice serve` with few descriptors: many idle connections fit, who sends much never ends it, and
where none is left clients wait, or are told to try again."""

import contextlib
import os
import resource
import subprocess
import unittest

from support import (
    MIB,
    SEND_PATHS,
    content,
    evict,
    get,
    make_file,
    program,
    request_bytes,
    same,
    serve,
    skip_unless_direct,
    spinning_threads,
    temp_folder,
    wait_until,
)

LARGE = 24 * MIB  # more than sockets hold
LITTLE = 65536
HELLO = b"hello\n"
END = b"st: localhost\r\n\r\n"


class Descriptors(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        (self.folder / "small.txt").write_bytes(HELLO)

    def serve(self, limit, *options):
        self.prlimit = program("prlimit")
        prefix = [self.prlimit, f"--nofile={limit}:{limit}"]
        self.server = serve(self.addCleanup, self.folder, *options, prefix=prefix)

    def connect(self, **how):
        connection = self.server.connect(**how)
        self.addCleanup(connection.close)
        return connection

    def idle(self, count):
        """Connections that had an answer, and could ask again."""
        connections = [self.connect() for _ in range(count)]
        for connection in connections:
            connection.ask("/small.txt")
            self.assertEqual(connection.answer().body, HELLO)
        return connections

    def limit(self, count):
        """What the running server may have from now on."""
        limit = f"--nofile={count}:"  # the soft one: only root could raise the hard one again
        subprocess.run([self.prlimit, "--pid", str(self.server.pid), limit], check=True)


class Idle(Descriptors):
    LIMIT = 2000
    CLIENTS = LIMIT // 2

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * self.CLIENTS + 200
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"needs {wanted} descriptors (ulimit -Hn is {hard})")
        if soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_half_the_limit_can_be_idle(self):
        self.serve(self.LIMIT, "--workers", "2")
        for connection in self.idle(self.CLIENTS):
            connection.ask("/small.txt")
            self.assertEqual(connection.answer().body, HELLO)

    def test_who_sends_beside_them_gets_what_is_needed(self):
        files = [make_file(self.folder / f"{number}", MIB + number) for number in range(200)]
        self.serve(self.LIMIT, "--workers", "2")
        self.idle(self.CLIENTS)
        clients = [self.connect(receive_buffer=LITTLE) for _ in files]
        for client, file in zip(clients, files):
            evict(file)
            client.ask(f"/{file.name}")
        for client, file in zip(clients, files):
            self.assertTrue(client.answer().body == content(file.stat().st_size), file.name)


class Sending(Descriptors):
    LIMIT = 100
    CLIENTS = 60

    def assert_survives(self, path_name):
        """Everybody is answered with the file, or told to try again, or sees a broken answer."""
        self.serve(self.LIMIT, "--workers", "1", "--path", path_name)
        clients = [self.connect(receive_buffer=LITTLE) for _ in range(self.CLIENTS)]
        for number, client in enumerate(clients):
            client.ask(f"/{number % len(self.files)}")
        whole = 0
        for number, client in enumerate(clients):
            with contextlib.suppress(EOFError, ConnectionError):
                answer = client.answer()
                self.assertIn(answer.status, (200, 503))
                if answer.status == 200:
                    self.assertTrue(answer.body == self.bodies[number % len(self.files)], number)
                    whole += 1
            client.close()
        self.assertGreater(whole, self.CLIENTS // 6)
        wait_until(lambda: self.server.descriptors() < 40, "descriptors are closed")
        self.assertEqual(self.server.request("/small.txt").body, HELLO)
        notes = {line.note.split(",")[0] for line in self.server.log()} - {""}
        self.assertLessEqual(notes, {"Too many open files"})

    def test_more_at_once_than_there_are_descriptors_for(self):
        self.files = [make_file(self.folder / f"{seed}", 3 * MIB, seed) for seed in range(30)]
        self.bodies = [file.read_bytes() for file in self.files]
        for prepare in (lambda file: None, evict):
            for path_name in ("auto", *SEND_PATHS):
                with self.subTest(path_name):
                    skip_unless_direct(path_name, self.folder)
                    for file in self.files:
                        prepare(file)
                    self.assert_survives(path_name)


class Exhausted(Descriptors):
    """The limit is lowered to what the server has, while it runs."""

    def setUp(self):
        super().setUp()
        make_file(self.folder / "large", LARGE)
        self.serve(200, "--workers", "1")

    def busy(self):
        """One whose answer stalls."""
        client = self.connect(receive_buffer=LITTLE)
        client.ask("/large")
        client.head()
        return client

    def half_asked(self, line=b"GET /small.txt"):
        """One that was accepted, and whose request lacks its end (END)."""
        before = self.server.descriptors()
        client = self.connect()
        client.send(line + b" HTTP/1.1\r\nHo")
        wait_until(lambda: self.server.descriptors() > before, "the connection is accepted")
        return client

    def assert_waits(self, client):
        client.socket.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(20)

    def test_a_new_client_waits_until_there_is_one(self):
        self.busy()
        self.half_asked()
        self.limit(self.server.descriptors())
        client = self.connect()
        client.ask("/small.txt")
        self.assert_waits(client)
        self.assertEqual(spinning_threads(self.server), set())
        self.limit(200)
        self.assertEqual(client.answer().body, HELLO)

    def test_or_until_somebody_is_idle(self):
        other = self.half_asked(b"OPTIONS /small.txt")
        self.limit(self.server.descriptors())
        client = self.connect()
        client.ask("/small.txt", "OPTIONS")
        self.assert_waits(client)
        other.send(END)
        self.assertEqual(other.answer().status, 204)
        self.assertEqual(client.answer().status, 204)
        self.assertEqual(other.rest(), b"")

    def test_a_request_for_which_there_is_none_can_try_again(self):
        (self.folder / "other.txt").write_bytes(b"other\n")
        self.busy()
        client = self.half_asked()
        self.limit(self.server.descriptors())
        client.send(END)
        answer = client.answer()
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
        self.assertIn("Too many open files", self.server.wait_log("/small.txt").note)
        self.limit(200)
        client.ask("/other.txt")
        self.assertEqual(client.answer().body, b"other\n")

    def test_a_list_for_whose_files_there_is_none_is_not_an_empty_one(self):
        """One is free, and the folder takes it."""
        self.busy()
        client = self.half_asked(b"GET /")
        self.limit(self.server.descriptors() + 1)
        client.send(END)
        self.assertEqual(client.answer().status, 503)
        self.limit(200)
        client.ask("/")
        self.assertIn(b"small.txt", client.answer().body)

    def test_who_is_idle_gives_way_to_files(self):
        client = self.half_asked()
        idle = self.idle(8)
        (self.folder / "other.txt").write_bytes(b"other\n")
        self.limit(self.server.descriptors())
        client.send(END + request_bytes("/other.txt"))
        self.assertEqual(client.answer().body, HELLO)
        self.assertEqual(client.answer().body, b"other\n")
        self.assertLess(self.open_ones(idle), 8)

    def open_ones(self, connections):
        count = 0
        for connection in connections:
            connection.socket.settimeout(0.1)
            try:
                count += connection.socket.recv(1) != b""
            except TimeoutError:
                count += 1
        return count


class Getting(Descriptors):
    def test_few_descriptors_are_enough_or_named(self):
        file, here = make_file(self.folder / "file", 3 * MIB), temp_folder(self.addCleanup)
        self.serve(200)
        codes = []
        for limit in range(6, 20):
            prefix = [self.prlimit, f"--nofile={limit}:{limit}"]
            done = get(self.server.url("file"), "-o", here / "copy", prefix=prefix)
            codes.append(done.code)
            if done.code == 0:
                self.assertTrue(same(here / "copy", file), "the copy differs")
                (here / "copy").unlink()
            else:
                self.assertRegex(done.err, r"^sluice: .*Too many open files[^\n]*\n$")
            self.assertEqual(os.listdir(here), [])
        self.assertEqual(codes, sorted(codes, reverse=True))
        self.assertEqual((codes[0], codes[-1]), (1, 0))


if __name__ == "__main__":
    unittest.main()
