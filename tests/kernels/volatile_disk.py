# SPDX-License-Identifier: MIT
"""A disk with a volatile write cache, whose power can fail: a file "disk" over FUSE, to be put under a
loop device with direct I/O. What is written stays in the cache until a flush (fsync) takes the whole cache
to the file below. When the power fails, the cache is lost, or a part of it by chance, as disks write back
in any order. The file system above goes on as if nothing had happened, but nothing reaches the disk any
more: take it down, and look at what is there when it comes up again.

When it fails is written as JSON into the file "power" beside it: {"writes": N} lets N more sectors in, 0
is now; {"flushes": N} lets N more flushes through; with a "seed" about every other sector survives. The
file "failed" below says that it came to that.
"""

import contextlib
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import faulty_files  # noqa: E402
from support import MIB, temp_folder  # noqa: E402

SECTOR = 4096
NEVER = 1 << 62


class VolatileDisk(faulty_files.Files):
    def __init__(self, backing):
        super().__init__(backing, [])
        self.cache, self.has_failed = {}, False  # sector number: its bytes
        self.writes_left = self.flushes_left = NEVER
        self.seed = None
        self.disk = os.open(os.path.join(backing, "disk"), os.O_RDWR)

    def write(self, node, data):
        if self.names[node] == "power":
            self.plan(**json.loads(data[40:]))
        else:
            _, offset, size = struct.unpack_from("=QQI", data)
            for at in range(0, size, SECTOR):
                if self.writes_left == 0:
                    self.fail()
                self.cache[(offset + at) // SECTOR] = data[40 + at : 40 + at + SECTOR]
                self.writes_left -= 1
        return struct.pack("=II", len(data) - 40, 0)

    def read(self, node, data):
        _, offset, size = struct.unpack_from("=QQI", data)
        if self.names[node] == "power":
            return b""
        found = bytearray(os.pread(self.disk, size, offset))
        for at in range(0, len(found), SECTOR):
            if piece := self.cache.get((offset + at) // SECTOR):
                found[at : at + SECTOR] = piece
        return bytes(found)

    def fsync(self, node, data):
        if self.flushes_left == 0:
            self.fail()
        self.flushes_left -= 1
        if not self.has_failed:
            self.settle(sorted(self.cache))
            self.cache.clear()
        return b""

    def settle(self, sectors):
        """Neighbours in one call."""
        run = []
        for sector in [*sectors, None]:
            if run and sector != run[-1] + 1:
                os.pwrite(self.disk, b"".join(map(self.cache.get, run)), run[0] * SECTOR)
                run = []
            run.append(sector)

    def plan(self, writes=NEVER, flushes=NEVER, seed=None):
        self.writes_left, self.flushes_left, self.seed = writes, flushes, seed
        if writes == 0:
            self.fail()

    def fail(self):
        if self.has_failed:
            return
        self.has_failed = True
        if self.seed is not None:
            chance = random.Random(self.seed)
            self.settle([sector for sector in sorted(self.cache) if chance.random() < 0.5])
        pathlib.Path(self.backing, "failed").touch()


def attach(add_cleanup, file):
    """A loop device on a file; or skips."""
    command = ["losetup", "--find", "--show", "--direct-io=on", f"--sector-size={SECTOR}", file]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"no loop device here: {done.stderr.strip()}")
    device = done.stdout.strip()
    add_cleanup(subprocess.run, ["losetup", "--detach", device], check=True)
    return device


class Machine:
    """A file system on such a disk, that comes up again after each power failure."""

    def __init__(self, add_cleanup, kind, mkfs, options):
        self.kind, self.options = kind, options
        self.backing = temp_folder(add_cleanup)
        self.failed = self.backing / "failed"
        (self.backing / "power").touch()
        with open(self.backing / "disk", "wb") as disk:
            disk.truncate(512 * MIB)
        self.running = contextlib.ExitStack()
        add_cleanup(self.stop)
        self.start(mkfs)

    def start(self, mkfs=None):
        with contextlib.ExitStack() as stack:
            disk = faulty_files.start(stack.callback, __file__, self.backing)
            device = attach(stack.callback, disk / "disk")
            if mkfs:
                subprocess.run([*mkfs, device], check=True, capture_output=True)
            self.folder = temp_folder(stack.callback)
            command = ["mount", "-t", self.kind, "-o", self.options, device, self.folder]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                kind = unittest.SkipTest if mkfs else AssertionError
                raise kind(f"cannot mount {self.kind}: {done.stderr.strip()}")
            stack.callback(subprocess.run, ["umount", self.folder], check=True)
            self.power = disk / "power"
            self.running = stack.pop_all()

    def stop(self):
        self.running.close()

    def fail(self, **when):
        self.power.write_text(json.dumps(when))

    def restart(self):
        """The power fails now, if it has not yet, and comes back."""
        self.fail(writes=0)
        self.stop()
        self.failed.unlink()
        self.start()


if __name__ == "__main__":
    faulty_files.serve(sys.argv[1], VolatileDisk(sys.argv[2]))
