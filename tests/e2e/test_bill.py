# SPDX-License-Identifier: MIT
"""The bill's system calls, held against strace of the same run: equal to the last call."""

import collections
import json
import os
import re
import unittest

from support import (
    MIB,
    RECEIVE_PATHS,
    SEND_PATHS,
    content,
    evict,
    get,
    make_file,
    serve,
    skip_unless_direct,
    temp_folder,
    wait_until,
    warm,
)
from test_zero_copy import strace

SIZE = 24 * MIB + 123
LOOPS = (None, "epoll")

# What a program does for itself: memory, threads and their locks, the clock where it is no
# function of the kernel's page. sluice(1) says that these are not counted.
OWN = {
    *("brk", "mremap", "mprotect", "madvise", "futex", "clone", "clone3", "rseq"),
    *("set_robust_list", "rt_sigprocmask", "rt_sigreturn", "exit", "exit_group", "rt_sigaction"),
    *("sched_yield", "restart_syscall", "clock_gettime", "getrusage", "gettid"),
}
ALIASES = {
    **{"epoll_pwait": "epoll_wait", "ppoll": "poll", "renameat2": "renameat"},
    "syscall_0x1c3": "cachestat",  # to a strace that is older than the call
}
ZEROCOPY_BUFFER = 2 * MIB  # a path's own memory, which it maps for each transfer

LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)")
RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)")
RESULT = re.compile(r" = (0x[0-9a-f]+|-?\d+|\?)[^=]*$")
UNFINISHED = " <unfinished ...>"


class Call:
    def __init__(self, thread, name, text):
        self.thread, self.text = thread, text
        self.name = ALIASES.get(name, name)

    def result(self):
        found = RESULT.search(self.text)
        return int(found[1], 0) if found and found[1] != "?" else None

    def descriptor(self):
        found = re.match(r"\d+", self.text)
        return int(found[0]) if found else None


def read_trace(path):
    """The calls of strace -f in the order in which they began."""
    calls, begun = [], {}
    for line in path.read_text(errors="replace").splitlines():
        thread, rest = LINE.fullmatch(line).group("thread", "rest")
        if match := RESUMED.fullmatch(rest):
            if call := begun.pop(thread, None):
                call.text += match["arguments"]
        elif match := CALL.fullmatch(rest):
            call = Call(int(thread), match["name"], match["arguments"])
            calls.append(call)
            if rest.endswith(UNFINISHED):
                call.text = call.text.removesuffix(UNFINISHED)
                begun[thread] = call
    return calls


def between_readings(calls):
    """What was called between the two readings of the meter, which getrusage(2) marks."""
    marks = [
        i
        for i, call in enumerate(calls)
        if call.name == "getrusage" and call.text.startswith("RUSAGE_SELF")
    ]
    if len(marks) != 2:
        raise AssertionError(f"{len(marks)} readings of the meter, not two")
    return calls[marks[0] + 1 : marks[1]]


class Counted:
    """Which calls the bill has to name."""

    def __init__(self):
        self.mapped = set()

    def is_of_a_path(self, call):
        if call.name == "mmap":
            is_file = re.search(r", MAP_SHARED[^,]*, \d+<(?!anon_inode)", call.text)
            is_buffer = f"NULL, {ZEROCOPY_BUFFER}, PROT_READ|PROT_WRITE, MAP_PRIVATE" in call.text
            if is_file or is_buffer:
                self.mapped.add(call.result())
            return bool(is_file or is_buffer)
        if call.name == "munmap":
            address = int(re.match(r"0x[0-9a-f]+", call.text)[0], 0)
            is_ours = address in self.mapped
            self.mapped.discard(address)
            return is_ours
        if call.name == "write" and call.descriptor() in (1, 2):
            return False  # the command's own output
        return call.name not in OWN

    def count(self, calls):
        return dict(collections.Counter(c.name for c in calls if self.is_of_a_path(c)))


class Traced(unittest.TestCase):
    def setUp(self):
        command = strace()
        self.folder, self.work = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", SIZE)
        self.trace = self.work / "trace"
        self.prefix = [command, "-f", "-y", "-o", self.trace]

    def environment(self, loop):
        # The leak checker wants to be the tracer itself.
        leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        return {"SLUICE_LOOP": loop, "ASAN_OPTIONS": leaks}

    def assert_counted(self, bill, calls):
        self.assertEqual(bill["system_calls_by_name"], Counted().count(calls))
        self.assertEqual(bill["system_calls"], sum(bill["system_calls_by_name"].values()))
        self.assertEqual(bill["mode_switches"], 2 * bill["system_calls"])
        self.assertEqual(list(bill["system_calls_by_name"].values()),
                         sorted(bill["system_calls_by_name"].values(), reverse=True))


class Get(Traced):
    def bill(self, url, loop, *options):
        done = get(url, "--json", *options, prefix=self.prefix, env=self.environment(loop))
        self.assertEqual(done.code, 0, done.err)
        return done.objects()[0]["bill"]

    def test_every_path(self):
        server = serve(self.addCleanup, self.folder)
        for loop in LOOPS:
            for path in ("auto", *RECEIVE_PATHS, "discard"):
                with self.subTest(loop=loop, path=path):
                    skip_unless_direct(path, self.work)
                    output = [] if path == "discard" else ["-o", self.work / "output"]
                    bill = self.bill(server.url("file"), loop, "--path", path, *output)
                    self.assertEqual(bill["bytes"], SIZE)
                    self.assert_counted(bill, between_readings(read_trace(self.trace)))


class Serve(Traced):
    def setUp(self):
        super().setUp()
        # -D: the server is our child and strace is not.
        self.prefix.insert(1, "-D")

    def bill(self, loop, *options):
        written = self.work / "bill"
        server = serve(
            self.addCleanup,
            self.folder,
            *("--bill", written, *options),
            logs=False,
            prefix=self.prefix,
            env=self.environment(loop),
        )
        answer = server.request("/file")
        self.assertTrue(answer.body == content(SIZE), "the body differs")
        server.stop()
        ended = re.compile(r"\+\+\+ exited", re.M)
        wait_until(lambda: ended.search(self.trace.read_text(errors="replace")), "the trace's end")
        return json.loads(written.read_text()), server.pid

    def test_every_path(self):
        for loop in LOOPS:
            for path in ("auto", *SEND_PATHS):
                for prepare in (warm, evict):
                    with self.subTest(loop=loop, path=path, prepare=prepare.__name__):
                        skip_unless_direct(path, self.folder)
                        prepare(self.file)
                        bill, main = self.bill(loop, "--path", path)
                        calls = between_readings(read_trace(self.trace))
                        self.assertEqual(bill["bytes"], SIZE)
                        # The main thread waits for the others, and for the signal to stop.
                        self.assert_counted(bill, [c for c in calls if c.thread != main])


if __name__ == "__main__":
    unittest.main()
