# SPDX-License-Identifier: MIT
"""`sluice get` tries again by itself what may pass, and goes on from where it was."""

import concurrent.futures
import fcntl
import hashlib
import os
import re
import signal
import socket
import struct
import termios
import unittest

from other_servers import answer_head, free_port, range_answer, scripted, whole_answer
from support import content, finish, get, start_sluice, temp_folder, wait_until

SIZE = 1_000_000 + 77
CUT = 400_000
BODY = content(SIZE)
BLOCK, OVERLAP = 4096, 65536
AGAIN = re.compile(r"again in [\d.]+ (?:s|min)[^()\n]* \((\d+) of (\d+)\)$", re.M)


def first_of(request):
    match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
    return int(match[1]) if match else None


def status(line, **headers):
    return lambda peer: peer.send(answer_head(line, Content_Length=0, **headers))


def reset(peer):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.socket.close()


def cut(peer, answer=whole_answer(BODY)):
    peer.send(answer[:CUT])


def cut_by_reset(peer):
    cut(peer)
    wait_until(lambda: not unsent(peer.socket), "the client's machine has it all")
    reset(peer)


def unsent(connection):
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0]


def stall(peer):
    cut(peer)
    peer.wait_for_the_client_to_leave()


def cut_chunks(peer):
    data = BODY[:CUT]
    head = answer_head(ETag='"v1"', Transfer_Encoding="chunked")
    peer.send(head + b"%x\r\n" % len(data) + data + b"\r\n")


# What happens to the first request; whether something of it stays.
PASSES = {
    "408": (status("408 Request Timeout"), False),
    "425": (status("425 Too Early"), False),
    "429": (status("429 Too Many Requests"), False),
    "500": (status("500 Internal Server Error"), False),
    "502": (status("502 Bad Gateway"), False),
    "503": (status("503 Service Unavailable"), False),
    "503 and a time that has passed": (
        status("503 X", Retry_After="Mon, 01 Jan 2024 00:00:00 GMT"),
        False,
    ),
    "504": (status("504 Gateway Timeout"), False),
    "520": (status("520 Unknown"), False),
    "no answer": (lambda peer: None, False),
    "half an answer": (lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nContent-"), False),
    "a reset": (reset, False),
    "a body that is cut": (cut, True),
    "a body that is reset": (cut_by_reset, True),
    "a body that stalls": (stall, True),
    "a body without a validator that is cut": (
        lambda peer: cut(peer, whole_answer(BODY, etag=None)),
        False,
    ),
    "chunks that are cut": (cut_chunks, False),
}

NEVER = {
    "403": status("403 Forbidden"),
    "404": status("404 Not Found", Retry_After=1),
    "410": status("410 Gone"),
    "416": status("416 Range Not Satisfiable"),
    "501": status("501 Not Implemented"),
    "another protocol": lambda peer: peer.send(b"SSH-2.0-server\r\n\r\n"),
    "two lengths": lambda peer: peer.send(answer_head(Content_Length="5\r\nContent-Length: 6")),
    "an encoded body": lambda peer: peer.send(whole_answer(BODY, Content_Encoding="gzip")),
    "a redirect to nowhere": status("302 Found"),
}


class Tries(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)

    def server(self, *scripts, ranges=True):
        """Each of them has a request; those that follow are answered as they should be."""

        def script(peer):
            request = peer.request()
            if peer.number < len(scripts):
                scripts[peer.number](peer)
            else:
                peer.send(range_answer(request, BODY) if ranges else whole_answer(BODY))

        return scripted(self.addCleanup, script)

    def get(self, server, *options, name="file.bin", **how):
        return get(server.url(), "-o", self.here / name, *options, **how)

    def assert_got(self, done, name="file.bin"):
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue((self.here / name).read_bytes() == BODY, "the copy differs")


class ByItself(Tries):
    def each(self, names, check):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = {name: pool.submit(check, name) for name in names}
        for name, done in running.items():
            with self.subTest(name):
                done.result()

    def passes(self, name):
        fails, stays = PASSES[name]
        server = self.server(fails)
        done = self.get(server, "--tries", "20", "--timeout", "2", "--json", name=name)
        self.assert_got(done, name)
        self.assertEqual(AGAIN.findall(done.err), [("2", "20")], done.err)
        self.assertEqual(len(server.requests), 2)
        first = first_of(server.requests[1])
        if stays:
            self.assertGreater(first, CUT - OVERLAP - 2 * BLOCK - 200)
        else:
            self.assertIsNone(first)
        self.assertEqual(done.objects()[0]["resumed_from_bytes"], 0)

    def test_what_may_pass(self):
        self.each(PASSES, self.passes)

    def never(self, name):
        server = self.server(NEVER[name])
        done = self.get(server, "--tries", "20", name=name)
        self.assertEqual(done.code, 1, done.err)
        self.assertNotRegex(done.err, "again in|tried")
        self.assertEqual(len(server.requests), 1)

    def test_what_cannot_get_better_fails_at_once(self):
        self.each(NEVER, self.never)

    def test_no_room_fails_at_once(self):
        server = self.server()
        done = self.get(server, "--tries", "20", prefix=["sh", "-c", 'ulimit -f 100; exec "$@"', "sh"])
        self.assertEqual(done.code, 1, done.err)
        self.assertEqual(len(server.requests), 1)

    def test_a_server_that_comes_later(self):
        port = free_port()
        process = start_sluice(
            "get", f"http://127.0.0.1:{port}/x", "-o", self.here / "x", "--tries", "20", bufsize=0
        )
        self.assertRegex(process.stderr.readline().decode(), r"Connection refused: again in .*\(2 of 20\)")
        listener = socket.create_server(("127.0.0.1", port))
        self.addCleanup(listener.close)
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer_head(Content_Length=5) + b"hello")
            done = finish(process)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((self.here / "x").read_bytes(), b"hello")


