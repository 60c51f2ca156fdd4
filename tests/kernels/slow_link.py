# SPDX-License-Identifier: MIT
"""A link with delay and loss between two network namespaces, in user space, for kernels without netem: a tun
device in each, and between them a queue in which packets wait or get lost. It is real TCP that runs over
it, on both ends."""

import argparse
import collections
import ctypes
import fcntl
import os
import pathlib
import random
import re
import select
import struct
import subprocess
import sys
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from support import WAIT, program, skip_unless_root, wait_until  # noqa: E402

ADDRESSES = ("10.9.0.1", "10.9.0.2")
MTU = 1500
QUEUE = 2000  # packets
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000
CLONE_NEWNET = 0x40000000


class Link:
    """Two namespaces, and what to put before a command so that it runs in the one or the other."""

    def __init__(self, add_cleanup, delay_ms, loss_percent):
        skip_unless_root("to make network namespaces")
        program("ip")
        cat = [program("unshare"), "--net", "cat"]
        self.owners = [self.start(add_cleanup, *cat) for _ in ADDRESSES]
        for owner in self.owners:
            wait_until(lambda: self.has_left(owner), "a network namespace")
        spaces = [f"/proc/{owner.pid}/ns/net" for owner in self.owners]
        self.prefixes = [[program("nsenter"), f"--net={space}"] for space in spaces]
        command = [sys.executable, __file__, *spaces, str(delay_ms), str(loss_percent)]
        link = self.start(add_cleanup, *command)
        if link.stdout.readline() != b"up\n":
            raise unittest.SkipTest(f"no tun device here: {link.stderr.read().decode().strip()}")
        for prefix, here, there in zip(self.prefixes, ADDRESSES, reversed(ADDRESSES)):
            for words in (
                ["addr", "add", here, "peer", there, "dev", "tun0"],
                ["link", "set", "lo", "up"],
                ["link", "set", "tun0", "up", "txqueuelen", str(QUEUE)],
            ):
                subprocess.run([*prefix, program("ip"), *words], check=True)

    @staticmethod
    def start(add_cleanup, *command):
        """A program that ends with its input."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        add_cleanup(process.communicate, timeout=WAIT)
        return process

    def received(self, end):
        """The bytes that came in at one end."""
        table = pathlib.Path(f"/proc/{self.owners[end].pid}/net/dev").read_text()
        return int(re.search(r"tun0: *(\d+)", table)[1])

    @staticmethod
    def has_left(owner):
        if owner.poll() is not None:
            raise unittest.SkipTest(f"no network namespace: {owner.stderr.read().decode().strip()}")
        return os.readlink(f"/proc/{owner.pid}/ns/net") != os.readlink("/proc/self/ns/net")


def enter(space):
    with open(space) as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"{space}: {os.strerror(ctypes.get_errno())}")


def tun(space):
    enter(space)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    return device


class Direction:
    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.packets = collections.deque()  # (when it is due, the packet)

    def take(self, due, is_lost):
        try:
            while True:
                packet = os.read(self.source, MTU)
                if not is_lost() and len(self.packets) < QUEUE:
                    self.packets.append((due, packet))
        except BlockingIOError:
            pass

    def give(self, now):
        while self.packets and self.packets[0][0] <= now:
            try:
                os.write(self.sink, self.packets.popleft()[1])
            except OSError:  # the other end is not up yet, or is full
                pass

    def due(self):
        return self.packets[0][0] if self.packets else float("inf")


def relay(directions, delay, loss):
    chance = random.Random(1)
    sources = {direction.source: direction for direction in directions}
    while True:
        first = min(direction.due() for direction in directions)
        wait = max(0, min(first - time.monotonic(), WAIT))
        ready, _, _ = select.select([sys.stdin.fileno(), *sources], [], [], wait)
        if sys.stdin.fileno() in ready:
            return
        now = time.monotonic()
        for source in ready:
            sources[source].take(now + delay, lambda: chance.random() < loss)
        for direction in directions:
            direction.give(now)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spaces", nargs=2, metavar="NAMESPACE", help="/proc/PID/ns/net")
    parser.add_argument("delay", type=float, help="milliseconds, in each direction")
    parser.add_argument("loss", type=float, help="per cent")
    args = parser.parse_args()
    one, other = map(tun, args.spaces)
    print("up", flush=True)
    relay((Direction(one, other), Direction(other, one)), args.delay / 1000, args.loss / 100)


if __name__ == "__main__":
    main()
