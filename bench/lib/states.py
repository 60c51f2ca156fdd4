# SPDX-License-Identifier: MIT
"""Brings files into a state of the page cache: warm, cold, every other piece, the first half."""

import os
import time

import machine
from harness import MIB, size_text
from process import Failure

TITLES = {"warm": "warm", "cold": "cold", "striped": "half, every other piece",
          "front": "half, the first"}
SHARES = {"warm": (0.999, 1.001), "cold": (0.0, 0.0), "striped": (0.49, 0.51),
          "front": (0.49, 0.51)}
BUFFER = 256 << 10


def piece_of(size):
    """1 MiB, or a quarter of the file, so that even a small one has two pieces of each kind."""
    return max(machine.PAGE, min(MIB, size // 4 // machine.PAGE * machine.PAGE))


def ranges(size, state):
    """The (offset, end) that are to be resident."""
    if state == "front":
        return [(0, size // 2)]
    piece = piece_of(size)
    return [(offset, min(offset + piece, size)) for offset in range(0, size, 2 * piece)]


def read_only(path, state):
    """Reads these ranges and, as read-ahead is off, nothing else."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        buffer = [bytearray(BUFFER)]
        for offset, end in ranges(os.fstat(fd).st_size, state):
            for position in range(offset, end, BUFFER):
                wanted = [memoryview(buffer[0])[:min(BUFFER, end - position)]]
                os.preadv(fd, wanted, position)
    finally:
        os.close(fd)


def bring_one(path, state):
    if state == "warm":
        machine.warm(path)
        return
    machine.drop(path)
    if state != "cold":
        read_only(path, state)


def whole_pages(path):
    return -(-os.path.getsize(path) // machine.PAGE) * machine.PAGE


def share(paths):
    whole = sum(map(whole_pages, paths))
    return sum(machine.cached_bytes(path) for path in paths) / whole


def is_in(paths, state):
    least, most = SHARES[state]
    return least <= share(paths) <= most


def bring(paths, state):
    for _ in range(20):  # meanwhile some of it may have been reclaimed
        for path in paths:
            bring_one(path, state)
        if is_in(paths, state):
            return
        time.sleep(0.1)
    whole = sum(os.path.getsize(path) for path in paths)
    raise Failure(f"{len(paths)} files of {size_text(whole)} could not be made {state} "
                  f"({share(paths):.1%} of them are in the page cache)")
