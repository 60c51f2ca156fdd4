# SPDX-License-Identifier: MIT
"""A few seconds of tests/stress, of a fixed seed: `make stress` and `make stress-get` are the whole of it."""

import subprocess
import sys
import unittest

from support import ROOT, WAIT, skip_unless_direct, temp_folder


class Stress(unittest.TestCase):
    def setUp(self):
        skip_unless_direct("direct", temp_folder(self.addCleanup))

    def run_tool(self, name, *options):
        command = [sys.executable, ROOT / "tests" / "stress" / name, "--seed", "1", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=6 * WAIT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def serve(self, *options):
        brief = ("--minutes", "0.01", "--life", "1", "--phase", "2", "--large", "80")
        self.run_tool("serve", *brief, "--around", "plain", *options)

    def test_everything(self):
        self.serve("--only", "everything", "--loop", "epoll")

    def test_clients_that_take_nothing(self):
        self.serve("--only", "clogged", "--loop", "uring")

    def test_a_get_whose_ends_are_killed(self):
        self.run_tool("get", "--only", "kills", "--runs", "4", "--least", "8", "--most", "32")

    def test_a_get_whose_connections_are_cut(self):
        self.run_tool("get", "--only", "cuts", "--runs", "2", "--least", "8", "--most", "32")


if __name__ == "__main__":
    unittest.main()
