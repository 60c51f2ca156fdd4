# SPDX-License-Identifier: MIT
"""sluice digest beside sha256sum, sha512sum and b2sum: the same lines, words and exit statuses."""

import hashlib
import json
import os
import subprocess
import unittest

from support import (LOOPS, MIB, SLUICE, despite_reclaim, evict, make_cold, make_file, pages, program, resident_pages,
                     skip_unless_direct, finish, sluice, start_sluice, temp_folder, warm)

TOOLS = {"sha256": "sha256sum", "sha512": "sha512sum", "blake2b": "b2sum"}
# Around a page, a block of the loop and where a file counts as large.
SIZES = (0, 1, 4095, 4096, 4097, MIB, MIB + 1, 4 * MIB - 1, 4 * MIB, 9 * MIB + 4095)
ODD_NAMES = (b"a b", b" a", b"*a", b"back\\slash", b"line\nfeed", b"car\rriage", b"(a) = b", b"\xff\xfe", b"-n")


class Digest(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)

    def make(self, **sizes):
        for seed, (name, size) in enumerate(sizes.items()):
            make_file(self.folder / name, size, seed)
        return list(sizes)

    def digest(self, *arguments, **how):
        return finish(start_sluice("digest", *arguments, cwd=self.folder, **how))

    def other(self, tool, *arguments):
        return subprocess.run([tool, *arguments], executable=program(tool), cwd=self.folder,
                              capture_output=True)


class Lines(Digest):
    def test_sizes_and_algorithms_warm_and_cold(self):
        names = self.make(**{f"file{number}": size for number, size in enumerate(SIZES)})
        for algorithm, tool in TOOLS.items():
            wanted = self.other(tool, *names).stdout
            for loop in LOOPS:
                for state in (warm, evict):
                    with self.subTest(algorithm=algorithm, loop=loop, state=state.__name__):
                        for name in names:
                            state(self.folder / name)
                        done = self.digest("-a", algorithm, *names, env={"SLUICE_LOOP": loop})
                        self.assertEqual((done.code, done.err, done.out), (0, "", wanted))

    def test_odd_names(self):
        for name in ODD_NAMES:
            (self.folder / os.fsdecode(name)).write_bytes(name)
        names = ["--", *map(os.fsdecode, ODD_NAMES)]
        done = self.digest(*names)
        self.assertEqual((done.code, done.out), (0, self.other("sha256sum", *names).stdout))
        for flags in ([], ["--tag"], ["--binary"]):
            (self.folder / "sums").write_bytes(self.other("sha256sum", *flags, *names).stdout)
            done, wanted = self.digest("-c", "sums"), self.other("sha256sum", "-c", "sums").stdout
            # What it says of a carriage return depends on its version.
            wanted = wanted.replace(b"\ncar\rriage", b"\n\\car\\rriage")
            self.assertEqual((done.code, done.err, done.out), (0, "", wanted))

    def test_standard_input_and_files_of_no_size(self):
        make_file(self.folder / "file", 3 * MIB + 5)
        for arguments in ([], ["-"]):
            with open(self.folder / "file", "rb") as file:
                wanted = hashlib.sha256(file.read()).hexdigest() + "  -\n"
                file.seek(0)
                done = subprocess.run([SLUICE, "digest", *arguments], stdin=file, capture_output=True)
                self.assertEqual(done.stdout.decode(), wanted)
        done = self.digest("/proc/version")
        self.assertEqual(done.out, self.other("sha256sum", "/proc/version").stdout)

    def test_what_cannot_be_read_fails_and_the_others_are_printed(self):
        names = [*self.make(a=1, b=2), "folder", "missing"]
        (self.folder / "folder").mkdir()
        done = self.digest(*names)
        self.assertEqual(done.code, 1)
        self.assertEqual(done.out, self.other("sha256sum", *names).stdout)
        self.assertEqual(done.err, "sluice: folder: Is a directory\n"
                                   "sluice: missing: No such file or directory\n")

    def test_json(self):
        self.make(a=5)
        found = json.loads(self.digest("--json", "a").out)
        wanted = hashlib.sha256((self.folder / "a").read_bytes()).hexdigest()
        self.assertEqual(found, {"algorithm": "sha256",
                                 "files": [{"file": "a", "digest": wanted, "bytes": 5}]})

    def test_usage(self):
        for arguments in (["-a", "md5"], ["--quiet"], ["--status"], ["-j", "0"], ["-j", "x"]):
            with self.subTest(arguments):
                self.assertEqual(self.digest(*arguments).code, 2)


