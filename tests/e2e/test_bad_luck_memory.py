# SPDX-License-Identifier: MIT
"""Too little memory that may be locked: buffers that cannot be registered, sends by reference that
answer ENOBUFS. Both cost speed and nothing else."""

import json
import re
import subprocess
import unittest

from support import (
    LOOPS,
    MIB,
    content,
    evict,
    get,
    make_file,
    ordinary_user,
    program,
    same,
    serve,
    skip_unless_direct,
    skip_unless_root,
    temp_folder,
    wait_until,
)

SIZE = 40 * MIB + 123


class LittleMemory(unittest.TestCase):
    def setUp(self):
        self.folder, self.here = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.here.chmod(0o777)
        self.file = make_file(self.folder / "file", SIZE)
        evict(self.file)
        self.trace, self.bill = self.here / "trace", self.here / "bill"

    def strace(self, calls):
        """A command prefix, or nothing where nothing can be traced."""
        try:
            command = [program("strace"), "-D", "-f", "-o", self.trace, "-e", f"trace={calls}"]
        except unittest.SkipTest:
            return []
        probe = [*command[:3], "-o", "/dev/null", "true"]
        return command if subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0 else []

    def assert_refused(self, prefix, call, code):
        if prefix:
            wait_until(lambda: re.search(r"\+\+\+ exited", self.trace.read_text()), "the trace's end")
            self.assertRegex(self.trace.read_text(), rf"{call}\(.* = -1 {code} ")
            self.trace.unlink()

    def serve(self, *options, env=None, **how):
        # The leak checker cannot work under these limits; other tests of the same code have it.
        env = {**(env or {}), "ASAN_OPTIONS": "detect_leaks=0"}
        return serve(self.addCleanup, self.folder, "--bill", self.bill, *options, env=env, **how)

    def fetch(self, server, *options, prefix=(), env=None):
        copy = self.here / "copy"
        done = get(server.url("file"), "-o", copy, *options, prefix=prefix, env=env)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(same(copy, self.file), "the copy differs")
        copy.unlink()

    def what_it_cost(self, server):
        server.stop()
        bill = json.loads(self.bill.read_text())
        self.bill.unlink()
        self.assertEqual(bill["paths"], [{"path": "zerocopy", "bytes": SIZE}])
        return bill


class NothingLocked(LittleMemory):
    """As an ordinary user: root may lock what it likes."""

    def setUp(self):
        super().setUp()
        skip_unless_direct("direct", self.folder)
        self.prefix = [*ordinary_user(self.here), program("prlimit"), "--memlock=0:0"]

    def test_buffers_that_cannot_be_registered(self):
        traced = self.strace("io_uring_register")
        prefix = [*self.prefix, *traced]
        server = self.serve("--path", "direct", prefix=prefix)
        self.fetch(server, "--path", "direct", prefix=self.prefix)
        self.assertEqual(server.wait_log("/file").paths, {"direct": SIZE})
        server.stop()
        if "io_uring_register" in (self.trace.read_text() if traced else ""):  # else: no io_uring
            self.assert_refused(traced, "io_uring_register", "ENOMEM")

    def test_sends_by_reference_that_are_all_refused(self):
        for loop in LOOPS:
            for prepare in (evict, lambda file: file.read_bytes()):
                with self.subTest(loop=loop):
                    prepare(self.file)
                    env = {"SLUICE_LOOP": loop}
                    server = self.serve("--path", "zerocopy", prefix=self.prefix, env=env)
                    self.fetch(server)
                    bill = self.what_it_cost(server)
                    self.assertEqual(bill["zerocopy_sends"], 0, bill)


class OneAtATime(LittleMemory):
    """In a network namespace whose sockets may have one send by reference under way, or two."""

    INSIDE = 'ip link set lo up; echo "$0" >/proc/sys/net/core/optmem_max; exec "$@"'

    def setUp(self):
        super().setUp()
        skip_unless_root("to make a network namespace")
        program("ip")
        self.prefix = [program("unshare"), "--net", "sh", "-ec", self.INSIDE, "1000"]
        done = subprocess.run([*self.prefix, "true"], capture_output=True, text=True)
        if done.returncode:
            self.skipTest(f"no network namespace with its own optmem_max: {done.stderr.strip()}")

    def test_some_are_refused(self):
        traced = self.strace("sendto")
        for loop in LOOPS:
            for prepare in (evict, lambda file: file.read_bytes()):
                with self.subTest(loop=loop):
                    prepare(self.file)
                    prefix, env = [*self.prefix, *traced], {"SLUICE_LOOP": loop}
                    server = self.serve("--path", "zerocopy", prefix=prefix, env=env)
                    inside = [program("nsenter"), f"--net=/proc/{server.pid}/ns/net"]
                    self.fetch(server, prefix=inside)
                    bill = self.what_it_cost(server)
                    self.assertGreater(bill["zerocopy_sends"], 0)
                    self.assert_refused(traced, "sendto", "ENOBUFS")


if __name__ == "__main__":
    unittest.main()
