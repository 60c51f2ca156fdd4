# SPDX-License-Identifier: MIT
"""The stress's clients. Each does what its own random numbers say, and compares every byte.

A client that stays must get every body whole. One that leaves says so first, in `stage.left`, so
that the server's log can be held against it.
"""

import asyncio
import contextlib
import random
import socket
import struct
from typing import Callable, NamedTuple

from files import PIECE

KIB, MIB = 1 << 10, 1 << 20


class Trouble(Exception):
    """What the server must not do."""


class Left(Exception):
    """The client goes, as it was to."""


class Turned(Exception):
    """The server closed an idle connection for want of descriptors, as it may."""


def expect(truth, what):
    if not truth:
        raise Trouble(what)


class Exchange:
    """One request and what its answer must be. ranges: None, or (first, last) pairs."""

    def __init__(self, key, file, ranges=None, value=None, method="GET"):
        self.key, self.file, self.ranges, self.method = key, file, ranges, method
        self.value = value or ranges and "bytes=" + ",".join(f"{a}-{b}" for a, b in ranges)

    def __str__(self):
        return f"{self.method} /{self.file.name}?c={self.key} {self.value or ''}"

    def status(self):
        if self.value is None or self.method == "HEAD":
            return 200
        return 206 if self.ranges else 416

    def request(self, closes):
        lines = [f"{self.method} /{self.file.name}?c={self.key} HTTP/1.1", "Host: localhost"]
        if self.value:
            lines.append(f"Range: {self.value}")
        if closes:
            lines.append("Connection: close")
        return "".join(line + "\r\n" for line in [*lines, ""]).encode()


# What is asked for: (numbers, key, files) -> Exchange


def ask_tail(numbers, key, files):
    """Never from the start: for the server, this is not a file that is asked for again."""
    file = numbers.choice(files.large)
    first = 1 if numbers.random() < 0.5 else numbers.randrange(1, file.size)
    return Exchange(key, file, [(first, file.size - 1)], f"bytes={first}-")


def ask_second_byte_on(numbers, key, files):
    file = numbers.choice(files.large)
    return Exchange(key, file, [(1, file.size - 1)], "bytes=1-")


def ask_large(numbers, key, files):
    file, draw = numbers.choice(files.large), numbers.random()
    if draw < 0.2:
        return Exchange(key, file)
    if draw < 0.5:
        return ask_tail(numbers, key, files)
    if draw < 0.6:
        length = numbers.randint(1, file.size)
        return Exchange(key, file, [(file.size - length, file.size - 1)], f"bytes=-{length}")
    if draw < 0.8:
        first = numbers.randrange(file.size)
        length = numbers.choice((1, 4096, 70_000, 3 * MIB, 20 * MIB))
        return Exchange(key, file, [(first, min(file.size, first + length) - 1)])
    places = sorted(numbers.sample(range(file.size), 2 * numbers.randint(2, 5)))
    pairs = [(a, b) for a, b in zip(places[::2], places[1::2])]
    numbers.shuffle(pairs)
    return Exchange(key, file, pairs)


def ask_little(numbers, key, files):
    file, draw = numbers.choice(files.little), numbers.random()
    if draw < 0.15:
        return Exchange(key, file, method="HEAD")
    if draw < 0.3 and file.size:
        first = numbers.randrange(file.size)
        return Exchange(key, file, [(first, file.size - 1)], f"bytes={first}-")
    if draw < 0.35:
        return Exchange(key, file, [], f"bytes={file.size}-")
    return Exchange(key, file)


class Kind(NamedTuple):
    """How a client behaves."""

    take: int = PIECE  # bytes that it reads at a time
    pause: Callable = None  # seconds before each time
    receive_buffer: int = 0  # 0: as the system likes
    ask: Callable = ask_large
    batch: int = 1  # requests that it sends before it reads, at most
    stays: bool = True  # to the end of its last answer
    vanishes: bool = False  # at any byte


def _now_and_then_silent(numbers):
    return numbers.uniform(2, 20) if numbers.random() < 0.05 else 0.02


