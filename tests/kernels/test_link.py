# SPDX-License-Identifier: MIT
"""Transfers over a link on which packets take their time and get lost."""

import signal
import unittest

from slow_link import ADDRESSES, Link
from support import (
    LOOPS,
    MIB,
    finish,
    get,
    make_file,
    same,
    serve,
    settle,
    start_sluice,
    temp_folder,
    wait_until,
)

SIZE = 8 * MIB + 123
SECONDS = 120  # for a transfer that takes a few


class SlowLink(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.link = Link(cls.addClassCleanup, delay_ms=25, loss_percent=0.1)
        cls.source = temp_folder(cls.addClassCleanup)
        cls.file = settle(make_file(cls.source / "file", SIZE))

    def setUp(self):
        self.copy = temp_folder(self.addCleanup) / "file"

    def serve(self, **how):
        listen = f"{ADDRESSES[0]}:0"
        return serve(self.addCleanup, self.source, listen=listen, prefix=self.link.prefixes[0], **how)

    def start_get(self, server, *options, **how):
        url, prefix = server.url("file"), self.link.prefixes[1]
        return start_sluice("get", url, "-o", self.copy, "--json", *options, prefix=prefix, **how)

    def test_what_arrives_is_the_file(self):
        for loop in LOOPS:
            with self.subTest(loop=loop):
                how = {"env": {"SLUICE_LOOP": loop}}
                done = finish(self.start_get(self.serve(**how), **how), SECONDS)
                self.assertEqual(done.code, 0, done.err)
                self.assertTrue(same(self.copy, self.file), "the copy differs")
                self.copy.unlink()

    def test_killed_and_run_again(self):
        server = self.serve()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(sign=sign.name):
                process = self.start_get(server)
                self.addCleanup(process.kill)
                before = self.link.received(1)
                wait_until(lambda: self.link.received(1) > before + 2 * MIB, "some of it came")
                process.send_signal(sign)
                process.communicate()
                self.assertFalse(self.copy.exists(), "it was quicker")
                done = finish(self.start_get(server), SECONDS)
                self.assertEqual(done.code, 0, done.err)
                if sign == signal.SIGTERM:
                    self.assertGreater(done.objects()[0]["resumed_from_bytes"], 0)
                self.assertTrue(same(self.copy, self.file), "the copy differs")
                self.copy.unlink()


if __name__ == "__main__":
    unittest.main()
