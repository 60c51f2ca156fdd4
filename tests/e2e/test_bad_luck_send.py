# SPDX-License-Identifier: MIT
"""`sluice serve` from a disk that cannot read one range, and from a file system that changes its
mind about O_DIRECT: an answer breaks off where it must, with the place in the log, the others go
on, and not one byte is wrong."""

import errno
import fcntl
import struct
import subprocess
import unittest

from faulty_files import faulty
from support import (
    LOOPS,
    MIB,
    PAGE,
    SEND_PATHS,
    content,
    evict,
    make_cold,
    make_file,
    mount,
    program,
    serve,
    skip_unless_root,
    temp_folder,
    wait_until,
)

SIZE = 24 * MIB + 123
BAD = 13 * MIB + 5 * PAGE
REST = 20 * MIB  # where all is well again
NEAR = 4 * MIB  # more than any path reads or sends in one piece
FIBMAP = 1
LITTLE = 65536


class Sending(unittest.TestCase):
    """For each path and each way to do file I/O, in the classes below."""

    def for_each_path(self, check):
        for loop in LOOPS:
            for path_name in ("auto", *SEND_PATHS):
                with self.subTest(path_name, loop=loop):
                    for file in self.folder.iterdir():
                        evict(file)
                    options = ("--workers", "1", "--path", path_name)
                    env = {"SLUICE_LOOP": loop}
                    self.server = serve(self.addCleanup, self.folder, *options, env=env)
                    check(path_name)
                    self.server.stop()

    def assert_breaks_off(self, path_name, says, at=BAD):
        with self.server.connect() as connection:
            connection.ask("/bad")
            self.assertEqual(connection.head().headers["Content-Length"], str(SIZE))
            got = connection.rest()
        self.assertTrue(content(SIZE).startswith(got), "these are not the file's bytes")
        self.assertLessEqual(len(got), at)
        self.assertGreater(len(got), at - NEAR)
        line = self.server.wait_log("/bad")
        where = f"{says}, by {path_name if path_name != 'auto' else '[a-z]+'} at offset {line.bytes}$"
        self.assertRegex(line.note, where)
        self.assertLessEqual(line.bytes, at)

    def assert_reads(self, first):
        """The rest of the file from there on."""
        answer = self.server.request("/bad", headers={"Range": f"bytes={first}-"})
        self.assertEqual(answer.status, 206)
        self.assertTrue(answer.body == content(SIZE)[first:], "the rest differs")


class Unreadable(Sending):
    def assert_one_ends_and_others_go_on(self, path_name):
        with self.server.connect(receive_buffer=LITTLE) as other:
            other.ask("/good")
            other.head()
            self.assert_breaks_off(path_name, "the disk could not read the file")
            self.assertTrue(other.file.read(SIZE) == content(SIZE, 2), "another's body differs")
        self.assertEqual(self.server.wait_log("/good").note, "")

    def test_one_range(self):
        bad = ["bad", "read", "any", BAD, BAD + PAGE, errno.EIO]
        self.folder = faulty(self.addCleanup, bad)
        make_file(self.folder / "bad", SIZE)
        make_file(self.folder / "good", SIZE, 2)

        def check(path_name):
            self.assert_one_ends_and_others_go_on(path_name)
            self.assert_reads(REST)

        self.for_each_path(check)

    def test_a_device_that_was_cut_short(self):
        skip_unless_root("to mount an image")
        image = temp_folder(self.addCleanup) / "image"
        with open(image, "wb") as file:
            file.truncate(96 * MIB)  # one group of blocks: all that describes the files comes first
        mkfs = [program("mkfs.ext4"), "-q", "-b", "4096", "-O", "^has_journal", image]
        subprocess.run(mkfs, check=True)
        self.folder = mount(self.addCleanup, "ext4", "loop", image)
        (self.folder / "lost+found").rmdir()
        for name, seed in (("good", 2), ("bad", 1)):
            make_cold(make_file(self.folder / name, SIZE, seed))
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)
        with open(image, "r+b") as file:
            file.truncate(self.block_of(BAD // 4096) * 4096)
        self.for_each_path(self.assert_one_ends_and_others_go_on)

    def block_of(self, number):
        """Where this block of the bad file lies, with nothing of the good one behind it."""
        places = {}
        for name in ("good", "bad"):
            with open(self.folder / name, "rb") as file:
                places[name] = [self.place(file, at) for at in range(SIZE // 4096 + 1)]
        place = places["bad"][number]
        if max(places["good"]) > place or max(places["bad"][:number]) > place:
            self.skipTest("this file system does not write one file behind the other")
        return place

    @staticmethod
    def place(file, number):
        return struct.unpack("i", fcntl.ioctl(file, FIBMAP, struct.pack("i", number)))[0]


class RefusedDirect(Sending):
    def setUp(self):
        refuses = ["bad", "read", "direct", 8 * MIB, 1 << 60, errno.EINVAL]
        self.folder = faulty(self.addCleanup, refuses)
        make_file(self.folder / "bad", SIZE)

    def test_only_who_insists_on_it_fails(self):
        def check(path_name):
            if path_name == "direct":
                self.assert_breaks_off("direct", "this path cannot work on this file", 8 * MIB)
                return
            self.assertTrue(self.server.request("/bad").body == content(SIZE), "the body differs")
            line = self.server.wait_log("/bad")
            self.assertEqual(line.note, "")
            if path_name == "auto":
                self.assertEqual(line.paths.keys(), {"direct", "readwrite"}, line.line)
            self.assertEqual(sum(line.paths.values()), SIZE)

        self.for_each_path(check)


if __name__ == "__main__":
    unittest.main()
