# SPDX-License-Identifier: MIT
"""`sluice get` from the web servers that people have."""

import os
import signal
import unittest

from other_servers import stalling_proxy
from real_servers import SERVERS, WITHOUT_RANGES
from support import (
    KIB,
    MIB,
    content,
    finish,
    get,
    make_file,
    settle,
    start_sluice,
    temp_folder,
    wait_until,
    wait_until_still,
)

SIZE = 24 * MIB + 345
STALL = 7 * MIB + 777
OVERLAP = 64 * KIB  # that is asked for again, and compared
BLOCK = MIB  # of which a part was written may come again
BODY = content(SIZE)


class RealServers:
    """Runs once for each server, in the classes below."""

    name = ""

    @classmethod
    def setUpClass(cls):
        cls.source = temp_folder(cls.addClassCleanup)
        settle(make_file(cls.source / "file.bin", SIZE))
        (cls.source / "empty.bin").touch()
        cls.port = SERVERS[cls.name](cls.addClassCleanup, cls.source)

    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file, self.part = self.here / "file.bin", self.here / "file.bin.part"

    def url(self, name="file.bin"):
        return f"http://127.0.0.1:{self.port}/{name}"

    def get(self, url, *options):
        done = get(url, "-o", self.file, "--json", *options)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["file.bin"])
        return done.objects()[0]

    def test_a_file_and_the_same_again(self):
        self.assertEqual(self.get(self.url())["status"], 200)
        self.get(self.url())

    def test_an_empty_file(self):
        done = get(self.url("empty.bin"), "-o", self.file)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.file.read_bytes(), b"")

    def test_what_is_not_there(self):
        done = get(self.url("nothing.bin"), "-o", self.file)
        self.assertEqual(done.code, 1)
        self.assertIn("404", done.err)
        self.assertEqual(os.listdir(self.here), [])

    def stop(self, sign, *options, stall=STALL):
        """In the middle of it."""
        proxy = stalling_proxy(self.addCleanup, self.port, stall)
        process = start_sluice("get", proxy.url("/file.bin"), "-o", self.file, *options)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(proxy.stalled.is_set, "the proxy falls silent")
        wait_until(self.part.exists, "there is a part")
        wait_until_still(process)
        process.send_signal(sign)
        return proxy, process

    def test_interrupted_and_run_again(self):
        proxy, process = self.stop(signal.SIGINT)
        self.assertEqual(finish(process).code, 1)
        resumed = self.get(proxy.url("/file.bin"))["resumed_from_bytes"]
        if self.name in WITHOUT_RANGES:
            self.assertEqual(resumed, 0)
        else:
            self.assertGreaterEqual(resumed, STALL - BLOCK - OVERLAP)

    def test_killed_and_run_again(self):
        proxy, process = self.stop(signal.SIGKILL)
        process.wait()
        self.get(proxy.url("/file.bin"))

    def test_four_streams(self):
        if "-j, " not in get("--help").out.decode():
            self.skipTest("this sluice has no -j")
        self.get(self.url(), "-j", "4")

    def test_four_streams_killed_and_run_again(self):
        if "-j, " not in get("--help").out.decode():
            self.skipTest("this sluice has no -j")
        # Of the first connection's share the others may take all but some MiB.
        proxy, process = self.stop(signal.SIGKILL, "-j", "4", stall=MIB)
        process.wait()
        self.get(proxy.url("/file.bin"), "-j", "4")


class Nginx(RealServers, unittest.TestCase):
    name = "nginx"


class Lighttpd(RealServers, unittest.TestCase):
    name = "lighttpd"


class Caddy(RealServers, unittest.TestCase):
    name = "caddy"


class Apache(RealServers, unittest.TestCase):
    name = "apache"


class Python(RealServers, unittest.TestCase):
    name = "python"


if __name__ == "__main__":
    unittest.main()
