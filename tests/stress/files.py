# SPDX-License-Identifier: MIT
"""The files that the stress serves: what each byte is follows from its offset, and how much of a
file is in the page cache is chosen."""

import os
import random

from support import MIB, evict

PERIOD = MIB + 7  # a prime: no page, and no block, comes again where a mistake would put it
PIECE = 256 << 10  # the longest piece that can be compared at once
RESIDENCIES = ("cold", "resident", "half", "alternate")
HALF = 8 * MIB
STRIPE = 256 << 10
LITTLE_SIZES = (0, 1, 4095, 4096, 4097, 32767, 32768, 32769, 65536)


class Pattern:
    def __init__(self, seed):
        period = random.Random(seed).randbytes(PERIOD)
        self.bytes = period + period[:PIECE]

    def is_at(self, place, piece):
        """Whether piece, of at most PIECE bytes, is what stands at place; compared in place."""
        return self.bytes.startswith(piece, place % PERIOD)

    def at(self, place, length):
        start = place % PERIOD
        return self.bytes[start : start + length]


class File:
    def __init__(self, folder, name, size, pattern, shift):
        self.path, self.name, self.size = folder / name, name, size
        self.pattern, self.shift = pattern, shift

    def matches(self, offset, piece):
        return self.pattern.is_at(self.shift + offset, piece)

    def write(self, path=None):
        with open(path or self.path, "wb", buffering=0) as file:
            for offset in range(0, self.size, PIECE):
                length = min(PIECE, self.size - offset)
                file.write(self.pattern.at(self.shift + offset, length))

    def change(self, numbers):
        """New content, of a new size or the same, in place or by another file of this name."""
        self.shift = numbers.randrange(PERIOD)
        if numbers.random() < 0.5:
            self.size = max(1, self.size + numbers.randrange(-MIB, MIB) // 16)
        if numbers.random() < 0.5:
            self.write()
            return
        other = self.path.with_name(self.name + ".new")
        self.write(other)
        os.replace(other, self.path)

    def settle(self, residency):
        """Leaves so much of it in the page cache."""
        evict(self.path)
        places = {
            "cold": (),
            "resident": range(0, self.size, STRIPE),
            "half": range(0, min(HALF, self.size), STRIPE),
            "alternate": range(0, self.size, 2 * STRIPE),
        }[residency]
        with open(self.path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no reading ahead
            for place in places:
                os.pread(file.fileno(), STRIPE, place)


class Files:
    """Large ones (33 MiB and more: the plan is asked again on the way), and little ones."""

    def __init__(self, folder, seed, large_mib):
        numbers = random.Random(f"files {seed}")
        pattern = Pattern(seed)

        def make(name, size):
            file = File(folder, name, size, pattern, numbers.randrange(PERIOD))
            file.write()
            return file

        self.little = [make(f"little{at}", size) for at, size in enumerate(LITTLE_SIZES)]
        self.large = []
        while large_mib > 0:
            mib = min(numbers.randint(33, 160), max(33, large_mib))
            size = mib * MIB + numbers.randrange(MIB)
            self.large.append(make(f"large{len(self.large)}", size))
            large_mib -= mib

    def change(self, numbers):
        """Between two phases: nobody is being served."""
        for file in [numbers.choice(self.large), *self.little]:
            if numbers.random() < 0.3 and file.size:
                file.change(numbers)

    def settle(self, numbers, residency):
        for file in self.large:
            file.settle(residency or numbers.choice(RESIDENCIES))
        for file in self.little:
            file.settle("resident" if numbers.random() < 0.8 else "cold")
