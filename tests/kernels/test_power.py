# SPDX-License-Identifier: MIT
"""What is on the disk after the power failed: what `get` said is done; else the old file or the new one,
and a part of which nothing is believed that is not there."""

import os
import random
import re
import signal
import subprocess
import unittest

from other_servers import stalling_proxy
from support import (
    MIB,
    content,
    finish,
    get,
    make_file,
    program,
    serve,
    settle,
    start_sluice,
    temp_folder,
    wait_until,
)
from volatile_disk import SECTOR, Machine

SIZE = 16 * MIB + 345
SMALL = 100_000
OLD = content(SMALL, 7)
ROUNDS = int(os.environ.get("SLUICE_POWER_ROUNDS", 4))


class PowerLoss:
    """Runs once for each file system, in the classes below."""

    kind, mkfs, options = "", (), "defaults"

    @classmethod
    def setUpClass(cls):
        cls.source = temp_folder(cls.addClassCleanup)
        make_file(cls.source / "small", SMALL)
        settle(make_file(cls.source / "file", SIZE))
        cls.server = serve(cls.addClassCleanup, cls.source)

    def setUp(self):
        mkfs = [program(self.mkfs[0]), *self.mkfs[1:]]
        self.machine = Machine(self.addCleanup, self.kind, mkfs, self.options)

    def path(self, name):
        return self.machine.folder / name

    def get(self, url, name, *options):
        done = get(url, "-o", self.path(name), "--json", *options)
        self.assertEqual(done.code, 0, done.err)
        return done.objects()[0]

    def put_old(self, name):
        self.path(name).write_bytes(OLD)
        self.sync()

    def sync(self):
        subprocess.run(["sync", "--file-system", self.machine.folder], check=True)

    def assert_is(self, name, *wanted):
        found = self.path(name).read_bytes() if self.path(name).exists() else None
        self.assertTrue(found in wanted, f"{name} is {'absent' if found is None else 'damaged'}")

    def test_what_is_done_is_on_the_disk(self):
        self.put_old("replaced")
        self.get(self.server.url("file"), "large")
        self.get(self.server.url("small"), "small")
        self.get(self.server.url("file"), "replaced")
        self.machine.fail(flushes=0)
        self.get(self.server.url("file"), "not-synced", "--no-sync")
        self.machine.restart()
        self.assert_is("large", content(SIZE))
        self.assert_is("small", content(SMALL))
        self.assert_is("replaced", content(SIZE))
        lost = self.path("not-synced")
        self.assertFalse(lost.exists() and lost.read_bytes() == content(SIZE), "a disk that keeps all")

    def test_a_replaced_file_is_the_old_or_the_new_one(self):
        """The power fails at each flush in turn."""
        flushes, was_new = 0, False
        while not was_new:
            self.put_old("small")
            self.machine.fail(flushes=flushes, seed=flushes)
            self.get(self.server.url("small"), "small")
            was_new = not self.machine.failed.exists()
            self.machine.restart()
            self.assert_is("small", content(SMALL), *([] if was_new else [OLD]))
            flushes += 1
        self.assertGreater(flushes, 1, "no flush was seen")

    def assert_alone(self):
        """The file, whole, and nothing else."""
        self.assert_is("file", content(SIZE))
        self.assertEqual([n for n in os.listdir(self.machine.folder) if n != "lost+found"], ["file"])

    def interrupt(self, url, stall_after):
        """Starts a get and stops it when the server has fallen silent."""
        self.proxy.stall_next(stall_after)
        process = start_sluice("get", url, "-o", self.path("file"))
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(lambda: self.proxy.stalled.is_set() or process.poll() is not None, "the stall")
        wait_until(lambda: self.path("file.part").exists() or process.poll() is not None, "a part")
        process.send_signal(signal.SIGTERM)
        return finish(process)

    def test_what_was_kept_is_gone_on_from(self):
        self.proxy = stalling_proxy(self.addCleanup, self.server.port, 0)
        url = self.proxy.url("/file")
        stopped = self.interrupt(url, SIZE // 2)
        kept = re.search(r"has the first (\d+) bytes: run the same command again", stopped.err)
        self.assertTrue(kept, stopped.err)
        self.machine.restart()
        resumed = self.get(url, "file")["resumed_from_bytes"]
        self.assertTrue(0 <= int(kept[1]) - resumed < MIB, (kept[1], resumed))  # of a whole block
        self.assert_alone()

    def a_round(self, seed):
        chance = random.Random(seed)
        before = [OLD] if chance.random() < 0.5 else [None]
        if before[0]:
            self.put_old("file")
        url = self.proxy.url("/file")
        moment = {"flushes": chance.randrange(16)}
        if chance.random() < 0.5:
            moment = {"writes": chance.randrange(1, SIZE // SECTOR)}
        self.machine.fail(**moment, seed=seed if chance.random() < 0.5 else None)
        if not any(self.interrupt(url, chance.randrange(SIZE)).code == 0 for _ in range(3)):
            self.proxy.stall_next(1 << 62)
            self.get(url, "file")
        was_done = not self.machine.failed.exists()
        self.machine.restart()
        self.assert_is("file", content(SIZE), *([] if was_done else before))
        self.get(url, "file")
        self.assert_alone()
        self.path("file").unlink()
        self.sync()

    def test_what_is_not_on_the_disk_is_not_believed(self):
        self.proxy = stalling_proxy(self.addCleanup, self.server.port, 0)
        for seed in range(ROUNDS):
            with self.subTest(seed=seed):
                self.a_round(seed)


class Ext4(PowerLoss, unittest.TestCase):
    kind, mkfs = "ext4", ("mkfs.ext4", "-q", "-F")


class Xfs(PowerLoss, unittest.TestCase):
    kind, mkfs = "xfs", ("mkfs.xfs", "-q", "-f")


class Btrfs(PowerLoss, unittest.TestCase):
    kind, mkfs = "btrfs", ("mkfs.btrfs", "-q", "-f")


if __name__ == "__main__":
    unittest.main()
