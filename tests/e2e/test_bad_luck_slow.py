# SPDX-License-Identifier: MIT
"""A thousand clients of `sluice serve` that read one byte a second: others go on as if they were
not there, and the server's memory stays what its pool of buffers is."""

import os
import re
import resource
import subprocess
import threading
import unittest

from support import (
    LOOPS,
    MIB,
    WAIT,
    evict,
    is_sanitized,
    make_file,
    program,
    serve,
    skip_unless_direct,
    skip_unless_root,
    temp_folder,
    wait_until,
)

CLIENTS = 1000
DESCRIPTORS = 5 * CLIENTS  # of the server: sockets and, where the file is resident, pipes
SIZE = 40 * MIB
LITTLE = 4096
BEGINNING = b"HTTP/1.1 200 OK\r\n"
POOL = 64 * MIB  # of one worker
BESIDE = 32 * MIB  # the program itself, and 1000 connections


def warm_part(path, length):
    """Brings the beginning of a file into the page cache, and nothing behind it."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for _ in range(length // MIB):
            file.read(MIB)


class Slow(unittest.TestCase):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
            self.skipTest(f"needs {DESCRIPTORS} descriptors (ulimit -Hn is {hard})")
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.folder = temp_folder(self.addCleanup)
        self.files = [make_file(self.folder / f"{seed}", SIZE, seed) for seed in range(4)]
        self.bodies = [file.read_bytes() for file in self.files]

    def start_slow_ones(self, server):
        """They ask for one file each, of the four; a thread reads a byte a second from each."""
        connections = [server.connect(receive_buffer=LITTLE) for _ in range(CLIENTS)]
        self.closed = []
        end, got = threading.Event(), [b""] * CLIENTS
        for number, connection in enumerate(connections):
            self.addCleanup(connection.close)
            connection.ask(f"/{number % 4}")

        def read():
            while not end.wait(1):
                for number, connection in enumerate(connections):
                    byte = connection.socket.recv(1)
                    got[number] += byte
                    if not byte:
                        self.closed.append(number)

        thread = threading.Thread(target=read)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(end.set)
        return got

    @staticmethod
    def resident_bytes(server, kind):
        with open(f"/proc/{server.pid}/status", encoding="utf-8") as status:
            return int(re.search(rf"{kind}:\s+(\d+) kB", status.read())[1]) * 1024

    def assert_others_go_on(self, path_name):
        for file in self.files:
            evict(file)
        server = serve(self.addCleanup, self.folder, "--workers", "1", "--path", path_name)
        got = self.start_slow_ones(server)
        for _ in range(3):
            for number, body in enumerate(self.bodies):
                answer = server.request(f"/{number}")
                self.assertTrue(answer.body == body, "another's body differs")
        if not is_sanitized():
            # A mapping of the page cache counts as resident, too, and takes no memory.
            kind = "RssAnon" if path_name == "mmap" else "VmRSS"
            self.assertLess(self.resident_bytes(server, kind), POOL + BESIDE)
        self.assertTrue(all(BEGINNING.startswith(bytes_[: len(BEGINNING)]) for bytes_ in got), got)
        self.assertEqual(self.closed, [])

    def test_auto(self):
        self.assert_others_go_on("auto")

    def test_direct(self):
        skip_unless_direct("direct", self.folder)
        self.assert_others_go_on("direct")

    def test_readwrite(self):
        self.assert_others_go_on("readwrite")

    def test_mmap(self):
        self.assert_others_go_on("mmap")

    def test_sendfile(self):
        self.assert_others_go_on("sendfile")

    def test_splice(self):
        self.assert_others_go_on("splice")


class PartlyResident(unittest.TestCase):
    """Clients that stay in the resident beginning of a file have nothing to wait for from the disk,
    and must not hold what those need who have."""

    CLIENTS = 80

    def test_a_cold_file_beside_them(self):
        folder = temp_folder(self.addCleanup)
        half = make_file(folder / "half", SIZE, 1)
        cold = make_file(folder / "cold", SIZE, 2)
        for loop in LOOPS:
            with self.subTest(loop=loop):
                evict(half)
                evict(cold)
                warm_part(half, 8 * MIB)
                env = {"SLUICE_LOOP": loop}
                server = serve(self.addCleanup, folder, "--workers", "1", env=env)
                for _ in range(self.CLIENTS):
                    client = server.connect(receive_buffer=LITTLE)
                    self.addCleanup(client.close)
                    client.ask("/half", headers={"Range": "bytes=1-"})
                    self.assertEqual(client.socket.recv(9), b"HTTP/1.1 ")
                answer = server.request("/cold", headers={"Range": "bytes=1-"})
                self.assertTrue(answer.body == cold.read_bytes()[1:])


class OrdinaryNetwork(unittest.TestCase):
    """Where packets are small a socket takes little at a time: the disk is read once all the
    same."""

    CLIENTS, TAKE, TAKES = 64, 16 << 10, 60
    INSIDE = 'ip link set lo mtu 1500 up; exec "$@"'
    READ = """
import socket, sys, time
port, count, take, takes = map(int, sys.argv[1:])
sockets = []
for number in range(count):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * take)
    one.connect(("127.0.0.1", port))
    one.sendall(b"GET /%d HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n" % (number % 4))
    sockets.append(one)
for _ in range(takes):
    for one in sockets:
        one.recv(take)
"""

    def test_no_byte_is_read_many_times(self):
        skip_unless_root("to make a network namespace")
        program("ip")
        folder = temp_folder(self.addCleanup)
        skip_unless_direct("direct", folder)
        for seed in range(4):
            evict(make_file(folder / f"{seed}", SIZE, seed))
        prefix = [program("unshare"), "--net", "sh", "-ec", self.INSIDE, "sh"]
        done = subprocess.run([*prefix, "true"], capture_output=True, text=True)
        if done.returncode:
            self.skipTest(f"no network namespace here: {done.stderr.strip()}")
        server = serve(self.addCleanup, folder, "--workers", "1", "--path", "direct", prefix=prefix)
        inside = [program("nsenter"), f"--net=/proc/{server.pid}/ns/net", "python3", "-c"]
        numbers = map(str, (server.port, self.CLIENTS, self.TAKE, self.TAKES))
        subprocess.run([*inside, self.READ, *numbers], check=True, timeout=2 * WAIT)
        lines = wait_until(
            lambda: len(server.log()) == self.CLIENTS and server.log(), "the answers' lines"
        )
        sent = sum(line.bytes for line in lines)
        with open(f"/proc/{server.pid}/io", encoding="ascii") as file:
            read = int(re.search(r"read_bytes: (\d+)", file.read())[1])
        # What was read ahead when the clients left is small beside what they took.
        self.assertLess(read, 1.2 * sent + self.CLIENTS * MIB / 2)


if __name__ == "__main__":
    unittest.main()
