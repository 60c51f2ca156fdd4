# SPDX-License-Identifier: MIT
"""`sluice get -j N`: one file over several connections, from servers that send ranges as they should,
and from others: the file is right, and no byte that came is fetched again."""

import os
import re
import signal
import socket
import threading
import time
import unittest

import journals
from other_servers import (
    answer_head,
    range_answer,
    scripted,
    start_nginx,
    start_python_server,
    whole_answer,
)
from support import (
    MIB,
    WAIT,
    content,
    finish,
    get,
    make_file,
    serve,
    settle,
    start_sluice,
    temp_folder,
    wait_until,
)

SIZE = 40 * MIB + 345
BODY = content(SIZE)
BLOCK = journals.BLOCK


def asked(request, size=SIZE):
    """The bytes that a request is for: first, end."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", "bytes=0-"))
    return int(match[1]), int(match[2]) + 1 if match[2] else size


class Server:
    """Sends ranges. The answer to the first request stops after some bytes until others have been
    asked for, so that there is something to share."""

    def __init__(self, test, to_stream=None, body=BODY, first_stops=MIB, streams=1):
        self.body, self.to_stream = body, to_stream or (lambda peer, request: range_answer(request, body))
        self.first_stops, self.streams = first_stops, streams
        self.go_on, self.seen, self.lock = threading.Event(), 0, threading.Lock()
        self.scripted = scripted(test.addCleanup, self.script)
        test.addCleanup(self.go_on.set)

    def url(self):
        return self.scripted.url()

    def ranges(self):
        """Those that were asked for beside the first answer."""
        return [asked(each) for each in self.scripted.requests if "range" in each.headers]

    def script(self, peer):
        while request := peer.request():
            if request.method == "HEAD":
                peer.send(answer_head(Content_Length=len(self.body), ETag='"v1"'))
            elif "range" not in request.headers:
                if self.first(peer):
                    return
            else:
                try:
                    answer = self.to_stream(peer, request)
                    if answer is None:
                        return
                    peer.send(answer)
                finally:
                    self.has_seen()

    def has_seen(self):
        with self.lock:
            self.seen += 1
            if self.seen >= self.streams:
                self.go_on.set()

    def first(self, peer):
        answer = whole_answer(self.body)
        peer.send(answer[: self.first_stops])
        if self.streams > 0 and answer[self.first_stops :]:
            self.go_on.wait(WAIT)
        peer.send(answer[self.first_stops :])


class Streams(unittest.TestCase):
    env = None

    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file.bin"
        self.state = self.here / "file.bin.part.state"

    def run_get(self, url, *options):
        return get(url, "-o", self.file, "--json", "--timeout", "20", *options, env=self.env)

    def get(self, url, *options):
        done = self.run_get(url, *options)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["file.bin"])
        return done.objects()[0]


class FromGoodServers(Streams):
    def test_each_number(self):
        for number in (1, 2, 3, 8, 16):
            with self.subTest(number):
                shares = min(number, 8)  # more make no sense for so small a file
                server = Server(self, streams=shares - 1)
                got = self.get(server.url(), "-j", str(number))
                self.assertEqual(got["streams"], shares)
                self.file.unlink()
                self.assertEqual(got["bill"]["bytes"], SIZE)
                if number > 1:
                    self.assertEqual(max(end for _, end in server.ranges()), SIZE)

    def test_every_range_has_the_validator(self):
        server = Server(self, streams=3)
        self.get(server.url(), "-j", "4")
        for request in server.scripted.requests:
            if "range" in request.headers:
                self.assertEqual(request.headers["if-range"], '"v1"')

    def test_a_small_file_has_one(self):
        body = content(3 * MIB)
        server = Server(self, body=body, first_stops=1 << 30)
        done = self.run_get(server.url(), "-j", "8")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.objects()[0]["streams"], 1)
        self.assertTrue(self.file.read_bytes() == body)

    def test_real_servers(self):
        folder = temp_folder(self.addCleanup)
        settle(make_file(folder / "file.bin", SIZE))
        servers = {
            "sluice": lambda: serve(self.addCleanup, folder).url("file.bin"),
            "nginx": lambda: f"http://127.0.0.1:{start_nginx(self.addCleanup, folder)}/file.bin",
            "python": lambda: f"http://127.0.0.1:{start_python_server(self.addCleanup, folder)}/file.bin",
        }
        for name, start in servers.items():
            with self.subTest(name):
                self.get(start(), "-j", "8")

    def test_to_a_descriptor_there_is_one(self):
        server = Server(self, first_stops=1 << 30)
        done = get(server.url(), "-o", "-", "-j", "8")
        self.assertTrue(done.out == BODY, "the copy differs")
        self.assertEqual(server.ranges(), [])

    def test_nothing_is_kept(self):
        server = Server(self, streams=3)
        done = get(server.url(), "--path", "discard", "--json", "-j", "4")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.objects()[0]["bill"]["bytes"], SIZE)
        self.assertEqual(done.objects()[0]["streams"], 4)


def part(first, end, body=BODY, size=SIZE, **headers):
    fields = {
        "Content_Range": f"bytes {first}-{end - 1}/{size}",
        "Content_Length": end - first,
        "ETag": '"v1"',
        **headers,
    }
    return answer_head("206 Partial Content", **fields) + body[first:end]


def status(line):
    return lambda first, end: answer_head(line, Content_Length=0)


# What the second connection is answered. All of the file comes by the first one.
REFUSALS = {
    "all of it": lambda first, end: whole_answer(BODY)[: 4 * MIB],
    "all of another": lambda first, end: whole_answer(BODY, etag='"v2"')[: 4 * MIB],
    "bytes before": lambda first, end: part(first - 4096, end - 4096),
    "bytes behind": lambda first, end: part(first + 4096, end),
    "fewer bytes": lambda first, end: part(first, end - 1),
    "more bytes": lambda first, end: part(first - 1, end),
    "no place": lambda first, end: part(first, end, Content_Range=None),
    "another tag": lambda first, end: part(first, end, ETag='"v2"'),
    "a weak tag": lambda first, end: part(first, end, ETag='W/"v1"'),
    "no tag": lambda first, end: part(first, end, ETag=None),
    "another size": lambda first, end: part(first, end, size=SIZE + 1),
    "another length": lambda first, end: part(first, end, Content_Length=end - first + 1),
    "compressed": lambda first, end: part(first, end, Content_Encoding="gzip"),
    "several ranges": lambda first, end: part(first, end, Content_Range=None, Content_Type="multipart/byteranges; boundary=x"),
    "403": status("403 Forbidden"),
    "404": status("404 Not Found"),
    "416": status("416 Range Not Satisfiable"),
    "429": status("429 Too Many Requests"),
    "503": status("503 Service Unavailable"),
    "304": status("304 Not Modified"),
    "a redirect to nowhere": status("302 Found"),
    "no answer": lambda first, end: None,
    "half an answer": lambda first, end: b"HTTP/1.1 206 Part",
    "something else": lambda first, end: b"SSH-2.0-OpenSSH\r\n",
}


class FromOthers(Streams):
    def test_what_is_not_the_range_ends_a_stream_and_no_more_are_opened(self):
        for name, answer in REFUSALS.items():
            with self.subTest(name):
                def to_stream(peer, request, answer=answer):
                    answer = answer(*asked(request))
                    if answer:
                        peer.send(answer)
                    return None

                server = Server(self, to_stream, streams=3)
                got = self.get(server.url(), "-j", "4")
                self.assertEqual(got["resumed_from_bytes"], 0)
                self.assertEqual(len(server.ranges()), 3)
                self.file.unlink()

    def test_one_of_them_is_refused(self):
        numbers = set()

        def to_stream(peer, request):
            numbers.add(peer.number)
            if peer.number == max(numbers) and len(numbers) == 3:
                return answer_head("429 Too Many Requests", Content_Length=0)
            return range_answer(request, BODY)

        server = Server(self, to_stream, streams=3)
        self.get(server.url(), "-j", "4")
        self.assertEqual(len(server.scripted.peers), 5)  # the last one confirms

    def test_connections_are_refused(self):
        server = Server(self, streams=3)
        closed = threading.Event()

        def first(peer):
            server.scripted.listener.shutdown(socket.SHUT_RDWR)
            server.scripted.listener.close()
            closed.set()
            peer.send(whole_answer(BODY))

        server.first = first
        got = self.get(server.url(), "-j", "4")
        self.assertTrue(closed.is_set())
        self.assertEqual(server.ranges(), [])
        self.assertEqual(got["bill"]["bytes"], SIZE)


class Cut(Streams):
    def test_a_stream_that_is_cut_goes_on_where_it_was(self):
        cut = 2 * MIB + 1000

        def to_stream(peer, request):
            answer = range_answer(request, BODY)
            if peer.number != 1:
                return answer
            peer.send(answer[:cut])
            return None

        server = Server(self, to_stream, streams=2)
        self.get(server.url(), "-j", "2")
        (first, _), (again, _), *_ = server.ranges()
        came = cut - range_answer(server.scripted.requests[1], BODY).index(b"\r\n\r\n") - 4
        self.assertEqual(again, first + came // BLOCK * BLOCK)

    def test_each_connection_is_cut(self):
        """After as much as is worth another one."""

        def to_stream(peer, request):
            peer.send(range_answer(request, BODY)[: 3 * MIB + peer.number])
            return None

        server = Server(self, to_stream, streams=4)
        self.get(server.url(), "-j", "4")

    def test_the_first_is_cut_and_the_others_go_on(self):
        server = Server(self, streams=3)

        def first(peer):
            peer.send(whole_answer(BODY)[: 2 * MIB])
            return server.go_on.wait(WAIT)

        server.first = first
        got = self.get(server.url(), "-j", "4")
        self.assertLess(got["bill"]["bytes"], SIZE + BLOCK)

    def test_a_server_that_cuts_every_answer_at_once_is_not_asked_for_ever(self):
        def cut(peer):
            request = peer.request()
            answer = range_answer(request, BODY) if "range" in request.headers else whole_answer(BODY)
            peer.send(answer[: answer.index(b"\r\n\r\n") + 4])

        server = scripted(self.addCleanup, cut)
        done = self.run_get(server.url(), "-j", "4")
        self.assertEqual(done.code, 1, done.err)
        self.assertLess(len(server.requests), 20)

    def test_nothing_comes_from_any_but_the_first(self):
        def to_stream(peer, request):
            peer.send(part(*asked(request))[:200])
            return None

        server = Server(self, to_stream, streams=3)
        self.get(server.url(), "-j", "4")
        self.assertEqual(len(server.ranges()), 3)


class Resumed(Streams):
    def stalls(self, enough=MIB):
        """A server each of whose answers stops, until all of them may go on."""
        stalled = []

        def send(peer, answer):
            if self.may_go_on.is_set():
                return peer.send(answer)
            peer.send(answer[:enough])
            stalled.append(peer.number)
            return self.may_go_on.wait(WAIT)

        def script(peer):
            while request := peer.request():
                if request.method == "HEAD":
                    peer.send(answer_head(Content_Length=SIZE, ETag='"v1"'))
                else:
                    send(peer, range_answer(request, BODY))

        self.may_go_on = threading.Event()
        self.addCleanup(self.may_go_on.set)
        return scripted(self.addCleanup, script), stalled

    def start(self, server, stalled, number):
        process = start_sluice("get", server.url(), "-o", self.file, "-j", str(number), "-q", env=self.env)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(lambda: len(stalled) == number, "all of them have stopped")
        return process

    def assert_fills_the_gaps(self, server, number, stretches):
        self.assertEqual(len(stretches), number, stretches)
        here = sum(end - start for start, end in stretches) * BLOCK
        before = len(server.requests)
        self.may_go_on.set()
        got = self.get(server.url(), "-j", str(number))
        self.assertEqual(got["resumed_from_bytes"], here)
        self.assertEqual(got["bill"]["bytes"], SIZE - here)
        ranges = [asked(each) for each in server.requests[before:] if "range" in each.headers]
        first, end = ranges[0]
        overlap = min(64 << 10, stretches[0][1] * BLOCK)
        ranges[0] = first + overlap, end
        for first, end in ranges:
            for start, to in stretches:
                self.assertFalse(first < to * BLOCK and start * BLOCK < end, (ranges, stretches))

    def stretches(self):
        return journals.read(self.state)["done_blocks"]

    def test_interrupted(self):
        for number in (1, 4):
            with self.subTest(number):
                server, stalled = self.stalls()
                process = self.start(server, stalled, number)
                process.send_signal(signal.SIGINT)
                self.assertEqual(finish(process).code, 1)
                self.assert_fills_the_gaps(server, number, self.stretches())
                self.file.unlink()

    def test_killed(self):
        server, stalled = self.stalls(4 * MIB)
        process = self.start(server, stalled, 4)
        wait_until(lambda: self.state.exists() and len(self.stretches()) == 4, "the journal has it")
        process.kill()
        process.wait()
        self.assert_fills_the_gaps(server, 4, self.stretches())

    def test_with_another_number(self):
        server, stalled = self.stalls()
        process = self.start(server, stalled, 8)
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process).code, 1)
        self.assertEqual(len(self.stretches()), 8)
        self.may_go_on.set()
        self.get(server.url(), "-j", "1")


def paced(peer, data):
    """4 MB/s."""
    for at in range(0, len(data), 64 << 10):
        peer.send(data[at : at + (64 << 10)])
        time.sleep(0.016)


class Auto(Streams):
    def test_more_where_each_is_slow(self):
        def to_stream(peer, request):
            paced(peer, range_answer(request, BODY))
            return b""

        server = Server(self, to_stream)
        server.first = lambda peer: paced(peer, whole_answer(BODY))
        self.assertGreaterEqual(self.get(server.url())["streams"], 4)

    def test_one_where_it_is_fast(self):
        server = Server(self, first_stops=1 << 30)
        self.assertEqual(self.get(server.url())["streams"], 1)
        self.assertEqual(server.ranges(), [])

    def test_one_where_the_server_takes_no_more(self):
        def to_stream(peer, request):
            return answer_head("429 Too Many Requests", Content_Length=0)

        server = Server(self, to_stream)
        server.first = lambda peer: paced(peer, whole_answer(BODY)[: 12 * MIB]) or peer.send(whole_answer(BODY)[12 * MIB :])
        self.get(server.url())
        self.assertEqual(len(server.ranges()), 1)


class FromGoodServersWithEpoll(FromGoodServers):
    env = {"SLUICE_LOOP": "epoll"}


class CutWithEpoll(Cut):
    env = {"SLUICE_LOOP": "epoll"}


class ResumedWithEpoll(Resumed):
    env = {"SLUICE_LOOP": "epoll"}


class Usage(unittest.TestCase):
    def test_numbers(self):
        for number in ("0", "17", "-1", "many", "", "1.5"):
            with self.subTest(number):
                done = get("http://127.0.0.1:9/file", "-j", number)
                self.assertEqual(done.code, 2)
                self.assertIn("expected auto or 1 to 16", done.err)


if __name__ == "__main__":
    unittest.main()
