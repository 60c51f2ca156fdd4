# SPDX-License-Identifier: MIT
"""`sluice get` and URLs as people have them: signed, with secrets, behind redirects."""

import base64
import os
import re
import unittest

from other_servers import answer_head, range_answer, scripted, whole_answer
from support import content, environment, get, temp_folder

BODY = content(300_000)
CUT = 200_000


class Urls(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)

    def server(self, answer):
        """Answers each request with what answer(request) returns."""
        return scripted(self.addCleanup, lambda peer: peer.send(answer(peer.request())))

    def get(self, *arguments, **how):
        return get("--timeout", "20", *arguments, cwd=self.here, **how)

    def assert_has(self, done, name="file.bin"):
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue((self.here / name).read_bytes() == BODY, "the copy differs")

    def file(self, name, data, mode=0o600):
        path = self.here / name
        path.write_bytes(data)
        path.chmod(mode)
        return path


class Secrets(Urls):
    def test_a_server_that_signs_anew_each_time(self):
        """The first URL is the file's; its secrets stay with its server."""

        def sign(_):
            number = len(front.requests)
            store = stores[number % 2]
            place = store.url(f"/{number:032d}/x?X-Expires=300&X-Signature={number:064d}")
            return answer_head("302 Found", Location=place, Content_Length=0)

        def store(request):
            self.assertNotIn("authorization", request.headers)
            return range_answer(request, BODY)[: None if "range" in request.headers else CUT]

        stores = [self.server(store) for _ in range(2)]
        front = self.server(sign)
        token = self.file("token", b"secret\n")
        options = ("--token-file", token, "-q")
        self.assertEqual(self.get(front.url(), *options).code, 1)
        self.assert_has(self.get(front.url(), *options))
        asked = [request.headers.get("range") for each in stores for request in each.requests]
        self.assertEqual(sum(bool(range) for range in asked), 1, asked)
        for request in front.requests:
            self.assertEqual(request.headers["authorization"], "Bearer secret")

    def test_a_password_is_shown_nowhere(self):
        cut = [True]

        def answer(request):
            self.assertNotIn("secret", request.target)
            return range_answer(request, BODY)[: CUT if cut[0] else None]

        server = self.server(answer)
        url = server.url().replace("//", "//user:s%65cret@")
        broken = self.get(url, "--explain")
        self.assertEqual(broken.code, 1)
        texts = [os.fsencode(name) for name in os.listdir(self.here)]
        texts += [path.read_bytes() for path in self.here.glob("*.state")]
        self.assertEqual(len(texts), 3, texts)
        cut[0] = False
        done = self.get(url, "--json", "--explain")
        self.assert_has(done)
        for name in os.listxattr(self.here / "file.bin"):
            texts.append(os.getxattr(self.here / "file.bin", name))
        for text in (*texts, broken.err.encode(), done.err.encode(), done.out):
            self.assertNotIn(b"cret", text)
            self.assertNotIn(base64.b64encode(b"user:secret"), text)
        self.assertEqual(done.objects()[0]["url"], server.url())
        for request in server.requests:
            credentials = request.headers["authorization"].removeprefix("Basic ")
            self.assertEqual(base64.b64decode(credentials), b"user:secret")

    def test_tokens(self):
        server = self.server(lambda request: whole_answer(BODY))
        for data, mode, says in (
            (b"abc", 0o600, ""),
            (b"abc\r\n\n", 0o600, ""),
            (b"abc\n", 0o640, "token: other users can read"),
        ):
            done = self.get(server.url(), "--token-file", self.file("token", data, mode))
            self.assert_has(done)
            self.assertEqual("other users" in done.err, bool(says), done.err)
            self.assertIn(says, done.err)
            self.assertEqual(server.requests[-1].headers["authorization"], "Bearer abc")
            (self.here / "file.bin").unlink()
        count = len(server.requests)
        for data in (b"", b"\n", b"a b", b"a\nb", b"a\0", b"\xff", b"x" * 20_000):
            done = self.get(server.url(), "--token-file", self.file("token", data))
            self.assertEqual(done.code, 1, data[:9])
            self.assertIn("token: expected a token", done.err)
        done = self.get(server.url(), "--token-file", self.here / "none")
        self.assertEqual((done.code, len(server.requests)), (1, count), done.err)

    def test_requests_of_16_kib(self):
        target, token = "/" + "x" * 16_000 + "/file.bin", "y" * 12_000
        server = self.server(lambda request: whole_answer(BODY, X="z" * 60_000))
        done = self.get(server.url(target), "--token-file", self.file("token", token.encode()))
        self.assert_has(done)
        self.assertEqual(server.requests[0].target, target)
        self.assertEqual(server.requests[0].headers["authorization"], "Bearer " + token)


