# SPDX-License-Identifier: MIT
"""What `sluice get` asks a server beside the file: whether it is still the same when all of it has
come, and whether there is another one when it is run again."""

import contextlib
import os
import socket
import threading
import unittest

from other_servers import Scripted, answer_head, scripted, start_nginx, whole_answer
from support import (
    MIB,
    WAIT,
    content,
    get,
    make_file,
    serve,
    settle,
    temp_folder,
    warm,
)

SIZE = 2 * MIB + 345
BODY = content(SIZE)
OTHER = content(SIZE, seed=2)
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"
HELD = 600 << 10  # bytes that fit into the buffers of a socket


class Getting(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file.bin"

    def get(self, url, *options):
        return get(url, "-o", self.file, "--json", "--timeout", "20", *options)

    def assert_done(self, done, body=BODY):
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == body, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["file.bin"])
        return done.objects()[0]


class HoldingProxy(Scripted):
    """Stands before a server; takes the last bytes of the first answer only after `hook`."""

    def __init__(self, port, before, hook):
        self.target, self.before, self.hook = port, before, hook
        super().__init__(self._relay)

    def _relay(self, peer):
        with socket.create_connection(("127.0.0.1", self.target), timeout=WAIT) as server:
            threading.Thread(target=self._forward, args=(peer, server), daemon=True).start()
            left = self.before if peer.number == 0 else 0
            while left and (data := server.recv(min(left, 65536))):
                peer.send(data)
                left -= len(data)
            if peer.number == 0:
                self.hook()
            while data := server.recv(MIB):
                peer.send(data)

    @staticmethod
    def _forward(peer, server):
        with contextlib.suppress(OSError, ValueError):
            while data := peer.socket.recv(MIB):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)


class WrittenInPlaceAtTheEnd(Getting):
    """After the server's last look, and before the client's kernel has copied the last bytes."""

    def holding(self, path):
        folder = temp_folder(self.addCleanup)
        source = settle(make_file(folder / "file.bin", SIZE))
        warm(source)
        server = serve(self.addCleanup, folder, "--path", path)

        def overwrite():
            server.wait_log("GET /file.bin")
            with open(source, "r+b") as file:
                file.write(OTHER)

        proxy = HoldingProxy(server.port, SIZE - HELD, overwrite)
        self.addCleanup(proxy.close)
        return proxy

    def test_no_mixture_gets_the_name(self):
        for path in ("sendfile", "splice"):
            with self.subTest(path):
                done = self.get(self.holding(path).url())
                self.assert_done(done, OTHER)
                self.assertIn("changed on the server during the download: starting over", done.err)

    def test_standard_output_is_not_called_whole(self):
        done = get(self.holding("sendfile").url(), "-o", "-", "-q")
        self.assertEqual(done.code, 1)
        self.assertIn("changed on the server during the download", done.err)


