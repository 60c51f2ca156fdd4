# SPDX-License-Identifier: MIT
"""`sluice get --limit` is never faster than that, over the whole call. How much slower it is depends
on the machine, and so is not tested; tests/unit/test_pace.c has the clock for it."""

import time
import unittest

from other_servers import answer_head, range_answer, scripted, whole_answer
from support import KIB, content, get, serve, temp_folder

SIZE = 600 * KIB
BODY = content(SIZE)


class Limit(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)

    def timed(self, *arguments, **how):
        begun = time.monotonic()
        done = get(*arguments, **how)
        self.assertEqual(done.code, 0, done.err)
        return done, time.monotonic() - begun

    def test_one_file(self):
        (self.here / "served").mkdir()
        (self.here / "served" / "file").write_bytes(BODY)
        server = serve(self.addCleanup, self.here / "served")
        done, _ = self.timed(server.url("file"), "-o", self.here / "file", "--limit", "1M", "--json")
        self.assertGreaterEqual(done.objects()[0]["bill"]["seconds"], 0.98 * SIZE / (1 << 20))
        self.assertTrue((self.here / "file").read_bytes() == BODY)

    def test_a_body_that_came_with_its_head(self):
        server = scripted(self.addCleanup, lambda peer: (peer.request(), peer.send(whole_answer(b"x" * 5000))))
        done, seconds = self.timed(server.url(), "-o", "-", "--limit", "10K")
        self.assertEqual(len(done.out), 5000)
        self.assertGreaterEqual(seconds, 0.98 * 5000 / 10240)

    def test_chunks(self):
        def script(peer):
            peer.request()
            peer.send(answer_head(Transfer_Encoding="chunked"))
            for at in range(0, SIZE, 10_000):
                piece = BODY[at : at + 10_000]
                peer.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
            peer.send(b"0\r\n\r\n")

        server = scripted(self.addCleanup, script)
        done, seconds = self.timed(server.url(), "-o", "-", "--limit", "1M")
        self.assertTrue(done.out == BODY)
        self.assertGreaterEqual(seconds, 0.98 * SIZE / (1 << 20))

    def test_several_streams(self):
        body = content(16 << 20)

        def script(peer):
            while request := peer.request():
                peer.send(range_answer(request, body))

        server = scripted(self.addCleanup, script)
        _, seconds = self.timed(server.url(), "-o", self.here / "file", "-j", "3", "--limit", "16M")
        self.assertGreaterEqual(seconds, 0.98)
        self.assertTrue((self.here / "file").read_bytes() == body)

    def test_all_files_together(self):
        def script(peer):
            while peer.request():
                peer.send(whole_answer(BODY[: 50 * KIB]))

        server = scripted(self.addCleanup, script)
        urls = [server.url(f"/{number}") for number in range(8)]
        _, seconds = self.timed(*urls, "-O", self.here / "out", "--limit", "800K")
        self.assertGreaterEqual(seconds, 0.98 * 8 * 50 / 800)
        self.assertEqual(len(list((self.here / "out").iterdir())), 8)


if __name__ == "__main__":
    unittest.main()