class Check(Digest):
    def same_as(self, tool, *arguments):
        """Words and exit status; what is on standard error has another name in front."""
        wanted, done = self.other(tool, "-c", *arguments), self.digest("-c", *arguments)
        self.assertEqual((done.code, done.out), (wanted.returncode, wanted.stdout))
        self.assertEqual(done.err.replace("sluice:", tool + ":"), wanted.stderr.decode())

    def test_in_the_words_of_sha256sum(self):
        names = self.make(good=3, bad=4, gone=5, other=6)
        sums = self.other("sha256sum", *names).stdout
        (self.folder / "SHA256SUMS").write_bytes(b"# a comment\n" + sums + b"what is this\n")
        (self.folder / "bad").write_bytes(b"other")
        (self.folder / "gone").unlink()
        for options in ([], ["--quiet"], ["--status"], ["--ignore-missing"], ["--ignore-missing", "--quiet"]):
            with self.subTest(options):
                self.same_as("sha256sum", *options, "SHA256SUMS")
        (self.folder / "SHA256SUMS").write_bytes(self.other("sha256sum", "good", "other").stdout)
        self.same_as("sha256sum", "SHA256SUMS")
        self.same_as("sha256sum", "--quiet", "SHA256SUMS")

    def test_the_other_tools(self):
        names = self.make(a=3, b=5 * MIB)
        for tool, file in (("sha512sum", "SHA512SUMS"), ("b2sum", "B2SUMS")):
            for flags in ([], ["--tag"]):
                with self.subTest(tool, flags=flags):
                    (self.folder / file).write_bytes(self.other(tool, *flags, *names).stdout)
                    self.same_as(tool, file)
        (self.folder / "sums").write_bytes(self.other("b2sum", *names).stdout)
        self.assertEqual(self.digest("-c", "-a", "blake2b", "sums").code, 0)

    def test_nothing_to_check(self):
        (self.folder / "sums").write_text("nothing\n")
        done = self.digest("-c", "sums")
        self.assertEqual((done.code, done.err),
                         (1, "sluice: sums: no properly formatted checksum lines found\n"))
        (self.folder / "sums").write_text("0" * 64 + "  gone\n")
        done = self.digest("-c", "--ignore-missing", "sums")
        self.assertEqual((done.code, done.err), (1, "sluice: sums: no file was verified\n"))
        self.assertEqual(self.digest("-c", "missing").code, 1)

    def test_json(self):
        names = self.make(a=3, b=4)
        (self.folder / "sums").write_bytes(self.other("sha256sum", *names).stdout)
        (self.folder / "b").unlink()
        done = self.digest("-c", "--json", "sums")
        self.assertEqual(done.code, 1)
        self.assertEqual(json.loads(done.out)["files"],
                         [{"file": "a", "result": "OK"}, {"file": "b", "result": "FAILED open or read"}])


class PageCache(Digest):
    @despite_reclaim
    def test_it_stays_as_it_was(self):
        skip_unless_direct("direct", self.folder)
        for loop in LOOPS:
            for size in (64 << 10, 12 * MIB):
                with self.subTest(loop=loop, size=size):
                    cold, half = make_file(self.folder / "cold", size), make_file(self.folder / "half", size)
                    for file in (cold, half):
                        make_cold(file)
                    with open(half, "rb") as file:
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                        os.pread(file.fileno(), size // 2, size // 2)
                    before = resident_pages(half)
                    self.assertGreaterEqual(before, pages(size // 2))
                    self.assertEqual(sluice("digest", cold, half, env={"SLUICE_LOOP": loop}).code, 0)
                    self.assertEqual((resident_pages(cold), resident_pages(half)), (0, before))


if __name__ == "__main__":
    unittest.main()
