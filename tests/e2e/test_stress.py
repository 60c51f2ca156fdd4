# SPDX-License-Identifier: MIT
"""A few seconds of tests/stress/serve, of a fixed seed: `make stress` is the whole of it."""

import subprocess
import sys
import unittest

from support import ROOT, WAIT, skip_unless_direct, temp_folder


class Stress(unittest.TestCase):
    def setUp(self):
        skip_unless_direct("direct", temp_folder(self.addCleanup))

    def stress(self, *options):
        tool = ROOT / "tests" / "stress" / "serve"
        brief = ("--seed", "1", "--minutes", "0.01", "--life", "1", "--phase", "2", "--large", "80")
        command = [sys.executable, tool, *brief, "--around", "plain", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=6 * WAIT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_everything(self):
        self.stress("--only", "everything", "--loop", "epoll")

    def test_clients_that_take_nothing(self):
        self.stress("--only", "clogged", "--loop", "uring")


if __name__ == "__main__":
    unittest.main()
