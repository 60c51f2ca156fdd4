# SPDX-License-Identifier: MIT
"""The zero-copy claim, by the system calls that the server made: what is in memory is never read,
and what is not is never read through the page cache."""

import os
import re
import subprocess
import unittest

from support import (
    despite_reclaim,
    MIB,
    content,
    make_cold,
    make_file,
    pages,
    program,
    resident_pages,
    serve,
    skip_unless_direct,
    temp_folder,
    wait_until,
    warm,
)

SIZE = 24 * MIB + 123
SHORT = 3 * MIB + 123  # of which a pipe would be made in vain
HEADS = 4096  # bytes that heads of answers may have

READS = {"read", "readv", "pread64", "preadv", "preadv2"}
WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}
SENDS = {"sendto", "sendmsg", "sendmmsg"}
MOVES = {"sendfile", "splice", "tee", "vmsplice", "mmap"}
TRACED = READS | WRITES | SENDS | MOVES | {"openat", "openat2"}

CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")


class Call:
    def __init__(self, match):
        self.name, self.arguments = match["name"], match["arguments"]
        self.result = int(match["result"])

    def descriptor(self):
        return int(re.match(r"\d+", self.arguments)[0])

    def __repr__(self):
        return f"{self.name}({self.arguments}) = {self.result}"


def strace():
    """The command, or skips."""
    command = program("strace")
    tried = subprocess.run([command, "-o", "/dev/null", "true"], capture_output=True, text=True)
    if tried.returncode:
        raise unittest.SkipTest(f"strace cannot trace here: {tried.stderr.strip()}")
    return command


class ZeroCopy(unittest.TestCase):
    def setUp(self):
        command = strace()
        self.folder, self.traces = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", SIZE)
        # -D: the server is our child and strace is not; -ff: a file for each thread.
        traced = "trace=" + ",".join(sorted(TRACED))
        self.prefix = [command, "-D", "-ff", "-y", "-o", self.traces / "trace", "-e", traced]

    def calls(self, server):
        """What the server called, once it has ended."""
        server.stop()
        done = lambda file: re.search(r"\+\+\+ (exited|killed)", file.read_text(errors="replace"))
        wait_until(lambda: all(map(done, self.traces.iterdir())), "the end of the trace")
        lines = (
            line
            for file in self.traces.iterdir()
            for line in file.read_text(errors="replace").splitlines()
        )
        return [Call(match) for match in map(CALL.match, lines) if match]

    def fetch(self, loop, *options):
        env = {
            "SLUICE_LOOP": loop,
            # The leak checker wants to be the tracer itself.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0",
        }
        server = serve(self.addCleanup, self.folder, *options, prefix=self.prefix, env=env)
        size = self.file.stat().st_size
        self.assertTrue(server.request("/file").body == content(size), "the body differs")
        return self.calls(server)

    def of_file(self, calls):
        """The calls that move bytes and name the file's descriptor."""
        name = f"<{self.file}>"
        return [call for call in calls if name in call.arguments and "open" not in call.name]

    def assert_sent_by_reference(self, calls, name):
        moved = self.of_file(calls)
        self.assertEqual({call.name for call in moved}, {name}, moved)
        self.assertEqual(sum(max(call.result, 0) for call in moved), self.file.stat().st_size)
        copied = [call for call in calls if call.name in SENDS | WRITES and "<socket:" in call.arguments]
        self.assertTrue(copied, "no head of an answer was seen")
        self.assertLess(sum(max(call.result, 0) for call in copied), HEADS, copied)

    def send_warm(self, loop, size, name):
        for last in (False, False, True):
            self.forget()
            self.file.write_bytes(content(size))
            warm(self.file)
            try:
                self.assert_sent_by_reference(self.fetch(loop), name)
                return
            except AssertionError:  # reclaim may take a page in between
                if last:
                    raise

    def test_a_resident_body_is_not_read(self):
        for loop in (None, "epoll"):
            with self.subTest(loop=loop):
                self.send_warm(loop, SIZE, "splice")
                self.send_warm(loop, SHORT, "sendfile")

    @despite_reclaim
    def test_splice_reads_nothing_either(self):
        warm(self.file)
        self.assert_sent_by_reference(self.fetch(None, "--path", "splice"), "splice")

    def test_a_cold_body_is_only_read_past_the_page_cache(self):
        skip_unless_direct("direct", self.folder)
        for loop in (None, "epoll"):
            with self.subTest(loop=loop):
                make_cold(self.file)
                calls = self.fetch(loop)
                direct = {
                    call.result
                    for call in calls
                    if call.name == "openat" and re.search(r"O_DIRECT\b", call.arguments)
                }
                self.assertEqual(len(direct), 1, direct)
                moved = self.of_file(calls)
                self.assertLessEqual({call.name for call in moved}, {"pread64"}, moved)
                self.assertLessEqual({call.descriptor() for call in moved}, direct, moved)
                if loop == "epoll":  # else io_uring reads, without a call to be seen
                    self.assertEqual(sum(call.result for call in moved), SIZE)
                self.assertEqual(resident_pages(self.file), 0)
                self.forget()

    def forget(self):
        for file in self.traces.iterdir():
            file.unlink()


if __name__ == "__main__":
    unittest.main()