class FilesThatAreThere(Urls):
    OLD = "Mon, 01 Jan 2024 00:00:00 GMT"
    NEW = "Mon, 01 Jan 2024 00:00:02 GMT"
    BETWEEN = 1704067201  # and a half

    def old_file(self):
        file = self.file("file.bin", b"old")
        os.utime(file, (self.BETWEEN + 0.5, self.BETWEEN + 0.5))
        return file

    def test_they_are_not_clobbered(self):
        server = self.server(lambda request: whole_answer(BODY))
        file = self.old_file()
        done = self.get(server.url(), server.url("/other"), "--no-clobber")
        self.assertEqual((done.code, file.read_bytes()), (0, b"old"), done.err)
        self.assertIn("file.bin is there already: skipped", done.err)
        self.assert_has(done, "other")
        self.assertEqual([request.target for request in server.requests], ["/other"])
        done = self.get(server.url(), "--no-clobber", "--json")
        self.assertEqual([done.objects()[0][name] for name in ("status", "is_skipped")], [0, True])

    def test_nor_one_that_appears_meanwhile(self):
        def script(peer):
            peer.request()
            self.old_file()
            peer.send(whole_answer(BODY))

        server = scripted(self.addCleanup, script)
        done = self.get(server.url(), "--no-clobber")
        self.assertEqual(done.code, 1, done.err)
        self.assertIn("file.bin is there by now, and stays as it is", done.err)
        self.assertEqual((self.here / "file.bin").read_bytes(), b"old")

    def test_only_newer_ones_are_replaced(self):
        def answer(request):
            seen.append(request.headers.get("if-modified-since"))
            if modified == self.OLD and knows:
                return answer_head("304 Not Modified")
            return whole_answer(BODY, Last_Modified=modified)

        seen = []
        for modified, knows, comes in (
            (self.OLD, True, False),
            (self.OLD, False, False),  # a server that does not look at the condition
            (self.NEW, True, True),
            ("soon", False, True),
        ):
            with self.subTest(modified, knows=knows):
                file = self.old_file()
                done = self.get(self.server(answer).url(), "-N")
                self.assertEqual(done.code, 0, done.err)
                self.assertEqual(seen.pop(), "Mon, 01 Jan 2024 00:00:01 GMT")
                self.assertTrue(file.read_bytes() == (BODY if comes else b"old"))
                self.assertEqual("up to date" in done.err, not comes)
                file.unlink()
        self.assert_has(self.get(self.server(answer).url(), "-N"))
        self.assertEqual(seen, [None])

    def test_the_server_s_time_is_kept(self):
        for options in ((), ("--no-sync",)):
            server = self.server(lambda request: whole_answer(BODY, Last_Modified=self.OLD))
            self.assert_has(self.get(server.url(), "-R", *options))
            file = self.here / "file.bin"
            self.assertEqual(file.stat().st_mtime, self.BETWEEN - 1)
            file.unlink()
        server = self.server(lambda request: whole_answer(BODY, Last_Modified="soon"))
        self.assert_has(self.get(server.url(), "-R"))
        self.assertGreater((self.here / "file.bin").stat().st_mtime, self.BETWEEN)

    def test_and_the_next_call_asks_by_the_tag(self):
        def answer(request):
            if request.headers.get("if-none-match") == '"v1"':
                return answer_head("304 Not Modified", ETag='"v1"')
            return whole_answer(BODY, Last_Modified=self.OLD)

        server = self.server(answer)
        self.assert_has(self.get(server.url(), "-R"))
        self.assertIn("up to date", self.get(server.url(), "-R").err)


class LargeObjects(Urls):
    def test_a_store_that_sends_only_ranges(self):
        """And not more than 100 kB of them at once."""

        def answer(request):
            match = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
            if not match:
                return answer_head("400 Bad Request", Content_Length=0)
            first = int(match[1])
            data = BODY[first : first + 100_000]
            place = f"bytes {first}-{first + len(data) - 1}/{len(BODY)}"
            fields = {"Content_Length": len(data), "Content_Range": place, "ETag": '"v1"'}
            return answer_head("206 Partial Content", **fields) + data

        server = self.server(answer)
        done = self.get(server.url(), "--json")
        self.assert_has(done)
        self.assertNotIn("starting over", done.err)
        self.assertEqual(server.requests[1].headers["range"], "bytes=0-")

    def test_a_request_that_is_bad(self):
        server = self.server(lambda request: answer_head("400 Bad Request", Content_Length=0))
        done = self.get(server.url())
        self.assertEqual(done.code, 1)
        self.assertIn("the server answered 400", done.err)
        self.assertEqual(len(server.requests), 2)


if __name__ == "__main__":
    unittest.main()
