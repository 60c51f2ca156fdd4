# SPDX-License-Identifier: MIT
"""The unit tests, and a smoke test, under kernels that are not this machine's. SLUICE_KERNELS says which
ones: "5.10 6.1 6.12 new" by default."""

import os
import sys
import unittest

import guest
from support import BUILD, ROOT, SLUICE

KERNELS = os.environ.get("SLUICE_KERNELS", " ".join(guest.SUITES)).split()
SECONDS = 900  # five times what the slowest kernel takes on a quiet machine
# The tests' files lie on a disk of the guest's own; a checkout below /var/tmp stays in sight.
ON_A_DISK = """
set -e
mkdir /run/checkout
mount --bind "$0" /run/checkout
mkfs.ext4 -q /dev/ubda
mount /dev/ubda /var/tmp
chmod 1777 /var/tmp
[ -d "$0" ] || { mkdir -p "$0"; mount --bind /run/checkout "$0"; }
exec "$@"
"""


class Guest:
    """Runs once for each kernel, in the classes below."""

    kernel = ""

    def run_inside(self, *command):
        """Returns what the command printed; it must end well."""
        if not SLUICE.exists():
            self.skipTest(f"{SLUICE} is not built")
        printed = bytearray()
        take = printed.extend
        command = ["sh", "-c", ON_A_DISK, ROOT, sys.executable, *command]
        try:
            code = guest.run(self.kernel, command, take, take, SECONDS, disks=["4G"])
        except guest.Unavailable as why:
            self.skipTest(str(why))
        except (guest.Died, TimeoutError) as why:
            self.fail(f"{why}\n{printed.decode(errors='replace')[-4000:]}")
        lines = printed.decode(errors="replace").splitlines()
        failures = "\n".join(line for line in lines if not line.startswith(("ok ", "skip ")))
        self.assertEqual(code, 0, failures)
        return lines

    def assert_passes(self, suite):
        run = [ROOT / "tests" / "run.py", "--build", BUILD, "--only", suite, "--slow"]
        lines = self.run_inside(*run)
        self.assertRegex(lines[-1], r"^\d+ passed, 0 failed, \d+ skipped$")

    def test_unit_tests(self):
        self.assert_passes("unit")

    def test_serve_and_get(self):
        self.assert_passes("smoke")


for name in KERNELS:
    title = f"Linux_{name.replace('.', '_')}"
    globals()[title] = type(title, (Guest, unittest.TestCase), {"kernel": name})


if __name__ == "__main__":
    unittest.main()
