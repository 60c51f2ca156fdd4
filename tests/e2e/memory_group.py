# SPDX-License-Identifier: MIT
"""A control group that limits memory, made by what bench/ makes its own with."""

import os
import sys
import unittest

from support import ROOT

sys.path.insert(0, str(ROOT / "bench" / "lib"))
import cgroup  # noqa: E402


def memory_group(add_cleanup, limit):
    """What to put before a command, so that it starts inside; or skips."""
    reason = cgroup.missing()
    if reason:
        raise unittest.SkipTest(reason)
    group = cgroup.memory(limit, f"sluice-test-{os.getpid()}-{limit}")
    prefix = group.__enter__()
    add_cleanup(group.__exit__, None, None, None)
    return prefix
