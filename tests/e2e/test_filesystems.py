# SPDX-License-Identifier: MIT
"""No file system and no permission is assumed: transfers on memory, without O_DIRECT, from files
of others, and from what cannot be written."""

import os
import subprocess
import unittest

from support import (
    MIB,
    evict,
    get,
    make_file,
    mount,
    ordinary_user,
    program,
    same,
    serve,
    skip_unless_root,
    temp_folder,
    warm,
)

SIZES = (0, 1, 4097, 5 * MIB + 123, 20 * MIB + 7)


class Transfers(unittest.TestCase):
    def transfer_all(self, source, here, prefix=()):
        """Every size, by the paths that work everywhere, warm and cold."""
        for send, receive in (("auto", "auto"), ("sendfile", "readwrite"), ("readwrite", "auto")):
            options = ["--path", send]
            server = serve(self.addCleanup, source, *options, prefix=prefix)
            for size in SIZES:
                for prepare in (warm, evict):
                    prepare(source / f"file-{size}")
                    copy, url = here / "copy", server.url(f"file-{size}")
                    done = get(url, "-o", copy, "--path", receive, prefix=prefix)
                    self.assertEqual(done.code, 0, done.err)
                    self.assertTrue(same(copy, source / f"file-{size}"), (send, receive, size))
                    self.assertEqual(os.listdir(here), ["copy"])
                    copy.unlink()

    def fill(self, folder):
        for size in SIZES:
            make_file(folder / f"file-{size}", size)
        return folder


class FileSystems(Transfers):
    def both_ways(self, other):
        """From here to the other file system, back, and within it."""
        for name in ("source", "copies"):
            (other / name).mkdir()
        source = self.fill(other / "source")
        self.transfer_all(source, other / "copies")
        self.transfer_all(source, temp_folder(self.addCleanup))
        self.transfer_all(self.fill(temp_folder(self.addCleanup)), other / "copies")

    def test_tmpfs(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("there is no /dev/shm to write to")
        self.both_ways(temp_folder(self.addCleanup, "/dev/shm"))

    def test_ramfs_which_has_no_o_direct_and_reports_no_size(self):
        self.both_ways(mount(self.addCleanup, "ramfs", "mode=755"))

    def test_ext4_that_turns_o_direct_into_buffered_io(self):
        skip_unless_root("to mount an image")
        image = temp_folder(self.addCleanup) / "image"
        with open(image, "wb") as file:
            file.truncate(256 * MIB)
        subprocess.run([program("mkfs.ext4"), "-q", image], check=True)
        self.both_ways(mount(self.addCleanup, "ext4", "loop,data=journal", image))

    def test_a_file_system_that_cannot_be_written(self):
        source = mount(self.addCleanup, "tmpfs", "size=64m")
        self.fill(source)
        subprocess.run(["mount", "-o", "remount,ro", source], check=True)
        self.transfer_all(source, temp_folder(self.addCleanup))
        server = serve(self.addCleanup, temp_folder(self.addCleanup))
        done = get(server.url(), "-o", source / "file-1")
        self.assertEqual(done.code, 1)
        self.assertRegex(done.err, r"^sluice: [^\n]*file-1[^\n]*[Rr]ead-only[^\n]*\n$")


class Permissions(Transfers):
    def setUp(self):
        self.source, self.here = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.fill(self.source)
        self.prefix = ordinary_user(self.source)
        self.here.chmod(0o777)

    def test_files_of_another_user(self):
        if not self.prefix:
            self.skipTest("needs root to make files of another user")
        self.transfer_all(self.source, self.here, self.prefix)

    def test_read_only_files_in_a_read_only_folder(self):
        for file in self.source.iterdir():
            file.chmod(0o444)
        self.source.chmod(0o555)
        self.addCleanup(self.source.chmod, 0o755)
        self.transfer_all(self.source, self.here, self.prefix)

    def test_a_read_only_destination_in_a_folder_that_can_be_written(self):
        copy = make_file(self.here / "copy", 3)
        copy.chmod(0o444)
        server = serve(self.addCleanup, self.source)
        done = get(server.url("file-4097"), "-o", copy, prefix=self.prefix)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(same(copy, self.source / "file-4097"), "the copy differs")


if __name__ == "__main__":
    unittest.main()
