# SPDX-License-Identifier: MIT
"""`sluice get --sparse` leaves holes where zeros come, and nowhere else."""

import hashlib
import os
import unittest

from other_servers import answer_head, range_answer, scripted, whole_answer
from support import (
    KIB,
    LOOPS,
    MIB,
    PAGE,
    content,
    get,
    refusing,
    skip_unless_possible,
    temp_folder,
)

FALLOCATE = 285 if os.uname().machine == "x86_64" else 47
DATA = content(300 * KIB)
# Data at both ends, in the middle, and around the edges of a MiB; zeros in between, and at the end.
BODY = (
    DATA
    + bytes(5 * MIB)
    + DATA
    + bytes(64 * KIB)
    + DATA
    + bytes(8 * KIB)
    + DATA
    + bytes(3 * MIB + 1234)
    + DATA[:1000]
    + bytes(2 * MIB + 77)
)
WRITTEN = 4 * len(DATA) + 8 * KIB + 1000


def taken(path):
    return os.stat(path).st_blocks * 512


class Sparse(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file"
        probe = self.here / "probe"
        with open(probe, "wb") as file:
            file.truncate(MIB)
        if taken(probe):
            self.skipTest(f"{self.here} has no sparse files")

    def serve(self, body=BODY):
        def script(peer):
            peer.send(range_answer(peer.request(), body))

        return scripted(self.addCleanup, script)

    def assert_sparse(self, done, body=BODY, written=WRITTEN):
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == body, "the copy differs")
        # At either end of a hole, and a few blocks of the file system's own.
        self.assertLess(taken(self.file), written + 32 * PAGE)

    def test_each_path_and_loop(self):
        server = self.serve()
        for path in ("auto", "readwrite", "dontcache", "direct"):
            for loop in LOOPS:
                with self.subTest(path=path, loop=loop):
                    skip_unless_possible(path, self.here)
                    done = get(
                        server.url(),
                        "-o",
                        self.file,
                        "--sparse",
                        "--path",
                        path,
                        env={"SLUICE_LOOP": loop},
                    )
                    self.assert_sparse(done)

    def test_without_it_all_space_is_taken(self):
        done = get(self.serve().url(), "-o", self.file)
        self.assertEqual(done.code, 0, done.err)
        self.assertGreaterEqual(taken(self.file), len(BODY))

    def test_nothing_but_zeros(self):
        for size in (1, PAGE, 3 * MIB, 3 * MIB + 1):
            with self.subTest(size):
                done = get(self.serve(bytes(size)).url(), "-o", self.file, "--sparse")
                self.assert_sparse(done, bytes(size), 0)

    def test_a_length_that_is_not_known(self):
        def script(peer):
            peer.request()
            peer.send(answer_head() + BODY)

        url = scripted(self.addCleanup, script).url()
        digest = hashlib.sha256(BODY).hexdigest()
        done = get(url, "-o", self.file, "--sparse", "--sha256", digest)
        self.assert_sparse(done)

    def test_a_digest(self):
        for body in (bytes(3 * PAGE + 5), BODY):
            digest = hashlib.sha256(body).hexdigest()
            done = get(self.serve(body).url(), "-o", self.file, "--sparse", "--sha256", digest)
            self.assert_sparse(done, body)

    def test_bytes_that_were_there_are_not_what_is_left(self):
        """The part of another version, which is not cut where it is continued from its start."""
        other = content(len(BODY), seed=3)

        def script(peer):
            request = peer.request()
            if peer.number == 0:
                peer.send(whole_answer(other, etag='"old"')[: 6 * MIB])
            else:
                peer.send(range_answer(request, BODY, etag='"new"'))

        server = scripted(self.addCleanup, script)
        self.assertEqual(get(server.url(), "-o", self.file).code, 1)
        self.assert_sparse(get(server.url(), "-o", self.file, "--sparse"))

    def test_a_resume(self):
        def script(peer):
            request = peer.request()
            answer = range_answer(request, BODY)
            peer.send(answer[: 6 * MIB] if peer.number == 0 else answer)

        server = scripted(self.addCleanup, script)
        self.assertEqual(get(server.url(), "-o", self.file, "--sparse").code, 1)
        done = get(server.url(), "-o", self.file, "--sparse", "--json")
        self.assert_sparse(done)
        self.assertGreater(done.objects()[0]["resumed_from_bytes"], 5 * MIB)

    def test_a_file_system_without_holes(self):
        prefix = refusing(FALLOCATE, code=95)
        done = get(self.serve().url(), "-o", self.file, "--sparse", prefix=prefix)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")


if __name__ == "__main__":
    unittest.main()