KINDS = {
    "fast": Kind(),
    "resumer": Kind(ask=ask_tail),
    "steady": Kind(64 * KIB, lambda _: 0.064),
    "taker": Kind(16 * KIB, lambda _: 0.01, 64 * KIB, ask_tail, stays=False),
    "trickle": Kind(4 * KIB, lambda numbers: numbers.uniform(1, 2), 4 * KIB, stays=False),
    "clogged": Kind(4 * KIB, lambda _: 2, 4 * KIB, ask_second_byte_on, stays=False),
    "silent": Kind(PIECE, _now_and_then_silent, stays=False),
    "vanishing": Kind(vanishes=True),
    "vanishing slowly": Kind(16 * KIB, lambda _: 0.02, vanishes=True),
    "visitor": Kind(ask=ask_little),
    "pipeliner": Kind(ask=ask_little, batch=12),
}


class Stage:
    """What the clients of one phase share."""

    def __init__(self, name, port, files, may_refuse):
        self.name, self.port, self.files, self.may_refuse = name, port, files, may_refuse
        self.is_over = False  # nobody begins anything new
        self.whole = {}  # key: bytes of the body, without what stands between its parts
        self.left, self.refused = set(), set()  # keys
        self.compared = 0
        self.troubles = []


class Client:
    def __init__(self, stage, number, name, seed):
        self.stage, self.number, self.name, self.kind = stage, number, name, KINDS[name]
        self.numbers = random.Random(f"{seed} {stage.name} {number}")
        self.socket = None
        self.asked = 0
        self.pending = []  # exchanges
        self.is_waiting, self.waits = False, 0  # for bytes; the stage's watch counts its looks
        self.leaves_after = None
        self.scratch = memoryview(bytearray(self.kind.take))

    # Bytes

    async def connect(self):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        if self.kind.receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.kind.receive_buffer)
        self.held = bytearray()
        self.is_fresh = True
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.stage.port))

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    async def readable(self):
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        self.is_waiting = True
        loop.add_reader(self.socket, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            loop.remove_reader(self.socket)
            self.is_waiting = False

    async def receive(self, most):
        """Some bytes, as the client's kind takes them; b"" at the end."""
        stays_on = self.kind.stays and self.stage.is_over  # the rest at full speed
        if self.kind.pause and not stays_on:
            await asyncio.sleep(self.kind.pause(self.numbers))
        while True:
            try:
                count = self.socket.recv_into(self.scratch, min(most, len(self.scratch)))
            except BlockingIOError:
                await self.readable()
                continue
            break
        self.waits = 0
        if self.leaves_after is not None:
            self.leaves_after -= count
            if self.leaves_after < 0:
                raise Left
        return self.scratch[:count]

    async def until_blank_line(self):
        while b"\r\n\r\n" not in self.held:
            may_be_turned = not self.held and not self.is_fresh and self.stage.may_refuse
            try:
                piece = await self.receive(4 * KIB)
            except ConnectionResetError:  # the request met the close on its way
                if not may_be_turned:
                    raise
                piece = b""
            if not piece and may_be_turned:
                raise Turned
            expect(piece, f"closed in a head, after {bytes(self.held[:60])!r}")
            self.held += piece
        head, _, rest = bytes(self.held).partition(b"\r\n\r\n")
        self.held[:] = rest
        return head.decode("latin-1").split("\r\n")

    async def head(self):
        first, *lines = await self.until_blank_line()
        fields = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
        expect(first.startswith("HTTP/1.1 "), f"not a status line: {first!r}")
        return int(first.split()[1]), fields

    async def compare(self, file, offset, length):
        """The next bytes of the body must be these of the file; file None: anything."""
        end, burst = offset + length, 0
        while offset < end:
            if self.held:
                piece = bytes(self.held[: end - offset])
                del self.held[: len(piece)]
            else:
                piece = await self.receive(end - offset)
            expect(piece, f"short body: {end - offset} of {length} bytes are missing")
            if file and not file.matches(offset, piece):
                raise Trouble(f"wrong bytes between {offset} and {offset + len(piece)}")
            offset += len(piece)
            self.stage.compared += len(piece)
            burst += len(piece)
            if burst >= MIB:
                burst = 0
                await asyncio.sleep(0)

    # Answers

    async def parts(self, exchange, kind, length):
        """A multipart body; returns how long it is by what was read."""
        prefix = "multipart/byteranges; boundary="
        expect(kind.startswith(prefix), f"several ranges as {kind}")
        boundary, read = kind.removeprefix(prefix), 0
        for number, (first, last) in enumerate(exchange.ranges):
            lines = await self.until_blank_line()
            read += sum(len(line) + 2 for line in lines) + 2
            lines = lines[1:] if number else lines
            expect(lines[0] == "--" + boundary, f"part {number} begins with {lines[0]!r}")
            place = f"Content-Range: bytes {first}-{last}/{exchange.file.size}"
            expect(place in lines, f"part {number} is {lines}, not {place}")
            await self.compare(exchange.file, first, last - first + 1)
            read += last - first + 1
        end = f"\r\n--{boundary}--\r\n".encode()
        while len(self.held) < len(end):
            piece = await self.receive(len(end) - len(self.held))
            expect(piece, "closed before the last boundary")
            self.held += piece
        expect(self.held.startswith(end), f"the last boundary is {bytes(self.held[:80])!r}")
        del self.held[: len(end)]
        expect(read + len(end) == length, f"{read + len(end)} bytes under a length of {length}")

    async def answer(self, exchange):
        status, fields = await self.head()
        self.is_fresh = False
        length = int(fields["content-length"])
        if status == 503 and self.stage.may_refuse:
            await self.compare(None, 0, 0 if exchange.method == "HEAD" else length)
            self.stage.refused.add(exchange.key)
            return
        expect(status == exchange.status(), f"status {status}")
        file = exchange.file
        if status == 200:
            expect(length == file.size, f"a length of {length}, not {file.size}")
        if exchange.method == "HEAD":
            length = 0
        elif status == 416:
            await self.compare(None, 0, length)
        elif status == 200:
            await self.compare(file, 0, length)
        elif len(exchange.ranges) == 1:
            first, last = exchange.ranges[0]
            place = f"bytes {first}-{last}/{file.size}"
            expect(fields.get("content-range") == place, f"{fields.get('content-range')}")
            expect(length == last - first + 1, f"a length of {length}")
            await self.compare(file, first, length)
        else:
            await self.parts(exchange, fields.get("content-type", ""), length)
            length = sum(last - first + 1 for first, last in exchange.ranges)
        self.stage.whole[exchange.key] = length

    # What it does

    def next_exchange(self):
        self.asked += 1
        key = f"{self.stage.name}-{self.number}-{self.asked}"
        return self.kind.ask(self.numbers, key, self.stage.files)

    async def batch(self):
        """Asks for a few things at once and takes the answers."""
        numbers = self.numbers
        self.pending = [self.next_exchange() for _ in range(numbers.randint(1, self.kind.batch))]
        closes = numbers.random() < 0.3
        if self.kind.vanishes:
            self.leaves_after = int(10 ** numbers.uniform(1, 7.5))
        if not self.socket:
            await self.connect()
        last = self.pending[-1]
        data = b"".join(each.request(closes and each is last) for each in self.pending)
        await asyncio.get_running_loop().sock_sendall(self.socket, data)
        if closes and numbers.random() < 0.3:
            with contextlib.suppress(OSError):  # a close by the server shows below
                self.socket.shutdown(socket.SHUT_WR)  # it will read, all the same
        while self.pending:
            await self.answer(self.pending[0])
            del self.pending[0]
        if closes:
            expect(not await self.receive(1), "bytes behind the last answer")
            self.close()

    def leave(self):
        """Without a word, by a reset or by an ordinary close."""
        self.stage.left.update(each.key for each in self.pending)
        if self.socket and self.numbers.random() < 0.5:
            hard = struct.pack("ii", 1, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
        self.close()

    def complain(self, what):
        exchange = self.pending[0] if self.pending else "after its last answer"
        self.stage.troubles.append(f"{self.name} client {self.number}: {exchange}: {what}")

    async def run(self):
        try:
            while not self.stage.is_over:
                try:
                    await self.batch()
                except Turned:
                    self.close()
                except Left:
                    self.leave()
        except asyncio.CancelledError:
            self.leave()
        except (Trouble, ConnectionError) as trouble:
            self.complain(str(trouble) or type(trouble).__name__)
            self.leave()
        finally:
            self.close()
