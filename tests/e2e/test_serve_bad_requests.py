# SPDX-License-Identifier: MIT
"""`sluice serve`: what nobody should send, and the status or the clean close that it gets.

The server under test serves a folder beside a secret; no answer may ever hold a byte of it.
"""

import contextlib
import os
import random
import re
import socket
import subprocess
import unittest

from support import MIB, make_file, ordinary_user, program, serve, skip_unless_root, temp_folder

SECRET = b"this must never leave"
HOST = b"Host: localhost\r\n"
SMUGGLED = b"GET /file.txt?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(SMUGGLED)
CHUNK = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(SMUGGLED)


class Attacked(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        outer = temp_folder(cls.addClassCleanup)
        cls.folder = outer / "www"
        cls.folder.mkdir()
        (cls.folder / "sub").mkdir()
        (outer / "secret.txt").write_bytes(SECRET)
        (outer / "www-secret").mkdir()
        (outer / "www-secret" / "secret.txt").write_bytes(SECRET)
        (cls.folder / "file.txt").write_bytes(b"public\n")
        (cls.folder / "a..b").write_bytes(b"dots\n")
        cls.outer = outer
        cls.server = serve(cls.addClassCleanup, cls.folder)

    def tearDown(self):
        self.assertEqual(self.server.request("/file.txt").body, b"public\n")

    def exchange(self, data):
        """The statuses of all answers, after a clean close, and the raw bytes."""
        raw = self.server.exchange(data)
        self.assertNotIn(SECRET, raw)
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", raw)], raw

    def refused(self, data, *expected):
        """One answer, one of the expected statuses, then the server closes."""
        with self.subTest(data[:70]):
            statuses, raw = self.exchange(data)
            self.assertEqual(len(statuses), 1, raw[:300])
            self.assertIn(statuses[0], expected, raw[:300])

    def status(self, target):
        return self.server.request(target).status


class Heads(Attacked):
    def test_request_line(self):
        for line in (
            b"garbage",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x00\x00\x00\x00",
            b"GET",
            b"GET /file.txt HTTP/x.y",
            b"GET /file.txt HTTP/1.1 more",
            b"GET /file.txt FTP/1.1",
            b"GET file.txt HTTP/1.1",
            b"GET /a b HTTP/1.1",
            b"GET /a\x01b HTTP/1.1",
            b"GET /a\x7fb HTTP/1.1",
            b"G@T /file.txt HTTP/1.1",
            b" GET /file.txt HTTP/1.1",
        ):
            self.refused(line + b"\r\n" + HOST + b"\r\n", 400)

    def test_unknown_method(self):
        self.refused(b"BREW /file.txt HTTP/1.1\r\n" + HOST + b"\r\n", 501)

    def test_known_methods_for_others(self):
        for line in (b"CONNECT localhost:80", b"PROPFIND /", b"DELETE /file.txt"):
            with self.subTest(line):
                rest = b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
                raw = self.server.exchange(line + rest)
                self.assertRegex(raw, rb"^HTTP/1\.1 405 ")
                self.assertRegex(raw.lower(), rb"\r\nallow: [^\r]*get")

    def test_version(self):
        for version in (b"HTTP/2.0", b"HTTP/3.0"):
            self.refused(b"GET /file.txt " + version + b"\r\n" + HOST + b"\r\n", 505)

    def test_headers(self):
        for field in (
            b"no colon",
            b": no name",
            b"Na me: x",
            b"Name : x",
            b"Name\x00: x",
            b"Name: a\x00b",
            b"Name: a\rb",
        ):
            self.refused(b"GET /file.txt HTTP/1.1\r\n" + HOST + field + b"\r\n\r\n", 400)

    def test_host(self):
        self.refused(b"GET /file.txt HTTP/1.1\r\n\r\n", 400)
        self.refused(b"GET /file.txt HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400)
        self.refused(b"GET /file.txt HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400)

    def test_content_length(self):
        for fields in (
            b"Content-Length: x",
            b"Content-Length: -1",
            b"Content-Length: +1",
            b"Content-Length: 1 1",
            b"Content-Length: 0x1",
            b"Content-Length:",
            b"Content-Length: 99999999999999999999999",
            b"Content-Length: 1\r\nContent-Length: 2",
            b"Content-Length: 0\r\nContent-Length: 0",
            b"Content-Length: 0, 0",
            b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        ):
            self.refused(b"GET /file.txt HTTP/1.1\r\n" + HOST + fields + b"\r\n\r\n", 400)

    def test_transfer_encoding(self):
        for coding in (b"gzip", b"chunked, gzip", b"nonsense"):
            field = b"Transfer-Encoding: " + coding + b"\r\n\r\n"
            self.refused(b"GET /file.txt HTTP/1.1\r\n" + HOST + field, 400, 501)

    def test_bodies(self):
        for method in (b"GET", b"HEAD", b"OPTIONS"):
            head = method + b" /file.txt HTTP/1.1\r\n" + HOST
            self.refused(head + LENGTH + SMUGGLED, 413)
            self.refused(head + CHUNK + SMUGGLED, 413)
        for method in (b"POST", b"PUT", b"PATCH", b"DELETE"):
            head = method + b" /file.txt HTTP/1.1\r\n" + HOST
            self.refused(head + LENGTH + SMUGGLED, 405)
            self.refused(head + CHUNK + SMUGGLED, 405)

    def test_an_empty_body_is_no_body(self):
        answer = self.server.request("/file.txt", headers={"Content-Length": "0"})
        self.assertEqual(answer.body, b"public\n")

    def test_too_long(self):
        line = b"GET /file.txt HTTP/1.1\r\n" + HOST
        self.refused(line + b"X: " + b"x" * (17 << 10) + b"\r\n\r\n", 431)
        self.refused(line + b"X: y\r\n" * 4000 + b"\r\n", 431)
        self.refused(line + b"X: " + b"x" * (1 << 20), 431)
        self.refused(b"GET /" + b"x" * (9 << 10) + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414)
        self.refused(b"GET /" + b"x" * (64 << 10), 414)
        self.refused(b"A" * (64 << 10), 400, 414, 431, 501)

    def test_long_but_allowed(self):
        answer = self.server.request("/file.txt", headers={"X": "x" * (15 << 10)})
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.status("/file.txt?" + "x" * 8000), 200)
        self.assertEqual(self.status("/" + "x" * 300), 404)
        self.assertIn(self.status("/" + "x/" * 3900), (404, 414))

    def test_a_good_request_before_a_bad_one_is_answered(self):
        good = b"GET /file.txt HTTP/1.1\r\n" + HOST + b"\r\n"
        statuses, raw = self.exchange(good + b"garbage\r\n\r\n" + good)
        self.assertEqual(statuses, [200, 400])
        self.assertIn(b"\r\n\r\npublic\n", raw)

    def test_an_unfinished_request(self):
        for data in (b"", b"G", b"GET /file.txt HTTP/1.1\r\nHost: x\r\n"):
            with self.subTest(data), self.server.connect() as connection:
                connection.send(data)
                connection.done_sending()
                self.assertNotRegex(connection.rest(), rb"^HTTP/1\.1 2")


class Uploads(Attacked):
    """Clients that send all they have before they read: the answer waits for them."""

    LENGTH = 8 * MIB  # more than the sockets hold between both
    WITH_LENGTH = HOST + b"Content-Length: %d\r\n" % LENGTH
    CHUNKED = HOST + b"Transfer-Encoding: chunked\r\n"

    def assert_told(self, head, body, status):
        with self.subTest(head[:60]), self.server.connect() as connection:
            connection.send(head)
            for _ in range(self.LENGTH // len(body)):
                connection.send(body)
            answer = connection.answer()
            self.assertEqual(answer.status, status)
            self.assertEqual(connection.file.read(), b"")  # an end, and no reset
            return answer

    def test_a_body_that_nobody_wants(self):
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        for method in (b"PUT", b"POST"):
            line = method + b" /file.txt HTTP/1.1\r\n"
            answer = self.assert_told(line + self.WITH_LENGTH + b"\r\n", bytes(65536), 405)
            self.assertIn("GET", answer.headers["Allow"])
            self.assert_told(line + self.CHUNKED + b"\r\n", chunk, 405)
            hopeful = self.WITH_LENGTH + b"Expect: 100-continue\r\n\r\n"
            self.assert_told(line + hopeful, bytes(65536), 405)
        self.assert_told(b"PUT / HTTP/1.0\r\n" + self.WITH_LENGTH + b"\r\n", bytes(65536), 405)
        line = b"GET /file.txt HTTP/1.1\r\n"
        self.assert_told(line + self.WITH_LENGTH + b"\r\n", bytes(65536), 413)
        self.assert_told(line + self.CHUNKED + b"\r\n", chunk, 413)
        self.assert_told(b"BREW" + line[3:] + self.WITH_LENGTH + b"\r\n", bytes(65536), 501)

    def test_a_head_that_does_not_end(self):
        line = b"GET /file.txt HTTP/1.1\r\n" + HOST
        self.assert_told(line, b"X: y\r\n" * 8192, 431)
        self.assert_told(b"GET /", b"x" * 65536, 414)
        self.assert_told(b"garbage\r\n", b"x" * 65536, 400)
        self.assert_told(b"GET / HTTP/2.0\r\n\r\n", b"x" * 65536, 505)
        self.assert_told(line + b"Transfer-Encoding: gzip\r\n\r\n", b"x" * 65536, 501)

    def test_expect_is_answered_before_the_body(self):
        """What curl sends: it waits for the answer, and then keeps its body to itself."""
        with self.server.connect() as connection:
            fields = {"Content-Length": self.LENGTH, "Expect": "100-continue"}
            connection.ask("/file.txt", "PUT", fields)
            self.assertEqual(connection.answer().status, 405)
            self.assertEqual(connection.file.read(), b"")

    def test_curl_uploads(self):
        big = make_file(self.outer / "big", self.LENGTH)
        for fields in ((), ("-H", "Expect:"), ("-H", "Transfer-Encoding: chunked")):
            command = [program("curl"), "-sS", "-T", big, *fields, self.server.url("up")]
            done = subprocess.run(command, capture_output=True, timeout=30, check=True)
            self.assertIn(b"405", done.stdout)


class Paths(Attacked):
    def test_bad_encoding(self):
        for target in ("/%", "/%2", "/%zz", "/%2g", "/file.txt%", "/%00", "/file.txt%00.png"):
            self.assertEqual(self.status(target), 400, target)

    def test_dot_segments(self):
        for target in (
            "/..",
            "/../secret.txt",
            "/sub/../file.txt",
            "/sub/../../secret.txt",
            "/sub/..",
            "/./file.txt",
            "/sub/.",
            "/%2e%2e/secret.txt",
            "/%2E./secret.txt",
            "/.%2e%2fsecret.txt",
            "/..%2fsecret.txt",
            "/sub%2f..%2f..%2fsecret.txt",
            "/../www-secret/secret.txt",
            "//../secret.txt",
            "http://localhost/../secret.txt",
        ):
            with self.subTest(target):
                answer = self.server.request(target)
                self.assertEqual(answer.status, 400)
                self.assertNotIn(SECRET, answer.body)

    def test_what_only_looks_like_dot_segments(self):
        self.assertEqual(self.server.request("/a..b").body, b"dots\n")
        for target in ("/...", "/%252e%252e/secret.txt", "/..\\secret.txt", "/..;/secret.txt"):
            self.assertEqual(self.status(target), 404, target)

    def test_absolute_paths_stay_inside(self):
        inside = os.fspath(self.outer / "secret.txt")
        for target in (inside, "/" + inside, "/%2f" + inside[1:], "file://" + inside):
            with self.subTest(target):
                answer = self.server.request(target)
                self.assertIn(answer.status, (400, 404))
                self.assertNotIn(SECRET, answer.body)

    def test_links_that_leave(self):
        for name, target in (
            ("up", "../secret.txt"),
            ("absolute", self.outer / "secret.txt"),
            ("passwd", "/etc/passwd"),
            ("folder", ".."),
            ("proc", "/proc/self/cwd"),
            ("sibling", "../www-secret"),
        ):
            (self.folder / name).symlink_to(target)
        for target in (
            "/up",
            "/absolute",
            "/passwd",
            "/folder",
            "/folder/",
            "/folder/secret.txt",
            "/folder/www/file.txt",
            "/proc/",
            "/proc/file.txt",
            "/sibling/secret.txt",
        ):
            with self.subTest(target):
                answer = self.server.request(target)
                self.assertEqual(answer.status, 403)
                self.assertNotIn(SECRET, answer.body)

    def test_an_index_that_leaves(self):
        (self.folder / "indexed").mkdir()
        (self.folder / "indexed" / "index.html").symlink_to("../../secret.txt")
        answer = self.server.request("/indexed/")
        self.assertEqual(answer.status, 403)
        self.assertNotIn(SECRET, answer.body)

    def test_links_that_lead_nowhere(self):
        (self.folder / "dangling").symlink_to("nothing")
        (self.folder / "circle").symlink_to("circle")
        self.assertEqual(self.status("/dangling"), 404)
        self.assertIn(self.status("/circle"), (403, 404))

    def test_a_link_that_changes_while_it_is_asked_for(self):
        link = self.folder / "flips"
        targets = ("file.txt", "../secret.txt")
        with self.server.connect() as connection:
            for number in range(400):
                fresh = self.folder / "flips.new"
                fresh.symlink_to(targets[number % 2])
                connection.ask("/flips")
                fresh.rename(link)
                self.assertNotEqual(connection.answer().body, SECRET)


class Kinds(Attacked):
    def test_fifo_and_socket(self):
        os.mkfifo(self.folder / "fifo")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        here = os.open(self.folder, os.O_PATH)
        self.addCleanup(os.close, here)
        listener.bind(f"/proc/self/fd/{here}/socket")
        for target in ("/fifo", "/socket"):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.server.request(target, method).status, 403, target)

    def test_device(self):
        skip_unless_root("to make a device")
        os.mknod(self.folder / "zero", 0o20644, os.makedev(1, 5))
        self.assertEqual(self.status("/zero"), 403)

    def test_unreadable(self):
        make_file(self.folder / "unreadable", 10).chmod(0)
        prefix = ordinary_user(self.folder)
        server = serve(self.addCleanup, self.folder, prefix=prefix)
        for method in ("GET", "HEAD"):
            self.assertEqual(server.request("/unreadable", method).status, 403)
        self.assertEqual(server.request("/file.txt").status, 200)


class Nonsense(Attacked):
    """Seeded damage to good requests: any answer will do, but the server lives and stays inside."""

    REQUEST = (
        b"GET /sub/%2e%2e/file.txt?query HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-3,5-\r\n"
        b'If-Range: "x"\r\nIf-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n'
        b"Content-Length: 0\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    )

    def damaged(self, chance):
        data = bytearray(self.REQUEST)
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(data))
            deed = chance.randrange(4)
            if deed == 0:
                data[place] = chance.randrange(256)
            elif deed == 1:
                del data[place : place + chance.randrange(1, 20)]
            elif deed == 2:
                data[place:place] = chance.randbytes(chance.randrange(1, 9))
            else:
                data[place:place] = data[: chance.randrange(len(data))]
        return bytes(data)

    def test_damaged_requests(self):
        chance = random.Random(3)
        for _ in range(400):
            with self.server.connect() as connection:
                data = self.damaged(chance)
                connection.send(data)
                connection.done_sending()
                self.assertNotIn(SECRET, connection.rest(), data)

    def test_noise(self):
        chance = random.Random(4)
        for _ in range(50):
            with self.server.connect() as connection:
                with contextlib.suppress(ConnectionError):  # refused before it was all sent
                    connection.send(chance.randbytes(chance.choice((1, 100, 5000, MIB))))
                connection.done_sending()
                connection.rest()


if __name__ == "__main__":
    unittest.main()
