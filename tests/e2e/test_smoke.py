# SPDX-License-Identifier: MIT
"""What must work before anything else is looked at: `serve` and `get`, in seconds."""

import json
import signal
import unittest

from other_servers import stalling_proxy
from support import LOOPS, MIB, content, evict, finish, get, make_file, same, serve, settle, start_sluice, \
    temp_folder, wait_until, warm

SIZES = (0, 1, 4097, 100_000, 24 * MIB + 123)
BIG = f"file-{SIZES[-1]}"


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.source = temp_folder(cls.addClassCleanup)
        cls.files = [settle(make_file(cls.source / f"file-{size}", size)) for size in SIZES]

    def setUp(self):
        self.copy = temp_folder(self.addCleanup) / "copy"
        self.server = serve(self.addCleanup, self.source)

    def test_files(self):
        for loop in LOOPS:
            how = {"env": {"SLUICE_LOOP": loop}}
            server = serve(self.addCleanup, self.source, **how)
            for file in self.files:
                for prepare in (warm, evict):
                    with self.subTest(loop=loop, file=file.name, prepare=prepare.__name__):
                        prepare(file)
                        done = get(server.url(file.name), "-o", self.copy, **how)
                        self.assertEqual(done.code, 0, done.err)
                        self.assertTrue(same(self.copy, file), "the copy differs")
                        self.copy.unlink()

    def test_a_range(self):
        answer = self.server.request(f"/{BIG}", headers={"Range": f"bytes=4095-{5 * MIB}"})
        self.assertEqual(answer.status, 206)
        self.assertEqual(answer.headers["Content-Range"], f"bytes 4095-{5 * MIB}/{SIZES[-1]}")
        self.assertTrue(answer.body == content(SIZES[-1])[4095 : 5 * MIB + 1], "the body differs")

    def test_interrupted_and_continued(self):
        proxy = stalling_proxy(self.addCleanup, self.server.port, 10 * MIB + 5)
        url = proxy.url(f"/{BIG}")
        process = start_sluice("get", url, "-o", self.copy)
        self.addCleanup(process.kill)
        wait_until(proxy.stalled.is_set, "the server falls silent")
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process).code, 1)
        done = get(url, "-o", self.copy)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(same(self.copy, self.source / BIG), "the copy differs")
        wait_until(lambda: 206 in [line.status for line in self.server.log()], "a part was asked for")

    def test_a_listing(self):
        answer = self.server.request("/", headers={"Accept": "application/json"})
        self.assertEqual(answer.status, 200)
        sizes = {entry["name"]: entry["size_bytes"] for entry in json.loads(answer.body)["entries"]}
        self.assertEqual(sizes, {f"file-{size}": size for size in SIZES})

    def test_errors(self):
        self.assertEqual(self.server.request("/nothing").status, 404)
        done = get(self.server.url("nothing"), "-o", self.copy)
        self.assertEqual((done.code, done.out), (1, b""))
        self.assertIn("404", done.err)
        self.assertFalse(self.copy.exists())


if __name__ == "__main__":
    unittest.main()
