# SPDX-License-Identifier: MIT
"""The unit tests of what moves bytes, as on kernels and file systems that tell less about the page cache."""

import errno
import subprocess
import unittest

from support import BUILD, CACHESTAT, PREADV2, WAIT, refusing

TESTS = ("range_send", "api")


class OldKernel(unittest.TestCase):
    def assert_passes(self, prefix):
        for name in TESTS:
            with self.subTest(name):
                done = subprocess.run([*prefix, BUILD / "tests/unit" / f"test_{name}"], capture_output=True, text=True,
                                      timeout=4 * WAIT)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_no_cachestat(self):
        """Before Linux 6.5."""
        self.assert_passes(refusing(CACHESTAT, code=errno.ENOSYS))

    def test_no_reads_that_do_not_wait(self):
        """As on a file system without RWF_NOWAIT."""
        self.assert_passes(refusing(CACHESTAT, PREADV2, code=errno.EOPNOTSUPP))

    def test_reads_that_would_always_wait(self):
        """As Linux 5.10 answers about pages that are in the page cache."""
        self.assert_passes(refusing(CACHESTAT, PREADV2, code=errno.EAGAIN))


if __name__ == "__main__":
    unittest.main()