class Confirming(Getting):
    def server(self, *heads, get=whole_answer, body=BODY, **fields):
        """Each of heads answers a HEAD, the last one ever again: bytes, or what to do with it."""
        self.asked = []

        def script(peer):
            while request := peer.request():
                self.asked.append(request)
                if request.method == "GET" and "range" in request.headers:
                    peer.send(self.sample(request))
                    continue
                if request.method == "GET":
                    peer.send(get(body, **fields))
                    continue
                number = sum(each.method == "HEAD" for each in self.asked) - 1
                answer = heads[min(number, len(heads) - 1)]
                if not isinstance(answer, bytes):
                    return answer(peer)
                peer.send(answer)

        return scripted(self.addCleanup, script)

    def sample(self, request):
        """What the file holds by now."""
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        now = self.now[first : last + 1]
        place = f"bytes {first}-{last}/{len(self.now)}"
        return answer_head("206 X", Content_Range=place, Content_Length=len(now)) + now

    def methods(self):
        return [request.method for request in self.asked]

    def whole_gets(self):
        gets = [request for request in self.asked if request.method == "GET"]
        return sum("range" not in request.headers for request in gets)

    def test_what_is_asked(self):
        same = answer_head(ETag='"v1"', Content_Length=SIZE)
        self.assert_done(self.get(self.server(same).url()))
        self.assertEqual(self.methods(), ["GET", "HEAD"])
        self.assertEqual(self.asked[1].headers["if-match"], '"v1"')
        self.assertEqual(self.asked[1].target, "/file.bin")

    def test_by_date(self):
        same = answer_head(Last_Modified=DATE, Content_Length=SIZE)
        server = self.server(same, etag=None, Last_Modified=DATE)
        self.assert_done(self.get(server.url()))
        self.assertEqual(self.asked[1].headers["if-unmodified-since"], DATE)

    def test_answers_that_say_nothing_against_it(self):
        for name, answer in {
            "the same": answer_head(ETag='"v1"', Content_Length=SIZE),
            "the same, weakly": answer_head(ETag='W/"v1"', Content_Length=SIZE),
            "no tag": answer_head(Content_Length=0),
            "not found": answer_head("404 Not Found", Content_Length=0),
            "forbidden": answer_head("403 Forbidden", Content_Length=5),
            "not allowed": answer_head("405 Method Not Allowed", Content_Length=0),
            "not implemented": answer_head("501 Not Implemented", Connection="close"),
            "unavailable": answer_head("503 Service Unavailable", Content_Length=0),
            "elsewhere": answer_head("302 Found", Location="/other", Content_Length=0),
            "with a body": whole_answer(BODY),
            "half an answer": lambda peer: peer.send(b"HTTP/1.1 20"),
            "something else": b"hello\r\n\r\n",
            "closed": lambda peer: None,
        }.items():
            with self.subTest(name):
                self.assert_done(self.get(self.server(answer).url()))
                self.assertEqual(self.methods(), ["GET", "HEAD"])
                self.file.unlink()

    def test_silence(self):
        server = self.server(lambda peer: peer.wait_for_the_client_to_leave())
        self.assert_done(self.get(server.url(), "--timeout", "1"))

    def test_no_starts_over_but_not_for_ever(self):
        for name, answer in {
            "412": answer_head("412 Precondition Failed", Content_Length=0),
            "another tag": answer_head(ETag='"v2"', Content_Length=SIZE),
            "shorter": answer_head(ETag='"v2"', Content_Length=SIZE - 1),
        }.items():
            with self.subTest(name):
                same = answer_head(ETag='"v1"', Content_Length=SIZE)
                twice = [answer] * (2 if name == "412" else 1)
                done = self.get(self.server(*twice, same).url())
                self.assert_done(done)
                self.assertEqual(self.methods().count("GET"), 2)
                self.assertIn("changed on the server during the download: starting over", done.err)
                self.file.unlink()
                done = self.get(self.server(answer).url())
                self.assertEqual(done.code, 1, done.err)
                self.assertEqual(self.methods().count("GET"), 3)
                self.assertEqual(os.listdir(self.here), [])

    def test_a_log_that_grew_is_whole_as_far_as_it_was_promised(self):
        self.now = BODY + bytes(100)
        longer = answer_head(ETag='"v2"', Content_Length=SIZE + 100)
        for heads in ((answer_head("412 X", Content_Length=0), longer), (longer,)):
            with self.subTest(len(heads)):
                done = self.get(self.server(*heads).url())
                self.assert_done(done)
                self.assertIn(f"these are its first {SIZE} bytes", done.err)
                self.assertEqual(self.whole_gets(), 1)
                self.file.unlink()

    def test_a_longer_file_that_is_another_one_did_not_grow(self):
        longer = answer_head(ETag='"v2"', Content_Length=SIZE + 100)
        same = answer_head(ETag='"v1"', Content_Length=SIZE)
        for name, now in {
            "another beginning": b"x" + BODY[1:] + bytes(100),
            "another middle": BODY[: SIZE // 3 - 40000] + bytes(200000) + BODY[SIZE // 3 + 160000 :],
            "all of it": OTHER + bytes(100),
        }.items():
            with self.subTest(name):
                self.now = now
                done = self.get(self.server(longer, same).url())
                self.assert_done(done)
                self.assertIn("changed on the server during the download: starting over", done.err)
                self.assertEqual(self.whole_gets(), 2)
                self.file.unlink()

    def test_where_it_cannot_be_known_nothing_is_asked(self):
        def closing(body):
            return whole_answer(body, Connection="close")

        for name, how in {
            "a weak tag": {"etag": 'W/"v1"'},
            "no tag": {"etag": None},
            "the connection ends": {"get": closing},
            "a small file": {"body": BODY[: MIB - 1]},
        }.items():
            with self.subTest(name):
                server = self.server(lambda peer: None, **how)
                self.assert_done(self.get(server.url()), how.get("body", BODY))
                self.assertEqual(self.methods(), ["GET"])
                self.file.unlink()

    def test_path_discard_does_not_care(self):
        server = self.server(lambda peer: None)
        self.assertEqual(get(server.url(), "--path", "discard", "-q").code, 0)
        self.assertEqual(self.methods(), ["GET"])


class Again(Getting):
    """The file is complete, and the command is given once more."""

    def setUp(self):
        super().setUp()
        try:
            os.setxattr(self.here, "user.sluice.test", b"1")
        except OSError as error:
            self.skipTest(f"no extended attributes in {self.here}: {error.strerror}")

    def server(self, if_same=None, fields=None):
        """Answers `if_same`, else 304, where a condition says that nothing has changed."""
        self.body = BODY[:5000]
        fields = fields or {"ETag": '"v1"'}

        def script(peer):
            request = peer.request()
            since = request.headers.get("if-modified-since", "never")
            if request.headers.get("if-none-match", since) in fields.values():
                return peer.send(if_same or answer_head("304 Not Modified", **fields))
            peer.send(answer_head(Content_Length=len(self.body), **fields) + self.body)

        return scripted(self.addCleanup, script)

    def again(self, url, status, *options):
        printed = self.assert_done(self.get(url, *options), self.body)
        self.assertEqual(printed["status"], status)
        return printed

    def test_nothing_comes(self):
        for fields in ({"ETag": '"v1"'}, {"Last_Modified": DATE}, {"ETag": '"1"', "Last_Modified": DATE}):
            with self.subTest(fields):
                server = self.server(fields=fields)
                self.again(server.url(), 200)
                before = os.stat(self.file)
                self.assertEqual(self.again(server.url(), 304)["bill"]["bytes"], 0)
                self.assertEqual(os.stat(self.file).st_ino, before.st_ino)
                self.assertEqual(os.stat(self.file).st_mtime_ns, before.st_mtime_ns)
                self.file.unlink()

    def test_what_is_said(self):
        url = self.server().url()
        self.again(url, 200)
        done = get(url, "-o", self.file)
        self.assertEqual(done.code, 0)
        self.assertRegex(done.err, r"file\.bin is up to date")
        self.assertEqual(get(url, "-o", self.file, "-q").err, "")

    def test_from_real_servers(self):
        folder = temp_folder(self.addCleanup)
        settle(make_file(folder / "file.bin", SIZE))
        self.body = BODY
        for name, start in (
            ("sluice", lambda: serve(self.addCleanup, folder).port),
            ("nginx", lambda: start_nginx(self.addCleanup, folder)),
        ):
            with self.subTest(name):
                url = f"http://127.0.0.1:{start()}/file.bin"
                self.again(url, 200)
                self.again(url, 304)
                self.file.unlink()

    def test_a_new_version_comes(self):
        fields = {"ETag": '"v1"'}
        url = self.server(fields=fields).url()
        self.again(url, 200)
        fields["ETag"], self.body = '"v2"', OTHER[:6000]
        self.again(url, 200)
        self.again(url, 304)

    def test_a_file_that_was_touched_or_replaced_is_fetched(self):
        url = self.server().url()

        def same_length():
            with open(self.file, "r+b") as file:
                file.write(b"mine")

        def replaced():
            self.file.unlink()
            self.file.write_bytes(self.body)

        self.again(url, 200)
        changes = {
            "written to": same_length,
            "longer": lambda: self.file.write_bytes(self.body + b"more"),
            "another time": lambda: os.utime(self.file, (1, 1)),
            "another file": replaced,
            "gone": self.file.unlink,
        }
        for name, change in changes.items():
            with self.subTest(name):
                self.again(url, 304)
                change()
                self.again(url, 200)

    def test_what_was_not_known_for_sure_is_fetched(self):
        for fields in ({"ETag": 'W/"v1"'}, {"X": "1"}):
            with self.subTest(fields):
                url = self.server(fields=fields).url()
                self.again(url, 200)
                self.again(url, 200)
                self.file.unlink()
        url = self.server().url()
        self.again(url, 200, "--no-sync")
        self.again(url, 200)

    def test_another_url(self):
        server = self.server()
        self.again(server.url(), 200)
        self.again(server.url("/file.bin?version=2"), 200)
        self.assertNotIn("if-none-match", server.requests[-1].headers)

    def test_a_server_that_cannot_answer_the_condition(self):
        for line in ("412 Precondition Failed", "400 Bad Request", "500 Oops", "206 Partial"):
            with self.subTest(line):
                url = self.server(answer_head(line, Content_Length=0)).url()
                self.again(url, 200)
                self.again(url, 200)
                self.file.unlink()

    def test_redirects(self):
        places = iter(["/a?sign=1", "/a?sign=2", "/b?sign=3"])

        def script(peer):
            request = peer.request()
            if request.target == "/file.bin":
                answer = answer_head("302 Found", Location=next(places), Content_Length=0)
            elif "if-none-match" in request.headers:
                answer = answer_head("304 Not Modified", ETag='"v1"')
            else:
                answer = whole_answer(self.body)
            peer.send(answer)

        self.body = BODY[:5000]
        server = scripted(self.addCleanup, script)
        self.again(server.url(), 200)
        self.again(server.url(), 304)
        self.again(server.url(), 200)  # elsewhere the tag means nothing


if __name__ == "__main__":
    unittest.main()
