# SPDX-License-Identifier: MIT
"""sluice cache where cachestat(2) cannot be had: of one's own files mincore(2) tells what is resident,
of others' nothing is made up."""

import errno
import os
import random
import unittest

from support import (
    CACHESTAT, MIB, MINCORE, PAGE, despite_reclaim, evict, make_cold, make_file, mount, ordinary_user, pages, program,
    refusing, resident_pages, skip_unless_root, sluice, warm,
)
from test_cache import Cache, read_pages, resident_ranges

# Linux before 6.5, and what filters of containers answer.
CODES = (errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL)


class OwnFiles(Cache):
    def refused(self):
        for code in CODES:
            with self.subTest(errno.errorcode[code]):
                yield refusing(CACHESTAT, code=code)

    def striped(self, size, seed=1):
        path = make_file(self.folder / "striped", size)
        make_cold(path)
        chosen = random.Random(seed)
        read_pages(path, [n for n in range(pages(size)) if chosen.random() < 0.3])
        return path

    @despite_reclaim
    def test_ranges_are_exact(self):
        for size in (5, 65 * PAGE - 1, 3 * MIB):
            path = self.striped(size, size)
            wanted = resident_ranges(path)
            for prefix in self.refused():
                file = self.one(path, prefix=prefix)
                ranges = [(part["offset_bytes"], part["length_bytes"]) for part in file["ranges"]]
                self.assertEqual(ranges, wanted)
                self.assertEqual(file["resident_bytes"], sum(length for _, length in ranges))
                self.assertEqual((file["dirty_bytes"], file["unknown"]), (None, None))

    @despite_reclaim
    def test_a_long_file(self):
        """Longer than what is mapped at a time: ranges that end at such a border, or go over it."""
        path, border = self.folder / "sparse", 64 * MIB // PAGE
        with open(path, "wb") as file:
            file.truncate(200 * MIB - 5)
        read_pages(path, [*range(border - 3, border), *range(2 * border - 2, 2 * border + 2), pages(200 * MIB) - 1])
        file = self.one(path, prefix=refusing(CACHESTAT))
        ranges = [(part["offset_bytes"], part["length_bytes"]) for part in file["ranges"]]
        self.assertEqual(ranges, resident_ranges(path))
        self.assertEqual(file["resident_bytes"], 8 * PAGE)

    @despite_reclaim
    def test_all_none_and_nothing(self):
        path, empty = make_file(self.folder / "file", 3 * MIB + 12), make_file(self.folder / "empty", 0)
        for prefix in self.refused():
            warm(path)
            self.assertEqual(self.one(path, prefix=prefix)["resident_bytes"], pages(3 * MIB + 12) * PAGE)
            evict(path)
            self.assertEqual(self.one(path, prefix=prefix)["resident_bytes"], 0)
            self.assertEqual(self.one(empty, prefix=prefix)["ranges"], [])

    @despite_reclaim
    def test_text(self):
        path = make_file(self.folder / "half", 8 * MIB)
        make_cold(path)
        read_pages(path, range(pages(4 * MIB)))
        for prefix in self.refused():
            lines = self.text(path, prefix=prefix, env={"LC_ALL": "C"}).splitlines()
            self.assertEqual(lines[1].split()[:9], "8.0 MiB 4.0 MiB 50 % unknown unknown unknown".split())
            self.assertEqual(lines[2], "  [" + "#" * 38 + "." * 38 + "]")

    @despite_reclaim
    def test_warm_fills_every_hole(self):
        """Also those between the pages that a look by reads would ask for."""
        path = make_file(self.folder / "file", MIB)
        for prefix in self.refused():
            make_cold(path)
            read_pages(path, [(pages(MIB) - 1) * number // 7 for number in range(8)])
            before = resident_pages(path)
            file = self.one(path, "--warm", prefix=prefix)
            self.assertEqual(resident_pages(path), pages(MIB))
            self.assertEqual(file["read_bytes"], (pages(MIB) - before) * PAGE)
            self.assertEqual(self.one(path, "--warm", "--rate", "64K", prefix=prefix)["read_bytes"], 0)

    @despite_reclaim
    def test_evict_and_flush(self):
        for prefix in self.refused():
            path = make_file(self.folder / "file", MIB)  # it is dirty
            self.assertIsNone(self.one(path, "--flush", prefix=prefix)["written_bytes"])
            make_file(self.folder / "file", MIB)
            file = self.one(path, "--evict", prefix=prefix)
            self.assertEqual((file["resident_bytes"], file["stayed"], file["taken_out_bytes"]), (0, None, MIB))

    def test_what_stays_is_not_explained_away(self):
        folder = mount(self.addCleanup, "ramfs", "mode=755")
        file = self.one(make_file(folder / "file", MIB), "--evict", prefix=refusing(CACHESTAT))
        self.assertEqual(file["stayed"]["bytes"], MIB)
        self.assertTrue(file["stayed"]["is_memory_file_system"])

    @despite_reclaim
    def test_watch(self):
        path = make_file(self.folder / "file", MIB)
        warm(path)
        sample = self.document(path, "--watch", "--count", "1", prefix=refusing(CACHESTAT))["samples"][0]
        self.assertEqual((sample["resident_bytes"], sample["unwritten_bytes"]), (MIB, None))

    def test_nothing_is_read(self):
        path = make_file(self.folder / "file", 8 * MIB)
        make_cold(path)
        self.text(path, prefix=refusing(CACHESTAT))
        self.assertEqual(resident_pages(path), 0)

    @despite_reclaim
    def test_explain(self):
        path = make_file(self.folder / "file", 8 * MIB)
        for prefix in self.refused():
            warm(path)
            self.assertIn(b"resident in the page cache", sluice("explain", path, prefix=prefix).out)
            make_cold(path)
            self.assertIn(b"not in the page cache", sluice("explain", path, prefix=prefix).out)

    def test_both_refused(self):
        path = make_file(self.folder / "file", MIB)
        file = self.one(path, code=1, prefix=refusing(CACHESTAT, MINCORE))
        self.assertEqual((file["resident_bytes"], file["ranges"]), (None, None))
        self.assertEqual(file["unknown"], "the kernel does not say")


class OthersFiles(Cache):
    """mincore(2) claims that all of a file is resident where the caller may not know."""

    def setUp(self):
        super().setUp()
        skip_unless_root("to have files that are not ours")
        self.path = make_file(self.folder / "file", MIB)

    def assert_unknown(self, prefix):
        for code in CODES:
            file = self.one(self.path, code=1, prefix=[*refusing(CACHESTAT, code=code), *prefix])
            self.assertEqual((file["resident_bytes"], file["ranges"]), (None, None))
            self.assertIn("another user", file["unknown"])

    def assert_known(self, prefix):
        file = self.one(self.path, prefix=[*refusing(CACHESTAT), *prefix])
        self.assertEqual(file["resident_bytes"], resident_pages(self.path) * PAGE)

    def test_unknown_and_known(self):
        """By who may write it, as the kernel has it, and not by who can read it."""
        prefix = ordinary_user(self.folder)
        make_cold(self.path)
        self.assert_unknown(prefix)
        self.path.chmod(0o666)
        self.assert_known(prefix)
        self.path.chmod(0o444)
        os.chown(self.path, 65534, 65534)
        self.assert_known(prefix)

    def test_root_without_rights(self):
        """As in a container that dropped them."""
        prefix = [program("setpriv"), "--bounding-set=-all", "--inh-caps=-all"]
        os.chown(self.path, 65534, 65534)
        make_cold(self.path)
        self.assert_unknown(prefix)
        self.assert_known([])

    def test_root_of_a_user_namespace(self):
        prefix = [program("unshare"), "--user", "--map-root-user"]
        if sluice("--version", prefix=prefix).code:
            self.skipTest("no user namespaces here")
        os.chown(self.path, 65534, 65534)
        make_cold(self.path)
        self.assert_unknown(prefix)
        self.assert_known([])


if __name__ == "__main__":
    unittest.main()
