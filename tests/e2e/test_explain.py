# SPDX-License-Identifier: MIT
"""sluice explain: what would happen to a file right now."""

import os
import unittest

from support import MIB, despite_reclaim, evict, make_file, skip_unless_direct, sluice, temp_folder, warm


class Explain(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", 12 * MIB)

    def explain(self, *files):
        done = sluice("explain", *files)
        self.assertEqual(done.code, 0, done.err)
        return done.out.decode().splitlines()

    @despite_reclaim
    def test_resident(self):
        warm(self.file)
        self.assertEqual(self.explain(self.file),
                         [f"bytes 0-{12 * MIB - 1} by splice: resident in the page cache, and long"])

    def test_cold(self):
        skip_unless_direct("direct", self.folder)
        evict(self.file)
        self.assertEqual(self.explain(self.file),
                         [f"bytes 0-{12 * MIB - 1} by direct: not in the page cache"])

    @despite_reclaim
    def test_half(self):
        skip_unless_direct("direct", self.folder)
        evict(self.file)
        with open(self.file, "rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            opened.read(4 * MIB)
        lines = self.explain(self.file)
        self.assertIn("by splice", lines[0])
        self.assertIn("by direct", lines[-1])

    def test_it_leaves_the_page_cache_alone(self):
        skip_unless_direct("direct", self.folder)
        evict(self.file)
        self.explain(self.file)
        self.assertIn("by direct", self.explain(self.file)[0])

    def test_empty(self):
        self.assertEqual(self.explain(make_file(self.folder / "empty", 0)), [])

    def test_what_cannot_be_looked_at(self):
        for name in (self.folder / "missing", self.folder):
            done = sluice("explain", name)
            self.assertEqual(done.code, 1)
            self.assertIn(str(name), done.err.decode() if isinstance(done.err, bytes) else done.err)

    def test_wrong_use(self):
        self.assertEqual(sluice("explain").code, 2)
        self.assertEqual(sluice("explain", "--nonsense", self.file).code, 2)


if __name__ == "__main__":
    unittest.main()
