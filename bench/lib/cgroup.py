# SPDX-License-Identifier: MIT
"""A memory cgroup for the length of a block, of version 2 or 1, whichever this machine has."""

import contextlib
import os
import time

from process import Failure, interrupts


def mounts():
    with open("/proc/self/mountinfo") as file:
        for line in file:
            left, right = line.split(" - ")
            yield left.split()[4], *right.split()[::2]


def words(path):
    try:
        with open(path) as file:
            return file.read().split()
    except OSError:
        return []


def hierarchy():
    """(version, where groups can be made), or None."""
    for point, kind, options in mounts():
        if kind == "cgroup2" and "memory" in words(f"{point}/cgroup.subtree_control"):
            return 2, point
        if kind == "cgroup" and "memory" in options.split(","):
            return 1, point
    return None


def missing():
    """Why there can be no group, or None."""
    if os.geteuid() != 0:
        return "a memory cgroup needs root"
    place = hierarchy()
    if not place:
        return "no memory controller is mounted that groups can be made in"
    if not os.access(place[1], os.W_OK):
        return f"{place[1]} cannot be written to"
    return None


def limit(directory, version, size):
    with open(f"{directory}/{'memory.max' if version == 2 else 'memory.limit_in_bytes'}", "w") as file:
        file.write(str(size))
    if version == 2 and os.path.exists(f"{directory}/memory.swap.max"):
        with open(f"{directory}/memory.swap.max", "w") as file:
            file.write("0")


def remove(directory, seconds=10):
    """The kernel may need a moment after its last process has ended."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            os.rmdir(directory)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise Failure(f"{directory} could not be removed") from None
            time.sleep(0.05)


@contextlib.contextmanager
def memory(size, name):
    """The value is what to put before a command, so that it starts inside."""
    version, place = hierarchy()
    directory = os.path.join(place, f"{name}-{os.getpid()}")
    made = False
    interrupts.hold()
    try:
        os.mkdir(directory)
        made = True
        interrupts.release()
        limit(directory, version, size)
        yield ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', f"{directory}/cgroup.procs"]
    finally:
        interrupts.held = False
        if made:
            remove(directory)
