# SPDX-License-Identifier: MIT
"""sluice bench: the rows it measures, what it leaves out, and that nothing of it stays."""

import json
import os
import pathlib
import signal
import unittest

from memory_group import memory_group
from support import (
    BUILD,
    MIB,
    RECEIVE_PATHS,
    SEND_PATHS,
    SLUICE,
    mount,
    ordinary_user,
    sluice,
    start_sluice,
    temp_folder,
    wait_until,
    why_not_direct,
)

SIZE = 8 * MIB


def pairs(rows):
    return [(row["send"], row["receive"], row["source"]) for row in rows]


def used_bytes(folder):
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Bench(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)

    def bench(self, *options, folder=None, **how):
        done = sluice("bench", "--size", str(SIZE), "--runs", "1", "--dir",
                      folder or self.folder, "--json", *options, **how)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(os.listdir(folder or self.folder), [])
        return json.loads(done.out)

    def check_measured(self, row):
        self.assertIsNone(row["skipped"], row)
        for end in "send", "receive":
            bill = row[f"{end}_bill"]
            self.assertEqual(bill["bytes"], SIZE)
            if row[end] != "auto":
                self.assertEqual(bill["paths"], [{"path": row[end], "bytes": SIZE}])
            self.assertGreater(bill["system_calls"], 0)
        rate = row["rate_gb_per_second"]
        self.assertGreater(rate["min"], 0)
        self.assertLessEqual(rate["min"], rate["median"])
        self.assertLessEqual(rate["median"], rate["max"])


class Rows(Bench):
    def test_every_path_runs(self):
        why = why_not_direct(self.folder)
        rows = self.bench("--send", "all", "--recv", "all")["rows"]
        self.assertEqual(len(rows), (len(SEND_PATHS) + 1) * (len(RECEIVE_PATHS) + 2))
        for row in rows:
            if why and "direct" in (row["send"], row["receive"]):
                continue
            if row["receive"] == "dontcache" and row["skipped"]:
                self.assertIn("RWF_DONTCACHE", row["skipped"])
                continue
            self.check_measured(row)

    def test_ratios_are_to_the_plain_way(self):
        rows = self.bench("--send", "sendfile", "--recv", "discard,readwrite")["rows"]
        by_pair = {(row["send"], row["receive"]): row for row in rows}
        self.assertEqual(len(by_pair), 4)
        for receive in "discard", "readwrite":
            plain, row = by_pair["readwrite", receive], by_pair["sendfile", receive]
            self.assertTrue(plain["is_baseline"])
            self.assertFalse(row["is_baseline"])
            self.assertEqual(row["baseline"], f"readwrite -> {receive}")
            self.assertEqual(plain["rate_ratio"], 1)
            ratio = row["rate_gb_per_second"]["median"] / plain["rate_gb_per_second"]["median"]
            self.assertAlmostEqual(row["rate_ratio"], ratio)

    def test_copies_and_switches_are_those_of_the_bills(self):
        document = self.bench("--send", "sendfile,readwrite", "--recv", "discard,readwrite")
        for row in document["rows"]:
            for end in "send", "receive":
                bill = row[f"{end}_bill"]
                self.assertAlmostEqual(row["copies_per_byte"][end], bill["cpu_copied_bytes"] / SIZE)
                self.assertAlmostEqual(row["mode_switches_per_gb"][end],
                                       2 * bill["system_calls"] / (SIZE / 1e9))
        rows = {(row["send"], row["receive"]): row for row in document["rows"]}
        self.assertEqual(rows["readwrite", "discard"]["copies_per_byte"]["send"], 2)
        self.assertEqual(rows["sendfile", "readwrite"]["copies_per_byte"]["send"], 0)
        claims = {claim["claim"]: claim for claim in document["claims"]}
        self.assertEqual(list(claims), ["half the copies", "half the switches", "twice the speed"])
        self.assertIs(claims["half the copies"]["holds"], True)
        self.assertIn("0.00 times by sendfile and 2.00 times by readwrite",
                      claims["half the copies"]["text"])

    def test_the_document_is_for_a_page(self):
        page = temp_folder(self.addCleanup) / "page.html"
        document = self.bench("--send", "mmap", "--html", page)
        self.assertEqual(document["size_bytes"], SIZE)
        self.assertEqual(document["machine"]["folder"], str(self.folder))
        self.assertIn("mmap", page.read_text())

    def test_cold(self):
        rows = self.bench("--cold", "--send", "direct", "--recv", "discard")["rows"]
        self.assertIn(("readwrite", "discard", "cold"), pairs(rows))
        for row in rows:
            if row["source"] == "cold" and not row["skipped"]:
                self.assertIn(row["send_bill"]["page_cache_before_bytes"], (0, None))
            elif row["source"] == "warm" and not row["skipped"]:
                before = row["send_bill"]["page_cache_before_bytes"]
                self.assertTrue(before is None or before >= 0.999 * SIZE, before)

    def test_the_table(self):
        done = sluice("bench", "--size", "4M", "--runs", "2", "--dir", self.folder,
                      "--send", "mmap", "--cold")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.err, "")  # no progress: that is no terminal
        text = done.out.decode()
        for part in ("readwrite -> discard", "mmap -> discard", "warm source", "cold source",
                     "half the copies? not known", "twice the speed?"):
            self.assertIn(part, text)


