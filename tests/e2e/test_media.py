# SPDX-License-Identifier: MIT
"""sluice media: what it measures, what it leaves out and says why, and that nothing is left behind."""

import contextlib
import os
import pty
import signal
import subprocess
import threading
import unittest

from memory_group import memory_group
from support import (
    BUILD,
    MIB,
    finish,
    mount,
    ordinary_user,
    program,
    sluice,
    start_sluice,
    temp_folder,
    wait_until,
    why_not_direct,
)

CPU = [f"{level}_{what}" for level in ("l1", "l2", "l3", "memory")
       for what in ("latency", "read_bandwidth", "write_bandwidth", "copy_bandwidth")]
PAGE_CACHE = ["page_cache_latency", "page_cache_read_bandwidth", "page_cache_mapped_bandwidth"]
DISK = ["disk_random_read_latency", "disk_read_bandwidth", "disk_write_bandwidth",
        "disk_random_read_bandwidth"]
NETWORK = ["loopback_round_trip", "loopback_bandwidth"]
KERNEL = ["system_call", "thread_switch", "page_fault", "clock_read"]
LIMIT = 600  # the machine may be busy


def little_memory(add_cleanup):
    """Where it can be had: what is measured is the same then, in half of the CPU time."""
    try:
        return memory_group(add_cleanup, 512 * MIB)
    except unittest.SkipTest:
        return []