class Progress(Tries):
    def test_nothing_is_fetched_twice_but_what_is_compared(self):
        """And any progress makes the count begin anew."""
        sent = []

        def script(peer):
            request = peer.request()
            answer = range_answer(request, BODY)
            head = answer.index(b"\r\n\r\n") + 4
            first = first_of(request) or 0
            more = 200_000 if first == 0 else 200_000 + OVERLAP
            peer.send(answer[: head + more])
            sent.append(min(more, SIZE - first))

        server = scripted(self.addCleanup, script)
        done = self.get(server, "--tries", "2")
        self.assert_got(done)
        self.assertEqual(set(AGAIN.findall(done.err)), {("2", "2")}, done.err)
        self.assertLess(sum(sent), SIZE + (len(sent) - 1) * (OVERLAP + BLOCK))

    def test_what_came_before_is_no_progress(self):
        """A server without ranges that cuts at the same place each time must not go on for ever."""
        server = self.server(*[lambda peer: cut(peer, whole_answer(BODY, etag=None))] * 10)
        done = self.get(server, "--tries", "3")
        self.assertEqual(done.code, 1, done.err)
        self.assertEqual(AGAIN.findall(done.err), [("2", "3"), ("3", "3")], done.err)
        self.assertIn("(tried 3 times)", done.err)
        self.assertEqual(len(server.requests), 3)

    def test_a_server_that_does_not_continue(self):
        server = self.server(cut, ranges=False)
        done = self.get(server, "--tries", "2")
        self.assert_got(done)
        self.assertNotIn("starting over", done.err)  # what is here is skipped

    def test_a_part_of_an_earlier_run_outlasts_an_outage(self):
        bad = status("503 Service Unavailable")
        server = self.server(cut, bad, reset)
        self.assertEqual(self.get(server).code, 1)
        done = self.get(server, "--tries", "20", "--json")
        self.assert_got(done)
        self.assertEqual(AGAIN.findall(done.err), [("2", "20"), ("3", "20")], done.err)
        self.assertGreater(done.objects()[0]["resumed_from_bytes"], CUT - 200 - 2 * BLOCK)
        self.assertTrue(all(first_of(request) for request in server.requests[1:]))

    def test_a_range_that_the_server_always_fails_at(self):
        bad = status("500 Internal Server Error")
        server = self.server(cut, bad, bad)
        done = self.get(server, "--tries", "2")
        self.assert_got(done)
        self.assertNotIn("starting over", done.err)

    def test_too_many_requests_are_no_fault_of_the_range(self):
        """What is here is not given up because a server is busy."""
        busy = status("429 Too Many Requests")
        server = self.server(cut, busy, busy)
        done = self.get(server, "--tries", "20")
        self.assert_got(done)
        self.assertTrue(all(first_of(request) for request in server.requests[1:]))

    def test_tries_that_are_used_up(self):
        server = self.server(cut, *[status("503 Service Unavailable")] * 9)
        done = self.get(server, "--tries", "3")
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, r"503 .*\(tried 3 times\).*again to continue")
        self.assert_got(self.get(self.server_at(server)))

    def server_at(self, server):
        """The same, but well again."""

        def script(peer):
            peer.send(range_answer(peer.request(), BODY))

        server.script = script
        return server


