# SPDX-License-Identifier: MIT
"""`sluice get` to a disk that fails in the middle, or only when it is asked to sync, that is full, and
to a file system that changes its mind about O_DIRECT: nothing that is not whole and on the disk
gets the name, and what is kept can be continued."""

import errno
import os
import re
import subprocess
import unittest

from faulty_files import faulty
from other_servers import scripted
from support import (
    LOOPS,
    MIB,
    PAGE,
    RECEIVE_PATHS,
    content,
    get,
    make_file,
    mount,
    program,
    resident_pages,
    same,
    serve,
    settle,
    skip_unless_possible,
    skip_unless_root,
    temp_folder,
)

SIZE = 24 * MIB + 123
BAD = 9 * MIB + 3 * PAGE
NEAR = 17 * MIB  # what may be under way when a write fails


class Receiving(unittest.TestCase):
    def setUp(self):
        skip_unless_root("to mount a file system")
        self.folder = temp_folder(self.addCleanup)
        self.source = make_file(self.folder / "file", SIZE)
        self.server = serve(self.addCleanup, self.folder)

    def get(self, here, path_name, loop, *options, url=None):
        options = ("-o", here / "copy", "--path", path_name, *options)
        return get(url or self.server.url("file"), *options, env={"SLUICE_LOOP": loop})

    def for_each_path(self, check):
        for loop in LOOPS:
            for path_name in ("auto", *RECEIVE_PATHS):
                with self.subTest(path_name, loop=loop):
                    skip_unless_possible(path_name, self.folder)
                    check(path_name, loop)

    def assert_fails(self, done, says):
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, rf"(?m)^sluice: .*{says}")

    def assert_completes(self, here, path_name, loop, resumes=True):
        done = self.get(here, path_name, loop, "--json")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.objects()[0]["resumed_from_bytes"] > 0, resumes)
        self.assertTrue(same(here / "copy", self.source), "the copy differs")
        self.assertEqual(os.listdir(here), ["copy"])

    def can(self, path_name):
        """Whether a FUSE file system can do it."""
        return path_name != "dontcache"


class RefusedDirect(Receiving):
    def setUp(self):
        super().setUp()
        refuses = ["copy*", "write", "direct", 8 * MIB, 1 << 60, errno.EINVAL]
        self.here = faulty(self.addCleanup, refuses)

    def test_auto_goes_on_through_the_page_cache_and_leaves_nothing_there(self):
        for loop in LOOPS:
            with self.subTest(loop=loop):
                done = self.get(self.here, "auto", loop, "--explain")
                self.assertEqual(done.code, 0, done.err)
                self.assertTrue(same(self.here / "copy", self.source), "the copy differs")
                refused = "the file system refused to go on as before"
                for first, last, how in (
                    (0, 8 * MIB - 1, "direct: large"),
                    (8 * MIB, SIZE - 1, f"readwrite: {refused}"),
                ):
                    self.assertIn(f"sluice: bytes {first}-{last} by {how}\n", done.err)
                self.assertRegex(done.err, rf"direct {8 * MIB} readwrite {SIZE - 8 * MIB}\n")
                self.assertEqual(resident_pages(self.here / "copy"), 0)
                self.assertEqual(os.listdir(self.here), ["copy"])
                (self.here / "copy").unlink()

    def test_what_is_asked_for_by_name_fails_clearly_and_can_be_continued(self):
        settle(self.source)
        for loop in LOOPS:
            with self.subTest(loop=loop):
                done = self.get(self.here, "direct", loop)
                says = r"path direct cannot go on in copy\.part: .* refuses it.*has the first \d+ bytes"
                self.assert_fails(done, says)
                self.assert_completes(self.here, "auto", loop)
                (self.here / "copy").unlink()


class FailingWrites(Receiving):
    def assert_keeps_what_is_written(self, code, says):
        settle(self.source)

        def check(path_name, loop):
            if not self.can(path_name):
                return
            backing = temp_folder(self.addCleanup)
            here = faulty(self.addCleanup, ["copy*", "write", "any", BAD, BAD + 1, code], backing=backing)
            self.assert_fails(self.get(here, path_name, loop), says)
            self.assertEqual(sorted(os.listdir(backing)), ["copy.part", "copy.part.state"])
            kept = (backing / "copy.part").stat().st_size
            self.assertLessEqual(kept, BAD)
            self.assertGreater(kept, BAD - NEAR)
            self.assertTrue(content(SIZE).startswith((backing / "copy.part").read_bytes()))
            self.assert_completes(faulty(self.addCleanup, backing=backing), path_name, loop)

        self.for_each_path(check)

    def test_a_disk_that_cannot_be_written_at_one_place(self):
        self.assert_keeps_what_is_written(errno.EIO, r"copy\.part: Input/output error")

    def test_a_disk_that_is_full(self):
        self.assert_keeps_what_is_written(errno.ENOSPC, r"no room for copy\.part.*continue")


class FailingSync(Receiving):
    def test_nothing_is_called_done_and_nothing_is_kept(self):
        def check(path_name, loop):
            if not self.can(path_name):
                return
            here = faulty(self.addCleanup, ["copy.part", "fsync", "any", 0, 1, errno.EIO])
            done = self.get(here, path_name, loop)
            self.assert_fails(done, r"copy\.part: Input/output error.*removed")
            self.assertEqual(os.listdir(here), [])

        self.for_each_path(check)


class FullDisks(Receiving):
    def image(self, size, folder):
        image = folder / "image"
        with open(image, "wb") as file:
            file.truncate(size)
        subprocess.run([program("mkfs.ext4"), "-q", "-b", "4096", "-m", "0", image], check=True)
        here = mount(self.addCleanup, "ext4", "loop", image)
        (here / "lost+found").rmdir()
        return here

    def test_no_room_for_a_file_of_known_length(self):
        here = self.image(24 * MIB, temp_folder(self.addCleanup))

        def check(path_name, loop):
            done = self.get(here, path_name, loop)
            self.assert_fails(done, r"no room for copy\.part: No space")
            self.assertEqual(os.listdir(here), [])

        self.for_each_path(check)

    def test_no_room_in_the_middle_of_one_of_unknown_length(self):
        here = self.image(24 * MIB, temp_folder(self.addCleanup))

        def script(peer):
            peer.request()
            peer.send(b"HTTP/1.0 200 OK\r\n\r\n" + content(SIZE))

        url = scripted(self.addCleanup, script).url()

        def check(path_name, loop):
            done = self.get(here, path_name, loop, url=url)
            self.assert_fails(done, r"no room for copy\.part: No space")
            self.assertEqual(os.listdir(here), [])

        self.for_each_path(check)

    def test_a_device_that_takes_no_more(self):
        """The file system has room, and its device has not: a write, or only the sync, fails."""
        for loop in LOOPS:
            for path_name in ("auto", *RECEIVE_PATHS):
                with self.subTest(path_name, loop=loop):
                    here = self.image(64 * MIB, mount(self.addCleanup, "tmpfs", "size=12m"))
                    skip_unless_possible(path_name, here)
                    done = self.get(here, path_name, loop)
                    self.assert_fails(done, r"copy\.part: (Input/output error|No space)")
                    self.assertNotIn("copy", os.listdir(here))


if __name__ == "__main__":
    unittest.main()