class Media(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)

    def measure(self, *options, prefix=(), **how):
        """The rows by name, of one run with a small file."""
        return self.measure_all(*options, prefix=[*little_memory(self.addCleanup), *prefix], **how)

    def measure_all(self, *options, **how):
        process = start_sluice("media", "--json", "--runs", "1", "--size", "16M", *options, **how)
        done = finish(process, LIMIT)
        self.assertEqual((done.code, done.err), (0, ""))
        self.document = done.objects()[0]
        return {row["name"]: row for row in self.document["rows"]}

    def assert_measured(self, rows, names):
        for name in names:
            with self.subTest(name):
                row = rows[name]
                self.assertIsNone(row["skipped"])
                value = row["value"]
                self.assertLess(0, value["min"])
                self.assertLessEqual(value["min"], value["median"])
                self.assertLessEqual(value["median"], value["max"])
                self.assertTrue(row["method"])

    def assert_left_out(self, rows, names, reason):
        for name in names:
            with self.subTest(name):
                self.assertIsNone(rows[name]["value"])
                self.assertRegex(rows[name]["skipped"] or "", reason)

    def assert_caches_measured(self, rows):
        """Of the caches whichever this machine has; the others say that there is none."""
        for name in CPU:
            if rows[name]["skipped"]:
                self.assertRegex(rows[name]["skipped"], "no such cache|hardly larger")
            else:
                self.assert_measured(rows, [name])

    def test_every_row(self):
        page = temp_folder(self.addCleanup) / "page.html"
        rows = self.measure_all("--disk", self.folder, "--html", page)
        self.assertEqual(list(rows), [*CPU, *PAGE_CACHE, *DISK, *NETWORK, *KERNEL])
        self.assert_caches_measured(rows)
        self.assert_measured(rows, [*PAGE_CACHE, *NETWORK, *KERNEL])
        if not why_not_direct(self.folder):
            self.assert_measured(rows, DISK[:3])
            self.assertEqual(rows["disk_read_bandwidth"]["size_bytes"], 16 * MIB)
        for name, row in rows.items():
            bandwidth = name.endswith("_bandwidth")
            self.assertEqual(row["unit"], "bytes_per_second" if bandwidth else "seconds")
        self.assertEqual(self.document["command"], "media")
        self.assertEqual(self.document["machine"]["folder"], os.fspath(self.folder))
        self.assertEqual(os.listdir(self.folder), [])
        self.assert_stands_to_reason(rows)
        self.assertIn("l1_latency", page.read_text())

    def assert_stands_to_reason(self, rows):
        """No times: only what holds on every machine, however busy."""
        self.assertLess(rows["l1_latency"]["value"]["median"],
                        rows["memory_latency"]["value"]["median"])
        self.assertLess(rows["clock_read"]["value"]["median"],
                        rows["thread_switch"]["value"]["median"])

    def test_io_uring_refused(self):
        reason = why_not_direct(self.folder)
        if reason:
            self.skipTest(reason)
        helper = BUILD / "tests" / "e2e" / "refuse-uring"
        tried = subprocess.run([helper, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"no seccomp filter here: {tried.stderr.strip()}")
        rows = self.measure("--disk", self.folder, prefix=[helper], env={"SLUICE_LOOP": None})
        self.assert_measured(rows, DISK[:3])
        for name in DISK[:3]:
            self.assertIn("threads, as io_uring is refused", rows[name]["method"])
        self.assert_left_out(rows, DISK[3:], "io_uring is refused")

    def test_tmpfs(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("there is no /dev/shm to write to")
        folder = temp_folder(self.addCleanup, "/dev/shm")
        rows = self.measure("--disk", folder)
        self.assert_left_out(rows, DISK, "in memory")
        self.assert_measured(rows, [*PAGE_CACHE, *NETWORK, *KERNEL])
        self.assertEqual(os.listdir(folder), [])

    def test_ordinary_user(self):
        prefix = ordinary_user(self.folder)
        self.folder.chmod(0o777)
        rows = self.measure("--disk", self.folder, prefix=prefix)
        self.assert_caches_measured(rows)
        self.assert_measured(rows, [*PAGE_CACHE, *NETWORK, *KERNEL])
        if not why_not_direct(self.folder):
            self.assert_measured(rows, DISK[:3])

    def test_a_folder_that_cannot_be_written(self):
        prefix = ordinary_user(self.folder)
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        rows = self.measure("--disk", self.folder, prefix=prefix)
        self.assert_left_out(rows, DISK, "Permission denied")
        self.assert_measured(rows, PAGE_CACHE)
        self.assertIn("in memory", rows["page_cache_latency"]["method"])

    def test_a_memory_limit(self):
        rows = self.measure_all("--disk", self.folder, prefix=memory_group(self.addCleanup, 1 << 30))
        self.assert_measured(rows, [*PAGE_CACHE, *NETWORK, *KERNEL])
        self.assertLessEqual(rows["memory_latency"]["size_bytes"] or 0, 256 * MIB)
        rows = self.measure_all("--disk", self.folder, prefix=memory_group(self.addCleanup, 96 * MIB))
        self.assert_measured(rows, [*NETWORK, "system_call", "thread_switch"])
        for row in rows.values():
            if row["group"] != "disk":
                self.assertLessEqual(row["size_bytes"] or 0, 24 * MIB)

    def test_one_cpu(self):
        only = str(min(os.sched_getaffinity(0)))
        rows = self.measure("--disk", self.folder, prefix=[program("taskset"), "-c", only])
        self.assert_measured(rows, [*NETWORK, *KERNEL])
        self.assertIn("one CPU", rows["loopback_bandwidth"]["method"])

    def test_no_loopback(self):
        prefix = [program("unshare"), "--net", "--map-root-user"]
        tried = subprocess.run([*prefix, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"no network namespace here: {tried.stderr.strip()}")
        rows = self.measure("--disk", self.folder, prefix=prefix)
        self.assert_left_out(rows, NETWORK, "TCP connection on loopback")
        self.assert_measured(rows, KERNEL)

    def test_it_does_not_fill_a_file_system(self):
        image = temp_folder(self.addCleanup) / "image"
        with open(image, "wb") as file:
            file.truncate(128 * MIB)
        subprocess.run([program("mkfs.ext4"), "-q", image], check=True)
        small = mount(self.addCleanup, "ext4", "loop", image)
        rows = self.measure("--disk", small)
        self.assert_left_out(rows, DISK, "free: no room for 16.0 MiB")
        free = os.statvfs(small)
        self.assertGreater(free.f_bavail, free.f_blocks // 2)

    def test_a_block_device_is_only_read(self):
        image = self.folder / "image"
        image.write_bytes(os.urandom(32 * MIB))
        before = image.read_bytes()
        losetup = subprocess.run([program("losetup"), "--find", "--show", image],
                                 capture_output=True, text=True)
        if losetup.returncode != 0:
            self.skipTest(f"no loop device here: {losetup.stderr.strip()}")
        device = losetup.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "--detach", device], check=True)
        rows = self.measure("--disk", device)
        self.assert_measured(rows, ["disk_random_read_latency", "disk_read_bandwidth"])
        self.assert_left_out(rows, ["disk_write_bandwidth"], "only read")
        machine = self.document["machine"]
        self.assertEqual((machine["folder"], machine["file_system"]), (device, None))
        self.assertEqual(machine["device"], os.path.basename(device))
        self.assertEqual(image.read_bytes(), before)

    def test_interrupted(self):
        for number in signal.SIGINT, signal.SIGTERM:
            process = start_sluice("media", "--disk", self.folder)
            self.addCleanup(process.kill)
            links = f"/proc/{process.pid}/fd"

            def has_file():
                with contextlib.suppress(OSError):
                    return [name for name in os.listdir(links)
                            if os.readlink(f"{links}/{name}").startswith(f"{self.folder}/")]

            wait_until(has_file, "its file is made", LIMIT)
            self.assertEqual(os.listdir(self.folder), [])
            process.send_signal(number)
            done = finish(process, LIMIT)
            self.assertEqual((done.code, done.out), (1, b""))
            self.assertRegex(done.err, "interrupted")
            self.assertEqual(os.listdir(self.folder), [])

    def test_killed(self):
        process = start_sluice("media", "--disk", self.folder)
        self.addCleanup(process.kill)
        wait_until(lambda: any(str(self.folder) in line for line in open_files(process.pid)),
                   "its file is made", LIMIT)
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(os.listdir(self.folder), [])


def open_files(pid):
    with contextlib.suppress(OSError):
        return [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    return []


class Output(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.options = ["--disk", self.folder, "--runs", "1", "--size", "16M"]
        self.prefix = little_memory(self.addCleanup)

    def test_table(self):
        done = finish(start_sluice("media", *self.options, prefix=self.prefix), LIMIT)
        self.assertEqual((done.code, done.err), (0, ""))
        text = done.out.decode()
        for word in ("latency", "bandwidth", "cost", "L1 cache", "memory, copy", "page cache, mapped",
                     "loopback round trip", "system call", "GB/s", "how", "[1]"):
            self.assertIn(word, text)
        self.assertNotRegex(text, "[\x1b█▏]")

    def test_bars_in_a_terminal(self):
        parent, child = pty.openpty()
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        process = start_sluice("media", *self.options, prefix=self.prefix, stdout=child, env=env)
        os.close(child)
        output = []

        def read():
            with contextlib.suppress(OSError):
                while block := os.read(parent, 65536):
                    output.append(block)

        reader = threading.Thread(target=read)
        reader.start()
        done = finish(process, LIMIT)
        reader.join()
        os.close(parent)
        self.assertEqual((done.code, done.err), (0, ""))
        lines = b"".join(output).decode().splitlines()
        self.assertIn("█", "".join(lines))
        bars = [line for line in lines if "█" in line]
        self.assertLessEqual(max(map(len, bars)), 80)

    def test_wrong_use(self):
        for arguments, says in (
            (["extra"], "extra"),
            (["--frobnicate"], "--frobnicate"),
            (["--disk"], "--disk"),
            (["--size", "12"], "12"),
            (["--size", "much"], "much"),
            (["--runs", "0"], "--runs 0"),
            (["--runs", "1000000"], "1000000"),
            (["--disk", ""], "--disk ''"),
            (["--html", ""], "--html ''"),
        ):
            with self.subTest(arguments):
                done = sluice("media", *arguments)
                self.assertEqual((done.code, done.out), (2, b""))
                self.assertIn(says, done.err)

    def test_what_cannot_be(self):
        for arguments, says in (
            (["--disk", self.folder / "missing"], "missing"),
            (["--disk", __file__], "test_media.py"),
            (["--html", self.folder / "missing" / "page.html"], "missing"),
        ):
            with self.subTest(arguments):
                done = sluice("media", *arguments)
                self.assertEqual((done.code, done.out), (1, b""))
                self.assertIn(says, done.err)


if __name__ == "__main__":
    unittest.main()
