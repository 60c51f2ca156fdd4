# SPDX-License-Identifier: MIT
"""`sluice serve` while the page cache changes under it: pages that go, come or become dirty in the
middle of a range cost nothing but their reading, or end the answer where the file changed."""

import mmap
import unittest

from support import (
    LOOPS,
    MIB,
    PAGE,
    SEND_PATHS,
    content,
    evict,
    make_file,
    resident_pages,
    serve,
    skip_unless_direct,
    temp_folder,
    warm,
)

SIZE = 48 * MIB + 123  # more than sockets and buffers on both sides can hold
AHEAD = 40 * MIB  # not sent yet when the client stalls


class Pages(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", SIZE)

    def in_the_middle(self, path_name, loop, before, change):
        """What a client gets when change(file) happens after its first MiB, and the log line."""
        before(self.file)
        options = ("--workers", "1", "--path", path_name)
        server = serve(self.addCleanup, self.folder, *options, env={"SLUICE_LOOP": loop})
        with server.connect() as connection:
            connection.ask("/file", headers={"Connection": "close"})
            connection.head()
            got = connection.file.read(MIB)
            change(self.file)
            got += connection.rest()
        line = server.wait_log("/file")
        server.stop()
        return got, line

    def for_each_path(self, check):
        for loop in LOOPS:
            for path_name in ("auto", *SEND_PATHS):
                with self.subTest(path_name, loop=loop):
                    skip_unless_direct(path_name, self.folder)
                    check(path_name, loop)

    def assert_whole(self, path_name, loop, before, change):
        got, line = self.in_the_middle(path_name, loop, before, change)
        self.assertTrue(got == content(SIZE), "the body is not the file")
        self.assertEqual((line.note, sum(line.paths.values())), ("", SIZE))
        return line

    def test_pages_that_are_evicted(self):
        def check(path_name, loop):
            line = self.assert_whole(path_name, loop, warm, evict)
            if path_name == "auto" and not resident_pages(self.file, AHEAD):
                self.assertIn("direct", line.paths)

        self.for_each_path(check)

    def test_pages_that_are_read_by_somebody_else(self):
        self.for_each_path(lambda *how: self.assert_whole(*how, evict, warm))

    def test_a_page_that_is_dirtied_through_a_mapping(self):
        def dirty(file):
            with open(file, "r+b") as opened, mmap.mmap(opened.fileno(), SIZE) as mapped:
                mapped[AHEAD : AHEAD + PAGE] = bytes(PAGE)

        def check(path_name, loop):
            make_file(self.file, SIZE)
            got, line = self.in_the_middle(path_name, loop, evict, dirty)
            self.assertLess(len(got), SIZE)
            self.assertTrue(content(SIZE).startswith(got[:AHEAD]), "not the file's bytes")
            self.assertRegex(line.note, "^file changed while it was sent, by [a-z]+ at offset")

        self.for_each_path(check)


if __name__ == "__main__":
    unittest.main()
