# SPDX-License-Identifier: MIT
"""sluice cache: what of files is in the page cache, and changing it."""

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import pty
import random
import re
import resource
import signal
import struct
import subprocess
import termios
import threading
import unittest

from support import (
    LIBC, MIB, PAGE, content, despite_reclaim, evict, file_system, finish, make_cold, make_file, mount,
    ordinary_user, pages, program, resident_pages, skip_unless_root, sluice, start_sluice, temp_folder,
    wait_until, warm,
)

LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
LIBC.munmap.argtypes = LIBC.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
LIBC.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


@contextlib.contextmanager
def mapped(path):
    """The address of a file's mapping, and its length."""
    with open(path, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        address = LIBC.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    try:
        yield address, length
    finally:
        LIBC.munmap(address, length)


def resident_ranges(path):
    """(offset, length) of what is resident, asked page by page."""
    with mapped(path) as (address, length):
        answer = ctypes.create_string_buffer(pages(length))
        assert LIBC.mincore(address, length, answer) == 0
    found = []
    for number, page in enumerate(answer.raw):
        if not page & 1:
            continue
        if found and sum(found[-1]) == number * PAGE:
            found[-1] = (found[-1][0], found[-1][1] + PAGE)
        else:
            found.append((number * PAGE, PAGE))
    return found


def read_pages(path, numbers):
    """These, and nothing ahead of them."""
    with open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for number in numbers:
            os.pread(file.fileno(), 1, number * PAGE)


def on_terminal(*arguments, columns):
    """What `sluice cache` writes to a window of this width."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = start_sluice("cache", *arguments, stdout=side, env={"LC_ALL": "C"})
    os.close(side)
    out = b""
    with contextlib.suppress(OSError):  # EIO: nobody writes to it any more
        while piece := os.read(main, 65536):
            out += piece
    os.close(main)
    finish(process)
    return out.decode()


class Cache(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)

    def run_cache(self, *arguments, code=0, **how):
        done = sluice("cache", *arguments, **how)
        self.assertEqual(done.code, code, done.err)
        return done

    def document(self, *arguments, **how):
        return json.loads(self.run_cache(*arguments, "--json", **how).out)

    def one(self, path, *arguments, **how):
        files = self.document(path, *arguments, **how)["files"]
        self.assertEqual(len(files), 1)
        return files[0]

    def text(self, *arguments, **how):
        return self.run_cache(*arguments, **how).out.decode()


class Look(Cache):
    def striped(self, size=16 * MIB, seed=1):
        path = make_file(self.folder / "striped", size)
        make_cold(path)
        chosen = random.Random(seed)
        numbers = [n for n in range(pages(size)) if chosen.random() < 0.3]
        read_pages(path, numbers + list(range(1000, 1800)))
        return path

    @despite_reclaim
    def test_the_same_as_fincore(self):
        path = self.striped()
        command = [program("fincore"), "--bytes", "--noheadings", "--output", "PAGES", path]
        theirs = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertEqual(self.one(path)["resident_bytes"], int(theirs) * PAGE)

    @despite_reclaim
    def test_the_same_as_vmtouch(self):
        for number in range(20):
            make_file(self.folder / f"file-{number}", 10_000 * number)
        self.striped()
        theirs = subprocess.run([program("vmtouch"), self.folder], capture_output=True, text=True,
                                check=True).stdout
        resident, whole = map(int, re.search(r"Resident Pages: (\d+)/(\d+)", theirs).groups())
        document = self.document(self.folder)
        self.assertEqual(document["total"]["resident_bytes"], resident * PAGE)
        self.assertEqual(sum(pages(file["size_bytes"]) for file in document["files"]), whole)
        self.assertEqual(document["total"]["files"], 21)

    @despite_reclaim
    def test_ranges_are_exact(self):
        for size in (16 * MIB, 16 * MIB + 1, 64 * PAGE, 65 * PAGE - 1, 5, 70 * MIB):
            path = self.striped(size, seed=size)
            file = self.one(path)
            ranges = [(part["offset_bytes"], part["length_bytes"]) for part in file["ranges"]]
            self.assertEqual(ranges, resident_ranges(path))
            self.assertEqual(sum(length for _, length in ranges), file["resident_bytes"])

    @despite_reclaim
    def test_map(self):
        path = make_file(self.folder / "half", 8 * MIB)
        make_cold(path)
        read_pages(path, range(pages(4 * MIB)))
        lines = self.text(path, env={"LC_ALL": "C"}).splitlines()
        self.assertEqual(lines[2], "  [" + "#" * 38 + "." * 38 + "]")
        self.assertEqual(lines[1].split()[:6], ["8.0", "MiB", "4.0", "MiB", "50", "%"])
        if "C.UTF-8" in subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout:
            lines = self.text(path, env={"LC_ALL": "C.UTF-8"}).splitlines()
            self.assertEqual(lines[2], "  [" + "█" * 38 + "·" * 38 + "]")

    @despite_reclaim
    def test_map_fills_the_window(self):
        path = make_file(self.folder / "half", 8 * MIB)
        out = on_terminal(path, columns=120)
        self.assertEqual(len(out.splitlines()[2]), 120)

    def test_no_access(self):
        """Also where the file has to be mapped to see which of its pages are resident."""
        path = self.striped(MIB)
        os.utime(path, (1, 2))
        for action in ([], ["--json"], ["--warm"]):
            self.text(path, *action)
            self.assertEqual(path.stat().st_atime, 1, action)

    def test_nothing_is_read(self):
        path = make_file(self.folder / "file", 8 * MIB)
        make_cold(path)
        self.text(path)
        self.document(path)
        self.assertEqual(resident_pages(path), 0)

    @despite_reclaim
    def test_overlay(self):
        """Its pages are those of the file below; cachestat(2) says that there are none."""
        lower, upper, work = folders = [self.folder / name for name in ("lower", "upper", "work")]
        for folder in folders:
            folder.mkdir(exist_ok=True)
        make_file(lower / "file", MIB)
        point = mount(self.addCleanup, "overlay", f"lowerdir={lower},upperdir={upper},workdir={work}")
        warm(point / "file")
        file = self.one(point / "file")
        self.assertEqual((file["resident_bytes"], file["dirty_bytes"]), (MIB, None))
        self.assertEqual(file["ranges"], [{"offset_bytes": 0, "length_bytes": MIB}])
        self.assertNotIn(b"not in the page cache", sluice("explain", point / "file").out)
        self.assertEqual(self.one(point / "file", "--evict")["taken_out_bytes"], MIB)

    def test_dirty(self):
        path = make_file(self.folder / "file", 4 * MIB)
        if file_system(self.folder) in ("tmpfs", "ramfs"):
            self.skipTest("needs a disk")
        file = self.one(path)
        self.assertLessEqual(file["dirty_bytes"] + file["writeback_bytes"], 4 * MIB)
        os.sync()
        file = self.one(path)
        self.assertEqual(file["dirty_bytes"] + file["writeback_bytes"], 0)

    def test_holes(self):
        path = self.folder / "sparse"
        with open(path, "wb") as file:
            file.truncate(1 << 40)
        self.assertEqual(self.one(path)["ranges"], [])
        with open(path, "r+b") as file:
            os.pwrite(file.fileno(), b"x", (1 << 39) + 5)
        file = self.one(path)
        self.assertEqual(file["ranges"], [{"offset_bytes": 1 << 39, "length_bytes": PAGE}])
        self.assertIn("<1 %", self.text(path))

    def test_empty(self):
        path = make_file(self.folder / "empty", 0)
        file = self.one(path)
        self.assertEqual((file["size_bytes"], file["resident_bytes"], file["ranges"]), (0, 0, []))
        self.text(path)

    def test_growing_and_truncated_files(self):
        path = make_file(self.folder / "restless", 4 * MIB)
        stop = threading.Event()

        def change():
            while not stop.is_set():
                with open(path, "r+b") as file:
                    file.truncate(random.randrange(64) * PAGE + 1)
                    os.pwrite(file.fileno(), b"y" * PAGE * 3, 100 * PAGE)
        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(20):
                for action in ([], ["--warm"], ["--evict"], ["--flush"]):
                    file = self.one(path, *action)
                    self.assertLessEqual(file["resident_bytes"], 4 * MIB)
        finally:
            stop.set()
            thread.join()


class Others(Cache):
    """Files of another user: unknown, never 0 and never all."""

    def setUp(self):
        super().setUp()
        skip_unless_root("to have files that are not ours")
        self.prefix = ordinary_user(self.folder)
        self.path = make_file(self.folder / "theirs", MIB)

    def test_unknown(self):
        document = self.document(self.folder, code=1, prefix=self.prefix)
        file, total = document["files"][0], document["total"]
        for name in ("ranges", "resident_bytes", "dirty_bytes", "recently_evicted_bytes"):
            self.assertIsNone(file[name])
        self.assertIn("another user", file["unknown"])
        self.assertEqual((total["unknown_files"], total["unknown_size_bytes"]), (1, MIB))
        self.assertIsNone(total["resident_bytes"])
        text = self.text(self.path, code=1, prefix=self.prefix)
        self.assertIn("unknown", text)
        self.assertNotIn("%", text)

    def test_what_was_done_is_unknown_too(self):
        for option, name in (("--evict", "taken_out_bytes"), ("--flush", "written_bytes"), ("--warm", "read_bytes")):
            document = self.document(self.path, option, code=1, prefix=self.prefix)
            self.assertIsNone(document["files"][0][name])
            self.assertIsNone(document["total"][name])
            self.assertNotIn("(0 B", self.text(self.path, option, code=1, prefix=self.prefix))

    def test_beside_ones_own(self):
        mine = make_file(self.folder / "mine", 2 * MIB)
        os.chown(mine, 65534, 65534)
        total = self.document(self.folder, code=1, prefix=self.prefix)["total"]
        self.assertEqual((total["files"], total["unknown_files"]), (2, 1))
        self.assertLessEqual(total["resident_bytes"], 2 * MIB)

    def test_asking_leaves_them_alone(self):
        make_cold(self.path)
        self.text(self.path, code=1, prefix=self.prefix)
        self.assertEqual(resident_pages(self.path), 0)

    def test_unreadable(self):
        secret = self.folder / "secret"
        secret.mkdir()
        secret.chmod(0)
        hidden = make_file(self.folder / "hidden", 5)
        hidden.chmod(0)
        done = self.run_cache(self.folder, "--json", code=1, prefix=self.prefix)
        document = json.loads(done.out)
        self.assertEqual(document["total"]["failed"], 2)
        self.assertEqual(document["total"]["files"], 1)
        errors = {file["path"]: file["error"] for file in document["files"]}
        for path in (secret, hidden):
            self.assertIn(f"{path}: Permission denied", done.err)
            self.assertEqual(errors[str(path)], "Permission denied")
        self.assertEqual(len({tuple(file) for file in document["files"]}), 1)  # the same members

    def test_holders_are_hidden(self):
        self.path.chmod(0o666)
        with mapped(self.path) as (address, length):
            ctypes.string_at(address, length)
            file = self.one(self.path, "--evict", prefix=self.prefix)
            self.assertGreater(file["stayed"]["bytes"], 0)
            self.assertGreater(file["stayed"]["hidden_processes"], 0)


class Trees(Cache):
    def names(self, *arguments, **how):
        return sorted(file["path"] for file in self.document(*arguments, **how)["files"])

    def test_odd_names(self):
        names = [b"bad\xff\"\\name", b"new\nline", "ÄÖ·█".encode(), b"\x1b[31mred", b"quote\"", b"-"]
        for name in names:
            with open(os.path.join(os.fsencode(self.folder), name), "wb"):
                pass
        files = self.document(self.folder)["files"]
        found = {bytes.fromhex(file["path_hex"]) if file["path_hex"] else file["path"].encode()
                 for file in files}
        self.assertEqual(found, {os.fsencode(self.folder) + b"/" + name for name in names})
        self.assertEqual(sum(file["path_hex"] is not None for file in files), 1)
        text = self.run_cache(self.folder).out
        self.assertNotIn(b"\x1b", text)
        self.assertNotIn(b"\xff", text)
        self.assertIn(b"bad\\xFF", text)
        self.assertEqual(len(text.splitlines()), len(names) + 2)

    def test_what_is_no_file(self):
        os.mkfifo(self.folder / "fifo")
        os.symlink("/dev/zero", self.folder / "link")
        make_file(self.folder / "file", 5)
        total = self.document(self.folder)["total"]
        self.assertEqual((total["files"], total["special_skipped"], total["links_skipped"]), (1, 1, 1))
        total = self.document("-L", self.folder)["total"]
        self.assertEqual((total["files"], total["special_skipped"], total["links_skipped"]), (1, 2, 0))
        for name in ("fifo", "link", "missing"):
            done = self.run_cache(self.folder / name, self.folder / "file", code=1)
            self.assertIn(name, done.err)
            self.assertIn(b"total of 1 file", done.out)

    def test_symbolic_links(self):
        make_file(self.folder / "file", 5)
        (self.folder / "sub").mkdir()
        os.symlink("..", self.folder / "sub" / "up")
        os.symlink("sub", self.folder / "again")
        os.symlink("file", self.folder / "same")
        os.symlink("nowhere", self.folder / "dangling")
        os.symlink("self", self.folder / "self")
        self.assertEqual(self.names(self.folder), [str(self.folder / "file")])
        done = sluice("cache", "-L", self.folder, "--json")
        self.assertEqual(done.code, 1)
        self.assertEqual(json.loads(done.out)["total"]["files"], 1)
        for name in ("dangling", "self"):
            self.assertIn(str(self.folder / name), done.err)

    def test_each_file_once(self):
        make_file(self.folder / "one", 5)
        os.link(self.folder / "one", self.folder / "two")
        self.assertEqual(self.document(self.folder)["total"]["size_bytes"], 5)
        self.assertEqual(len(self.names(self.folder / "one", self.folder / "one", self.folder)), 1)

    def deep(self, levels):
        """Folders inside one another, by a path longer than any system call takes, and a file
        before and behind each."""
        def go_down(parent, left):
            os.close(os.open("a", os.O_CREAT | os.O_WRONLY, dir_fd=parent))
            if left:
                os.mkdir("m" * 100, dir_fd=parent)
                child = os.open("m" * 100, os.O_RDONLY, dir_fd=parent)
                go_down(child, left - 1)
                os.close(child)
            os.close(os.open("z", os.O_CREAT | os.O_WRONLY, dir_fd=parent))
        top = os.open(self.folder, os.O_RDONLY)
        go_down(top, levels)
        os.close(top)

    def test_deep(self):
        self.deep(150)
        limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))}
        for option in ([], ["-L"]):
            total = self.document(self.folder, *option, **limit)["total"]
            self.assertEqual((total["files"], total["folders"]), (302, 151))

    def test_deep_and_down_again(self):
        """A walk that comes up a little from far below, and goes down beside where it was."""
        folder = self.folder
        for _ in range(45):
            folder /= "a"
            (folder / "b" / "c" / "d").mkdir(parents=True)
            (folder / "b" / "c" / "file").touch()
        total = self.document(self.folder)["total"]
        self.assertEqual((total["files"], total["folders"], total["failed"]), (45, 45 * 4 + 1, 0))

    def test_deep_behind_a_link(self):
        self.deep(60)
        other = temp_folder(self.addCleanup)
        os.symlink(self.folder, other / "link")
        (other / "more").touch()
        total = self.document("-L", other)["total"]
        self.assertEqual((total["files"], total["folders"]), (123, 62))

    def test_other_file_systems(self):
        point = self.folder / "mounted"
        point.mkdir()
        make_file(self.folder / "file", 5)
        inside = mount(self.addCleanup, "tmpfs", "size=1m")
        make_file(inside / "there", 5)
        subprocess.run(["mount", "--bind", inside, point], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", point], check=True)
        self.assertEqual(self.document(self.folder)["total"]["files"], 2)
        total = self.document("-x", self.folder)["total"]
        self.assertEqual((total["files"], total["other_file_systems_skipped"]), (1, 1))

    def test_files_that_come_and_go(self):
        stop = threading.Event()

        def churn():
            number = 0
            while not stop.is_set():
                number += 1
                (self.folder / f"file-{number}").touch()
                (self.folder / f"file-{number - 20}").unlink(missing_ok=True)
        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for _ in range(30):
                total = self.document(self.folder)["total"]
                self.assertEqual(total["failed"], 0)
        finally:
            stop.set()
            thread.join()

    def test_many_files(self):
        for number in range(3000):
            (self.folder / f"{number}").touch()
        document = self.document(self.folder)
        self.assertEqual(len(document["files"]), 3000)
        summary = self.document("-s", self.folder)
        self.assertIsNone(summary["files"])
        self.assertEqual(summary["total"]["files"], 3000)
        self.assertEqual(len(self.text("-s", self.folder).splitlines()), 2)


class Change(Cache):
    @despite_reclaim
    def test_warm(self):
        for env in ({}, {"SLUICE_LOOP": "epoll"}):
            path = make_file(self.folder / "file", 20 * MIB + 123)
            make_cold(path)
            file = self.one(path, "--warm", env=env)
            self.assertEqual(resident_pages(path), pages(20 * MIB + 123))
            self.assertEqual(file["read_bytes"], pages(20 * MIB + 123) * PAGE)
            self.assertEqual(self.one(path, "--warm", env=env)["read_bytes"], 0)

    @despite_reclaim
    def test_warm_at_a_rate(self):
        path = make_file(self.folder / "file", MIB + 7)
        make_cold(path)
        self.assertEqual(self.one(path, "--warm", "--rate", "4M")["read_bytes"], MIB + PAGE)

    @despite_reclaim
    def test_warm_a_tree(self):
        for number in range(100):
            make_cold(make_file(self.folder / f"file-{number}", 5000 * number))
        total = self.document(self.folder, "--warm")["total"]
        wanted = sum(pages(5000 * number) for number in range(100)) * PAGE
        self.assertEqual((total["files"], total["resident_bytes"]), (100, wanted))

    @despite_reclaim
    def test_warm_leaves_holes_out(self):
        path = self.folder / "sparse"
        with open(path, "wb") as file:
            file.truncate(1 << 36)
            os.pwrite(file.fileno(), content(4 * MIB), 1 << 35)
        make_cold(path)
        self.one(path, "--warm")
        self.assertEqual(resident_pages(path, 1 << 35, 4 * MIB), pages(4 * MIB))
        self.assertLess(resident_pages(path) * PAGE, 64 * MIB)

    def test_interrupted_warm(self):
        path = make_file(self.folder / "file", 8 * MIB)
        make_cold(path)
        process = start_sluice("cache", "--json", "--warm", "--rate", "64K", path)
        wait_until(lambda: resident_pages(path), "something is read in")
        process.send_signal(signal.SIGINT)
        done = finish(process)
        self.assertEqual(done.code, 1)
        self.assertIn("interrupted", done.err)
        self.assertLess(json.loads(done.out)["total"]["resident_bytes"], 8 * MIB)

    def test_evict(self):
        if file_system(self.folder) in ("tmpfs", "ramfs"):
            self.skipTest("needs a disk")
        path = make_file(self.folder / "file", 8 * MIB)  # it is dirty
        file = self.one(path, "--evict")
        self.assertEqual((file["resident_bytes"], file["stayed"]), (0, None))
        self.assertEqual(resident_pages(path), 0)

    @despite_reclaim
    def test_evict_what_is_locked(self):
        path = make_file(self.folder / "file", 8 * MIB)
        evict(path)
        with mapped(path) as (address, _):
            if LIBC.mlock(address, MIB):
                self.skipTest("cannot lock memory here")
            warm(path)
            file = self.one(path, "--evict")
            stayed = file["stayed"]
            self.assertEqual(stayed["bytes"], file["resident_bytes"])
            self.assertGreaterEqual(stayed["bytes"], MIB)
            self.assertEqual(stayed["mapped_by"][0]["pid"], os.getpid())
            self.assertEqual(stayed["mapped_by"][0]["locked_bytes"], MIB)
            self.assertRegex(self.text(path, "--evict"),
                             rf"mapped by process {os.getpid()} .*1.0 MiB locked")
            self.assertRegex(self.text("-s", path, "--evict"), "stayed")

    def test_evict_what_is_mapped_on_btrfs(self):
        """Its stat(2) and its mappings name different devices."""
        mkfs, image = program("mkfs.btrfs"), self.folder / "image"
        with open(image, "wb") as file:
            file.truncate(128 * MIB)
        subprocess.run([mkfs, "-q", image], check=True, capture_output=True)
        path = make_file(mount(self.addCleanup, "btrfs", "loop", image) / "file", MIB)
        with mapped(path) as (address, length):
            ctypes.string_at(address, length)
            stayed = self.one(path, "--evict")["stayed"]
        self.assertEqual([one["pid"] for one in stayed["mapped_by"]], [os.getpid()])

    def test_evict_from_memory(self):
        folder = mount(self.addCleanup, "tmpfs", "size=8m")
        path = make_file(folder / "file", MIB)
        self.assertTrue(self.one(path, "--evict")["stayed"]["is_memory_file_system"])
        self.assertIn("its file system is in memory", self.text(path, "--evict"))

    def test_flush(self):
        path = make_file(self.folder / "file", 4 * MIB)
        file = self.one(path, "--flush")
        self.assertEqual(file["dirty_bytes"] + file["writeback_bytes"], 0)
        self.assertGreaterEqual(file["written_bytes"], 0)
        if file_system(self.folder) not in ("tmpfs", "ramfs"):
            self.assertGreater(resident_pages(path), 0)


class Watch(Cache):
    def test_samples(self):
        path = make_file(self.folder / "file", MIB)
        samples = self.document(path, "--watch", "--count", "2")["samples"]
        self.assertEqual(len(samples), 2)
        for sample in samples:
            self.assertEqual(sample["size_bytes"], MIB)
        lines = self.text(path, "--watch", "--count", "2").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn("resident", lines[0])

    def test_on_a_terminal(self):
        path = make_file(self.folder / "file", MIB)
        out = on_terminal(path, "--watch", "--count", "2", columns=80)
        screens = out.split("\x1b[H\x1b[J")
        self.assertEqual(len(screens), 4)
        for screen in screens[1:]:
            self.assertIn("total of 1 file\r\n", screen)
        self.assertIn("since the last look", screens[-1])
        self.assertLessEqual(max(map(len, screens[-1].splitlines())), 110)

    def test_what_cannot_be_looked_at_is_said_once(self):
        done = self.run_cache(self.folder / "missing", "--watch", "--count", "2", code=1)
        self.assertEqual(done.err.count("missing"), 1)

    @despite_reclaim
    def test_misses(self):
        path = make_file(self.folder / "file", 4 * MIB)
        make_cold(path)
        process = start_sluice("cache", path, "--watch", "--json")
        process.stdout.readline()
        warm(path)
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.send_signal(signal.SIGINT)
        done = finish(process)
        self.assertEqual(done.code, 0, done.err)
        samples = [json.loads(line.rstrip(b",\n")) for line in lines]
        came = [sample for sample in samples if sample["change_bytes"] == 4 * MIB]
        self.assertEqual([sample["verdict"] for sample in came], ["misses"])
        self.assertGreater(came[0]["machine_read_bytes"], 0)


class ReadAhead(Cache):
    def shown(self):
        file = self.document(self.folder, "--read-ahead", "show")["files"][0]
        return file["device"], file["read_ahead_bytes"]

    def setUp(self):
        super().setUp()
        device = os.stat(self.folder).st_dev
        self.link = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
        if not os.path.exists(self.link):
            self.skipTest("the folder is not on a block device that the kernel shows")

    def test_show(self):
        disk = os.path.realpath(self.link)
        if not os.path.exists(f"{disk}/queue"):
            disk = os.path.dirname(disk)
        with open(f"{disk}/queue/read_ahead_kb") as file:
            self.assertEqual(self.shown(), (os.path.basename(disk), int(file.read()) << 10))
        self.assertIn("reads ahead", self.text(self.folder, "--read-ahead", "show"))

    def test_set(self):
        skip_unless_root("to set the read-ahead")
        _, bytes_ = self.shown()
        done = sluice("cache", self.folder, "--read-ahead", f"{bytes_ >> 10}K")
        if "read-only" in done.err:
            self.skipTest("/sys is read-only here")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.shown()[1], bytes_)

    def test_an_ordinary_user(self):
        done = self.run_cache(self.folder, "--read-ahead", "128K", code=1,
                              prefix=ordinary_user(self.folder))
        self.assertIn("root", done.err)

    def test_no_block_device(self):
        for path in ("/proc", "/nowhere"):
            done = self.run_cache(path, "--read-ahead", "show", code=1)
            self.assertIn(path, done.err)
            self.assertEqual(done.out, b"")


class WrongUse(Cache):
    def test_refused(self):
        path = make_file(self.folder / "file", MIB)
        for arguments, says in (
                ([], "missing operand FILE"),
                (["--nonsense", path], "--nonsense"),
                (["-q", path], "-q"),
                (["--warm", "--evict", path], "exclude"),
                (["--watch", "--read-ahead", "show", path], "exclude"),
                (["--rate", "1M", path], "--warm"),
                (["--warm", "--rate", "0", path], "--rate 0"),
                (["--warm", "--rate", "fast", path], "fast"),
                (["--warm", "--rate"], "needs a value"),
                (["--count", "3", path], "--watch"),
                (["--watch", "--count", "0", path], "--count 0"),
                (["--watch", "--count", "-1", path], "--count -1"),
                (["--read-ahead", "100", path], "whole KiB"),
                (["--read-ahead", "lots", path], "lots"),
                (["--read-ahead", "2G", path], "2G"),
        ):
            with self.subTest(arguments):
                done = self.run_cache(*arguments, code=2)
                self.assertIn(says, done.err)
                self.assertEqual(done.out, b"")
        self.assertIn("--warm", self.text("--help"))

    def test_missing_file(self):
        done = self.run_cache(self.folder / "missing", code=1)
        self.assertIn(f"{self.folder / 'missing'}: No such file or directory", done.err)
        done = self.run_cache("", code=1)

    def test_full_output(self):
        path = make_file(self.folder / "file", MIB)
        with open("/dev/full", "wb") as full:
            done = finish(start_sluice("cache", path, stdout=full))
        self.assertEqual(done.code, 1)
        self.assertIn("standard output", done.err)
        with open("/dev/full", "wb") as full:
            done = finish(start_sluice("cache", path, "--read-ahead", "show", "--json", stdout=full))
        self.assertEqual(done.code, 1)
        self.assertIn("standard output", done.err)


if __name__ == "__main__":
    unittest.main()