class Pauses(Tries):
    def test_the_server_says_how_long(self):
        done = self.get(self.server(status("429 X", Retry_After=1)), "--tries", "20")
        self.assert_got(done)
        self.assertRegex(done.err, r"429 .*: again in 1\.\d s \(2 of 20\)")

    def pausing(self, *scripts):
        server = self.server(*scripts, status("503 X", Retry_After=86400))
        process = start_sluice(
            "get", server.url(), "-o", self.here / "file.bin", "--tries", "0", bufsize=0
        )
        line = b""
        while b"503" not in line:
            line = process.stderr.readline()
        self.assertRegex(line.decode(), r"again in 60 min, although the server asks for 1440 min")
        return server, process

    def test_a_signal_ends_a_pause_at_once(self):
        server, process = self.pausing(cut)
        process.send_signal(signal.SIGINT)
        done = finish(process)
        self.assertEqual(done.code, 1)
        self.assertRegex(done.err, r"interrupted; .*again to continue")
        done = self.get(server, "--json")
        self.assert_got(done)
        self.assertGreater(done.objects()[0]["resumed_from_bytes"], CUT - 200 - 2 * BLOCK)

    def test_a_signal_ends_a_pause_before_anything_came(self):
        _, process = self.pausing()
        process.send_signal(signal.SIGTERM)
        done = finish(process)
        self.assertEqual(done.code, 1)
        self.assertIn("interrupted", done.err)
        self.assertEqual(os.listdir(self.here), [])


class ToDescriptors(Tries):
    def stream(self, *scripts, options=(), **how):
        server = self.server(*scripts, **how)
        done = get(server.url(), "-o", "-", "--tries", "3", *options)
        return server, done

    def test_what_follows_is_put_behind(self):
        digest = hashlib.sha256(BODY).hexdigest()
        server, done = self.stream(cut, cut_range, options=["--sha256", digest])
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(done.out == BODY, "the copy differs")
        self.assertEqual([first_of(each) is None for each in server.requests], [True, False, False])

    def test_what_cannot_follow_is_not(self):
        for name, scripts, ranges, says in (
            ("without a validator", [lambda peer: cut(peer, whole_answer(BODY, etag=None))], True, "ended after"),
            ("without ranges", [cut], False, "does not go on where the output ends"),
            ("another file", [cut, lambda peer: peer.send(whole_answer(BODY, etag='"v2"'))], True, "does not go on"),
            ("a block early", [cut, a_block_early], True, "does not go on where the output ends"),
            ("refused", [cut, status("416 X")], True, "cannot be taken back"),
        ):
            with self.subTest(name):
                server, done = self.stream(*scripts, ranges=ranges)
                self.assertEqual(done.code, 1)
                self.assertIn(says, done.err)
                self.assertTrue(BODY.startswith(done.out))
                self.assertEqual(len(server.requests), 1 if name == "without a validator" else 2)

    def test_before_anything_came(self):
        _, done = self.stream(status("503 X"), reset)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(done.out == BODY, "the copy differs")

    def test_a_reader_that_leaves_is_not_tried_again(self):
        server = self.server(lambda peer: (peer.send(whole_answer(BODY)), peer.wait_for_the_client_to_leave()))
        process = start_sluice("get", server.url(), "-o", "-", "--tries", "3")
        process.stdout.read(10)
        process.stdout.close()
        process.stdout = None
        done = finish(process)
        self.assertEqual(done.code, 1)
        self.assertNotIn("again in", done.err)
        self.assertEqual(len(server.requests), 1)

    def test_nothing_kept_begins_again(self):
        server = self.server(cut)
        done = get(server.url(), "--path", "discard", "--tries", "2", "--json")
        self.assertEqual(done.code, 0, done.err)
        self.assertIsNone(first_of(server.requests[1]))


def cut_range(peer):
    first = first_of(peer.requests[-1])
    head = answer_head(
        "206 Partial Content",
        Content_Range=f"bytes {first}-{SIZE - 1}/{SIZE}",
        Content_Length=SIZE - first,
        ETag='"v1"',
    )
    peer.send(head + BODY[first : first + 100_000])


def a_block_early(peer):
    first = first_of(peer.requests[-1]) - BLOCK
    head = answer_head(
        "206 Partial Content",
        Content_Range=f"bytes {first}-{SIZE - 1}/{SIZE}",
        Content_Length=SIZE - first,
        ETag='"v1"',
    )
    peer.send(head + BODY[first:])


if __name__ == "__main__":
    unittest.main()
