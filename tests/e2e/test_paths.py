# SPDX-License-Identifier: MIT
"""Every path on both ends: the same bytes for every size, from memory and from disk, and the page
cache left as it was found."""

import contextlib
import json
import os
import subprocess
import unittest

from support import (
    FAULTY,
    despite_reclaim,
    MIB,
    PAGE,
    RECEIVE_PATHS,
    SEND_PATHS,
    SLUICE,
    cached_pages,
    content,
    evict,
    get,
    make_cold,
    make_file,
    pages,
    program,
    resident_pages,
    same,
    serve,
    skip_unless_direct,
    skip_unless_possible,
    sluice,
    temp_folder,
    warm,
)

SIZES = (0, 1, 4095, 4096, 4097, MIB - 1, MIB, MIB + 1, 5 * MIB + 123, 40 * MIB + 7)
LARGE = 64 * MIB + 5


class Paths(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        cls.files = [make_file(cls.folder / f"file-{size}", size, size) for size in SIZES]
        cls.here = temp_folder(cls.addClassCleanup)

    def assert_only_by(self, path_name, paths, size):
        """A forced path, and nothing but it, moved every byte."""
        moved = {name: count for name, count in paths.items() if count}
        expected = {path_name: size} if size else {}
        if path_name != "auto":
            self.assertEqual(moved, expected)
        self.assertEqual(sum(moved.values()), size)

    def transfer(self, server, file, send, receive):
        copy, size = self.here / f"{file.name}-{send}-{receive}", file.stat().st_size
        done = get("--json", "--path", receive, server.url(file.name), "-o", copy)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(same(copy, file), f"{copy.name} differs")
        copy.unlink()
        bill = done.objects()[0]["bill"]
        self.assert_only_by(receive, {path["path"]: path["bytes"] for path in bill["paths"]}, size)

    def each_size(self, send):
        skip_unless_possible(send, self.folder)
        server = serve(self.addCleanup, self.folder, "--path", send)
        for receive in ("auto", *RECEIVE_PATHS):
            with self.subTest(receive=receive):
                skip_unless_possible(receive, self.here)
                for file in self.files:
                    for prepare in (warm, evict):
                        prepare(file)
                        self.transfer(server, file, send, receive)
        for line in server.log():
            self.assertEqual((line.status, line.note), (200, ""), line.line)
            if "/.well-known/sluice/bill/" not in line.request:
                self.assert_only_by(send, line.paths, line.bytes)

    def test_auto(self):
        self.each_size("auto")

    def test_readwrite(self):
        self.each_size("readwrite")

    def test_mmap(self):
        self.each_size("mmap")

    def test_sendfile(self):
        self.each_size("sendfile")

    def test_splice(self):
        self.each_size("splice")

    def test_zerocopy(self):
        self.each_size("zerocopy")

    def test_direct(self):
        self.each_size("direct")

    def test_discard(self):
        server = serve(self.addCleanup, self.folder)
        for file in self.files:
            size = file.stat().st_size
            done = get("--json", "--path", "discard", server.url(file.name), cwd=self.here)
            self.assertEqual((done.code, done.objects()[0]["bill"]["bytes"]), (0, size), done.err)
        self.assertEqual(os.listdir(self.here), [])

    def test_unaligned_ranges(self):
        size = 5 * MIB + 123
        data, name = content(size, size), f"file-{size}"
        ranges = (
            (0, 0),
            (1, 1),
            (4095, 4096),
            (4096, 8191),
            (511, 513),
            (1, size - 2),
            (MIB - 1, 3 * MIB),
            (2 * MIB + 1, 2 * MIB + 4096),
            (size - 4097, size - 1),
            (size - 123, size - 1),
            (size - 1, size - 1),
        )
        curl = [program("curl"), "-sSf", "-r"]
        for send in ("auto", *SEND_PATHS):
            with self.subTest(send):
                skip_unless_possible(send, self.folder)
                server = serve(self.addCleanup, self.folder, "--path", send)
                for first, last in ranges:
                    for prepare in (warm, evict):
                        prepare(self.folder / name)
                        command = [*curl, f"{first}-{last}", server.url(name)]
                        got = subprocess.run(command, capture_output=True, check=True, timeout=60)
                        self.assertTrue(got.stdout == data[first : last + 1], (first, last))


class PageCache(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "source", LARGE)
        self.copy = self.folder / "copy"

    def transfer(self, *options):
        server = serve(self.addCleanup, self.folder)
        done = get("--json", server.url("source"), "-o", self.copy, *options)
        self.assertEqual(done.code, 0, done.err)
        return done.objects()[0]["bill"], server.wait_log("/source")

    def assert_same(self):
        self.assertTrue(same(self.copy, self.file), "the copy differs")

    def test_a_cold_file_leaves_no_page_on_either_side(self):
        skip_unless_direct("direct", self.folder)
        make_cold(self.file)
        bill, line = self.transfer()
        self.assertEqual(resident_pages(self.file), 0)
        left = resident_pages(self.copy)
        self.assertLessEqual(left, pages(LARGE) // 100)
        self.assertEqual(bill["page_cache_after_bytes"], left * PAGE)
        self.assertEqual(line.paths, {"direct": LARGE})
        self.assertEqual(bill["paths"], [{"path": "direct", "bytes": LARGE}])
        self.assert_same()

    @despite_reclaim
    def test_a_warm_file_stays_warm(self):
        warm(self.file)
        resident_pages(self.file)
        _, line = self.transfer()
        self.assertEqual(resident_pages(self.file), pages(LARGE))
        self.assertEqual(line.paths, {"splice": LARGE})
        self.assert_same()

    @despite_reclaim
    def test_half_a_file_in_memory(self):
        skip_unless_direct("direct", self.folder)
        make_cold(self.file)
        half = 32 * MIB
        with open(self.file, "rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no read-ahead
            for _ in range(half // MIB):
                file.read(MIB)
        self.assertEqual(resident_pages(self.file), half // PAGE)
        _, line = self.transfer()
        self.assertEqual(resident_pages(self.file, 0, half), half // PAGE)
        self.assertEqual(resident_pages(self.file, half), 0)
        self.assertEqual(set(line.paths), {"splice", "direct"})
        self.assert_same()

    def test_a_file_that_is_not_written_back_yet(self):
        self.transfer()
        self.assert_same()

    def test_a_file_with_holes(self):
        with open(self.file, "r+b") as file:
            file.truncate(MIB)
            file.truncate(40 * MIB)
            file.seek(20 * MIB + 1)
            file.write(b"an island")
            file.truncate(LARGE)
        for prepare in (warm, evict):
            prepare(self.file)
            self.transfer()
            self.assert_same()

    def test_dontcache_leaves_no_page(self):
        skip_unless_possible("dontcache", self.folder)
        self.transfer("--path", "dontcache")
        self.assertLessEqual(resident_pages(self.copy), pages(LARGE) // 100)
        self.assert_same()

    def test_keep_cached(self):
        evict(self.file)
        self.transfer("--keep-cached")
        resident_pages(self.copy)
        self.assertEqual(resident_pages(self.copy), pages(LARGE))
        self.assert_same()

    def test_dirty_pages_of_a_kept_file_are_bounded(self):
        """Kept in the cache is not the same as dirty there: write-back is paced."""
        size, most = 512 * MIB, 64 * MIB
        with open(self.file, "wb") as file:
            file.truncate(size)
        server = serve(self.addCleanup, self.folder)
        part = self.folder / "copy.part"
        command = [SLUICE, "get", "-q", "--keep-cached", server.url("source"), "-o", self.copy]
        looks = []
        with subprocess.Popen(command) as client:
            while client.poll() is None:
                with contextlib.suppress(FileNotFoundError):
                    looks.append(cached_pages(part))
        self.assertEqual(client.returncode, 0)
        self.assertTrue(any(look[0] for look in looks), "the part was never seen")
        self.assertLessEqual(max(dirty + written for _, dirty, written in looks) * PAGE, most)


class ForcedPathsThatCannotWork(unittest.TestCase):
    def setUp(self):
        if not os.path.isdir("/dev/shm") or not os.access("/dev/shm", os.W_OK):
            self.skipTest("there is no /dev/shm, the file system without O_DIRECT to try this on")
        self.memory = temp_folder(self.addCleanup, "/dev/shm")
        self.file = make_file(self.memory / "file", 5 * MIB)

    def test_get(self):
        server = serve(self.addCleanup, self.memory)
        copy = self.memory / "copy"
        copy.write_bytes(b"old")
        for path, lacks in (("direct", "O_DIRECT"), ("dontcache", "RWF_DONTCACHE")):
            done = get("--path", path, server.url("file"), "-o", copy)
            self.assertEqual(done.code, 1, done.err)
            self.assertRegex(done.err, rf"^sluice: [^\n]*{path} [^\n]*no {lacks}[^\n]*\n$")
            self.assertEqual(copy.read_bytes(), b"old")

    def test_serve(self):
        server = serve(self.addCleanup, self.memory, "--path", "direct")
        raw = server.exchange(b"GET /file HTTP/1.0\r\n\r\n")
        self.assertLess(len(raw), 5 * MIB)
        self.assertNotRegex(raw, rb"^HTTP/1\.1 2\d\d .*\r\n\r\n.")
        self.assertRegex(server.wait_log("/file").note, "direct")
        self.assertEqual(server.request("/file", "HEAD").status, 200)
        self.assertEqual(server.request("/").status, 200)


class Zerocopy(unittest.TestCase):
    def test_the_bill_says_what_the_kernel_copied_after_all(self):
        folder = temp_folder(self.addCleanup)
        make_file(folder / "file", LARGE)
        bill = folder / "bill"
        server = serve(self.addCleanup, folder, "--path", "zerocopy", "--bill", bill)
        self.assertEqual(get("--path", "discard", server.url("file")).code, 0)
        server.process.terminate()
        errors = server.finish()
        figures = json.loads(bill.read_text())
        sends, copied = figures["zerocopy_sends"], figures["zerocopy_copied"]
        self.assertLessEqual(copied, sends)
        if sends:  # where memory may be locked
            self.assertEqual(copied, sends, "over loopback the kernel copies")
            self.assertIn(f"zerocopy  {sends} sends", errors)


class BadLuck(unittest.TestCase):
    """The path `fault`: short transfers, waits for nothing, ends in the middle. Only the tests' own
    build of the command has it."""

    def setUp(self):
        self.folder, self.here = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", 4 * MIB + 77)
        self.copy = self.here / "copy"

    def test_a_server_without_luck(self):
        whole = cut = 0
        data = self.file.read_bytes()
        for seed in range(1, 13):
            env = {"SLUICE_FAULT_SEED": str(seed)}
            server = serve(self.addCleanup, self.folder, "--path", "fault", env=env, binary=FAULTY)
            command = [program("curl"), "-sS", server.url("file")]
            got = subprocess.run(command, capture_output=True, timeout=60)
            self.assertTrue(data.startswith(got.stdout), f"seed {seed}: wrong bytes")
            self.assertEqual(got.returncode == 0, got.stdout == data, f"seed {seed}: {got.stderr}")
            self.assertEqual(server.wait_log("/file").note == "", got.returncode == 0)
            whole, cut = whole + (got.returncode == 0), cut + (got.returncode != 0)
            server.stop()
        self.assertTrue(whole and cut, (whole, cut))

    def test_a_client_without_luck(self):
        server = serve(self.addCleanup, self.folder)
        for seed in range(1, 13):
            for again in range(20):
                env = {"SLUICE_FAULT_SEED": str(100 * again + seed)}
                done = get("--path", "fault", server.url("file"), "-o", self.copy, env=env,
                           binary=FAULTY)
                if done.code == 0:
                    break
                self.assertFalse(self.copy.exists(), done.err)
            self.assertEqual(done.code, 0, done.err)
            self.assertTrue(same(self.copy, self.file), f"seed {seed}: the copy differs")
            self.copy.unlink()

    def test_it_is_hidden(self):
        done = sluice("serve", self.folder, "--path", "fault")
        self.assertEqual(done.code, 2)


if __name__ == "__main__":
    unittest.main()
