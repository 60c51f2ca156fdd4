# SPDX-License-Identifier: MIT
"""`sluice serve` asked for digests (RFC 9530): what it knows it says, and no answer waits for one."""

import base64
import hashlib
import unittest

from support import (
    LOOPS,
    MIB,
    content,
    get,
    make_cold,
    make_file,
    resident_pages,
    serve,
    settle,
    skip_unless_direct,
    temp_folder,
    wait_until,
)

SIZE = 9 * MIB + 77
WANT = {"Want-Repr-Digest": "sha-512=3, sha-256=10"}


def field_of(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


class Digests(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.file = settle(make_file(self.folder / "file", SIZE))

    def ask(self, server, headers=None, method="HEAD", target="/file"):
        return server.request(target, method, WANT | (headers or {}))

    def wait(self, server, target="/file"):
        """Until it is known."""
        return wait_until(lambda: self.ask(server, target=target).headers["Repr-Digest"], "a digest")

    def test_known_from_the_second_answer_on(self):
        for loop in LOOPS:
            with self.subTest(loop=loop):
                server = serve(self.addCleanup, self.folder, env={"SLUICE_LOOP": loop})
                self.assertNotIn("Repr-Digest", self.ask(server, method="GET").headers)
                self.assertEqual(self.wait(server), field_of(content(SIZE)))
                for method, headers, status in (("GET", {}, 200), ("HEAD", {}, 200),
                                                ("GET", {"Range": "bytes=5-9"}, 206)):
                    answer = self.ask(server, headers, method)
                    self.assertEqual(answer.status, status)
                    self.assertEqual(answer.headers["Repr-Digest"], field_of(content(SIZE)))
                self.assertNotIn("Repr-Digest", server.request("/file").headers)
                for want in ("sha-512=10", "sha-256=0", "x"):
                    answer = server.request("/file", "HEAD", {"Want-Repr-Digest": want})
                    self.assertNotIn("Repr-Digest", answer.headers)

    def test_a_file_that_changes_has_another(self):
        server = serve(self.addCleanup, self.folder)
        self.wait(server)
        self.file.write_bytes(b"new")
        self.assertNotIn("Repr-Digest", self.ask(server).headers)
        settle(self.file)
        self.assertEqual(self.wait(server), field_of(b"new"))

    def test_small_and_empty_files(self):
        server = serve(self.addCleanup, self.folder)
        for name, data in (("small", b"12345"), ("empty", b"")):
            (self.folder / name).write_bytes(data)
            settle(self.folder / name)
            self.assertEqual(self.wait(server, "/" + name), field_of(data))

    def test_the_page_cache_stays_as_it_was(self):
        skip_unless_direct("direct", self.folder)
        make_cold(self.file)
        server = serve(self.addCleanup, self.folder)
        self.wait(server)
        self.assertEqual(resident_pages(self.file), 0)

    def test_a_server_that_stops_waits_for_none(self):
        with open(self.folder / "huge", "wb") as file:
            file.truncate(1 << 40)
        settle(self.folder / "huge")
        server = serve(self.addCleanup, self.folder)
        self.assertEqual(self.ask(server, target="/huge").status, 200)
        server.stop(seconds=10)

    def test_get_checks_what_serve_says(self):
        server = serve(self.addCleanup, self.folder)
        self.wait(server)
        done = get(server.url("file"), "-o", self.folder / "copy", "-H", "Want-Repr-Digest: sha-256=1")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((self.folder / "copy").read_bytes(), content(SIZE))


if __name__ == "__main__":
    unittest.main()