class Anywhere(Bench):
    """It runs, and leaves out with a reason what it cannot measure."""

    def test_with_io_uring_refused(self):
        rows = self.bench(prefix=[BUILD / "tests/e2e/refuse-uring"])["rows"]
        self.check_measured(rows[0])
        self.check_measured(rows[-1])

    def test_as_an_ordinary_user(self):
        self.folder.chmod(0o777)
        rows = self.bench(prefix=ordinary_user(self.folder))["rows"]
        for row in rows:
            if "direct" not in (row["send"], row["receive"]) and row["receive"] != "dontcache":
                self.check_measured(row)

    def test_in_memory(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("there is no /dev/shm to write to")
        folder = temp_folder(self.addCleanup, "/dev/shm")
        rows = self.bench("--cold", folder=folder)["rows"]
        for row in rows:
            if row["source"] == "cold":
                self.assertIn("never cold", row["skipped"])
            elif "direct" in (row["send"], row["receive"]):
                self.assertIn("O_DIRECT", row["skipped"])
                self.assertIsNone(row["rate_gb_per_second"])
                self.assertIsNone(row["rate_ratio"])
            elif row["receive"] != "dontcache":
                self.check_measured(row)

    def test_with_little_memory(self):
        prefix = memory_group(self.addCleanup, 300 * MIB)
        done = sluice("bench", "--size", "200M", "--runs", "1", "--dir", self.folder, "--cold",
                      "--send", "direct", "--json", prefix=prefix)
        self.assertEqual(done.code, 0, done.err)
        for row in json.loads(done.out)["rows"]:
            if row["source"] == "warm":
                self.assertRegex(row["skipped"], r"needs 392.0 MiB of memory, but .* --size")
            elif row["send"] != "direct" or not why_not_direct(self.folder):
                self.assertIsNone(row["skipped"])
        done = sluice("bench", "--size", "200M", "--dir", self.folder, prefix=prefix)
        self.assertEqual(done.code, 1)
        self.assertIn("needs 392.0 MiB of memory", done.err)

    def test_the_size_fits_the_memory(self):
        prefix = memory_group(self.addCleanup, 300 * MIB)
        done = sluice("bench", "--runs", "1", "--dir", self.folder, "--send", "sendfile",
                      "--recv", "readwrite", "--json", prefix=prefix)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("not 1.0 GiB but 64.0 MiB", done.err)
        document = json.loads(done.out)
        self.assertEqual(document["size_bytes"], 64 * MIB)
        self.assertEqual([row["skipped"] for row in document["rows"]], [None, None])

    def test_on_a_full_disk(self):
        folder = mount(self.addCleanup, "tmpfs", "size=16m")
        done = sluice("bench", "--size", "12M", "--dir", folder)
        self.assertEqual(done.code, 1)
        for part in "16.0 MiB free", "are needed", "--dir", "--size":
            self.assertIn(part, done.err)
        done = sluice("bench", "--dir", folder)
        self.assertEqual((done.code, done.out), (1, b""))
        self.assertNotIn("fits", done.err)
        self.assertEqual(used_bytes(folder), 0)


class Cleanup(Bench):
    def ended_by(self, number):
        folder = mount(self.addCleanup, "tmpfs", "size=1g,mode=1777")
        process = start_sluice("bench", "--size", "100M", "--runs", "100", "--dir", folder)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        ends = wait_until(lambda: children(process.pid), "an end was started")
        process.send_signal(number)
        self.assertNotEqual(process.wait(30), 0)
        for pid in ends:
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the end is gone")
        wait_until(lambda: used_bytes(folder) == 0, "nothing is left on the disk")
        self.assertEqual(os.listdir(folder), [])

    def test_interrupted(self):
        self.ended_by(signal.SIGINT)

    def test_terminated(self):
        self.ended_by(signal.SIGTERM)

    def test_killed(self):
        self.ended_by(signal.SIGKILL)


class WrongUse(unittest.TestCase):
    def refused(self, *options, code=2):
        done = sluice("bench", *options)
        self.assertEqual(done.code, code, done.err)
        self.assertEqual(done.out, b"")
        return done.err

    def test_paths(self):
        self.assertIn("no send path 'warp'", self.refused("--send", "sendfile,warp"))
        self.assertIn("no receive path ''", self.refused("--recv", "direct,"))
        self.assertIn("no send path 'discard'", self.refused("--send", "discard"))

    def test_numbers(self):
        for options in (("--runs", "0"), ("--runs", "x"), ("--runs", "101"), ("--size", "0"),
                        ("--size", "12Q"), ("--size", "1000T"), ("--size",), ("nonsense",),
                        ("--nonsense",), ("--dir", "")):
            self.refused(*options)

    def test_folder(self):
        self.assertIn("/nowhere/at all", self.refused("--dir", "/nowhere/at all", code=1))
        self.assertIn(str(SLUICE), self.refused("--dir", SLUICE, code=1))

    def test_page(self):
        folder = temp_folder(self.addCleanup)
        self.assertIn("no such/page", self.refused("--html", folder / "no such/page", code=1))
        self.refused("--html", "")

    def test_help(self):
        done = sluice("bench", "--help")
        self.assertEqual(done.code, 0)
        self.assertIn(b"readwrite", done.out)


if __name__ == "__main__":
    unittest.main()
