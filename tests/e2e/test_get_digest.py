# SPDX-License-Identifier: MIT
"""`sluice get` told what it is to get: by --sha256, --checksums, --sidecar, or by the server."""

import base64
import hashlib
import os
import signal
import unittest

from other_servers import answer_head, range_answer, scripted, stalling_proxy, whole_answer
from support import (
    LOOPS,
    MIB,
    RECEIVE_PATHS,
    content,
    finish,
    get,
    make_file,
    resident_pages,
    serve,
    settle,
    skip_unless_direct,
    skip_unless_possible,
    start_sluice,
    temp_folder,
    wait_until,
    wait_until_still,
)

SIZE = 12 * MIB + 345
BODY = content(SIZE)
SHA256 = hashlib.sha256(BODY).hexdigest()
WRONG = hashlib.sha256(b"").hexdigest()


def chunked_answer(body):
    chunks = (body[at : at + 70001] for at in range(0, len(body), 70001))
    return (answer_head(Transfer_Encoding="chunked")
            + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n")


class Checked(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file.bin"
        self.part = self.here / "file.bin.part"

    def serve(self, body=BODY, answer=None):
        """One file, whatever is asked for."""

        def script(peer):
            while request := peer.request():
                peer.send(answer(request) if answer else range_answer(request, body))

        return scripted(self.addCleanup, script)

    def get(self, url, *options, **how):
        return get(url, "-o", self.file, *options, **how)

    def assert_there(self, done, body=BODY):
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == body, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["file.bin"])

    def assert_refused(self, done, body=BODY):
        """What came stays, under the name of its part, and nothing continues it."""
        self.assertEqual(done.code, 1)
        self.assertIn(hashlib.sha256(body).hexdigest(), done.err)
        self.assertIn(WRONG, done.err)
        self.assertIn("; file.bin.part is left, and is not continued", done.err)
        self.assertTrue(self.part.read_bytes() == body, "the part differs")
        self.assertFalse((self.here / "file.bin.part.state").exists())
        self.assertFalse(self.file.exists())
        self.part.unlink()


class Sha256(Checked):
    def test_right_and_wrong_on_both_loops(self):
        for size in (1, 4097, SIZE):
            body = content(size)
            server = self.serve(body)
            for loop in LOOPS:
                with self.subTest(size=size, loop=loop):
                    how = {"env": {"SLUICE_LOOP": loop}}
                    right = hashlib.sha256(body).hexdigest().upper()
                    self.assert_refused(self.get(server.url(), "--sha256", WRONG, **how), body)
                    self.assert_there(self.get(server.url(), "--sha256", right, **how), body)
                    self.file.unlink()

    def test_an_empty_file(self):
        self.assert_there(self.get(self.serve(b"").url(), "--sha256", WRONG), b"")

    def test_every_receive_path(self):
        server = self.serve()
        for path in RECEIVE_PATHS:
            for options in ([], ["--no-sync"]):
                with self.subTest(path, options=options):
                    skip_unless_possible(path, self.here)
                    self.assert_refused(
                        self.get(server.url(), "--sha256", WRONG, "--path", path, *options))
                    self.assert_there(
                        self.get(server.url(), "--sha256", SHA256, "--path", path, *options))
                    self.file.unlink()

    def test_a_body_of_unknown_length(self):
        server = self.serve(answer=lambda request: chunked_answer(BODY))
        self.assert_refused(self.get(server.url(), "--sha256", WRONG))
        self.assert_there(self.get(server.url(), "--sha256", SHA256))

    def test_standard_output(self):
        url = self.serve().url()
        done = get(url, "-o", "-", "--sha256", SHA256)
        self.assertEqual((done.code, done.out == BODY), (0, True), done.err)
        done = get(url, "-o", "-", "--sha256", WRONG)
        self.assertEqual((done.code, done.out == BODY), (1, True))
        self.assertIn(f"the sha256 digest is {SHA256}, and {WRONG} was expected", done.err)

    def test_the_page_cache_stays_as_it_was(self):
        skip_unless_direct("direct", self.here)
        done = self.get(self.serve().url(), "--sha256", SHA256)
        self.assertEqual((done.code, resident_pages(self.file)), (0, 0), done.err)

    def test_what_comes_in_order_is_not_read_again(self):
        skip_unless_direct("direct", self.here)
        server = self.serve()
        for loop in LOOPS:
            moved = []
            for options in ([], ["--sha256", SHA256]):
                done = self.get(server.url(), "--json", *options, env={"SLUICE_LOOP": loop})
                self.assertEqual(done.code, 0, done.err)
                bill = done.objects()[0]["bill"]
                moved.append((bill["cpu_copied_bytes"], bill["device_moved_bytes"]))
                self.file.unlink()
            self.assertEqual(moved[0], moved[1], loop)

    def test_usage(self):
        for options in (["--sha256", "12"], ["--sha256", SHA256, "http://127.0.0.1:9/other"],
                        ["--sha256", SHA256, "--checksums", "x"]):
            with self.subTest(options):
                self.assertEqual(get("http://127.0.0.1:9/file.bin", *options).code, 2)
        done = get("http://127.0.0.1:9/file.bin", "--path", "discard", "--sha256", SHA256)
        self.assertEqual(done.code, 1)
        self.assertIn("a digest is that of a whole file", done.err)


class ServersWord(Checked):
    """Repr-Digest and Content-Digest, RFC 9530."""

    FIELDS = ("Repr_Digest", "Content_Digest")

    @staticmethod
    def field(name, data):
        code = base64.b64encode(hashlib.new(name.replace("-", ""), data).digest()).decode()
        return f"{name}=:{code}:"

    def test_of_a_whole_answer(self):
        for name in self.FIELDS:
            for algorithm in ("sha-256", "sha-512"):
                for data, check in ((BODY, self.assert_there), (b"", self.assert_refused)):
                    with self.subTest(name, algorithm=algorithm, right=data == BODY):
                        field = self.field(algorithm, data)
                        server = self.serve(
                            answer=lambda request: whole_answer(BODY, **{name: field}))  # noqa: B023
                        done = self.get(server.url())
                        if algorithm == "sha-512" and data != BODY:
                            self.assertEqual(done.code, 1)
                            self.assertIn(hashlib.sha512(BODY).hexdigest(), done.err)
                            self.part.unlink()
                        else:
                            check(done)
                        self.file.unlink(missing_ok=True)

    def test_to_standard_output(self):
        field = self.field("sha-256", b"")
        server = self.serve(answer=lambda request: whole_answer(BODY, Repr_Digest=field))
        done = get(server.url(), "-o", "-")
        self.assertEqual((done.code, done.out == BODY), (1, True))
        self.assertIn(WRONG, done.err)

    def test_of_a_small_file(self):
        """Which would land with others, and not by a part."""
        for name in self.FIELDS:
            small = whole_answer(b"small", **{name: self.field("sha-256", b"")})
            server = self.serve(answer=lambda request: small)  # noqa: B023
            done = get(server.url("/small"), "-O", self.here)
            self.assertEqual(done.code, 1, name)
            self.assertFalse((self.here / "small").exists())

    def test_what_is_no_digest_is_nothing(self):
        for field in ("sha-256=1", "sha-256=:AAAA:", "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:", "", "x"):
            server = self.serve(answer=lambda request: whole_answer(BODY, Repr_Digest=field))  # noqa: B023
            self.assert_there(self.get(server.url()))
            self.file.unlink()

    def test_the_callers_word_goes_before_it(self):
        field = self.field("sha-256", b"")
        server = self.serve(answer=lambda request: whole_answer(BODY, Repr_Digest=field))
        self.assert_there(self.get(server.url(), "--sha256", SHA256))

    def test_the_rest_of_a_file_has_that_of_the_whole(self):
        """And Content-Digest there is only that of the rest."""
        whole, rest = self.field("sha-256", BODY), self.field("sha-256", b"the rest")

        def script(peer):
            request = peer.request()
            if "range" not in request.headers:
                peer.send(whole_answer(BODY, Repr_Digest=whole)[: 8 * MIB])
                return
            answer = range_answer(request, BODY)
            peer.send(answer.replace(b"ETag:", f"Repr-Digest: {whole}\r\nContent-Digest: {rest}\r\nETag:".encode(), 1))

        server = scripted(self.addCleanup, script)
        self.assert_there(self.get(server.url(), "--tries", "5"))


class AlreadyThere(Checked):
    def test_what_has_the_digest_is_not_fetched(self):
        server = self.serve()
        self.file.write_bytes(BODY)
        for loop in LOOPS:
            done = self.get(server.url(), "--sha256", SHA256, env={"SLUICE_LOOP": loop})
            self.assertEqual((done.code, done.out), (0, b""))
            self.assertIn("up to date", done.err)
        self.assertEqual(server.requests, [])

    def test_what_has_another_is_fetched_though_the_server_says_it_is_the_same(self):
        folder = temp_folder(self.addCleanup)
        settle(make_file(folder / "file.bin", SIZE))
        server = serve(self.addCleanup, folder)
        self.assert_there(self.get(server.url("/file.bin"), "--sha256", SHA256))
        self.file.write_bytes(b"damaged")
        self.assert_there(self.get(server.url("/file.bin"), "--sha256", SHA256))

    def test_what_was_there_stays_where_another_came(self):
        self.file.write_bytes(b"old")
        done = self.get(self.serve().url(), "--sha256", WRONG)
        self.assertEqual(done.code, 1)
        self.assertEqual(self.file.read_bytes(), b"old")
        self.assertTrue(self.part.exists())


class Continued(Checked):
    def stop(self, sign):
        folder = temp_folder(self.addCleanup)
        settle(make_file(folder / "file.bin", SIZE))
        proxy = stalling_proxy(self.addCleanup, serve(self.addCleanup, folder).port, 7 * MIB)
        process = start_sluice("get", proxy.url(), "-o", self.file, "--sha256", SHA256)
        wait_until(proxy.stalled.is_set, "the server falls silent")
        wait_until(self.part.exists, "there is a part")
        wait_until_still(process)
        process.send_signal(sign)
        process.communicate()
        return proxy

    def test_what_an_earlier_call_brought_is_hashed_too(self):
        for digest, check in ((WRONG, self.assert_refused), (SHA256, self.assert_there)):
            proxy = self.stop(signal.SIGINT)
            self.assertGreater(self.part.stat().st_size, 0)
            done = self.get(proxy.url(), "--sha256", digest)
            check(done)

    def test_damage_in_what_an_earlier_call_brought_is_found(self):
        proxy = self.stop(signal.SIGINT)
        status = self.part.stat()
        with open(self.part, "r+b") as part:
            part.write(b"damaged")
        os.utime(self.part, ns=(status.st_atime_ns, status.st_mtime_ns))
        done = self.get(proxy.url(), "--sha256", SHA256)
        self.assertEqual(done.code, 1)
        self.assertIn(SHA256, done.err)
        self.assertTrue(self.part.read_bytes().startswith(b"damaged"))


    def test_standard_output_in_two_answers(self):
        def script(peer):
            request = peer.request()
            answer = range_answer(request, BODY)
            peer.send(answer if "range" in request.headers else answer[: 7 * MIB])

        for digest, code in ((SHA256, 0), (WRONG, 1)):
            server = scripted(self.addCleanup, script)
            done = get(server.url(), "-o", "-", "--sha256", digest, "--tries", "5")
            self.assertEqual((done.code, done.out == BODY), (code, True), done.err)
            self.assertEqual(SHA256 in done.err, code == 1)
            self.assertTrue(any("range" in request.headers for request in server.requests))


class Checksums(Checked):
    def test_each_file_by_its_name(self):
        server = self.serve(answer=lambda request: whole_answer(request.target.encode()))
        names = ["a.bin", "b.bin"]
        for tool, name in (("sha256", "SHA256SUMS"), ("sha512", "sums"), ("blake2b", "B2SUMS")):
            sums = self.here / name
            digests = [hashlib.new(tool, f"/{name}".encode()).hexdigest() for name in names]
            sums.write_text(f"{digests[0]}  ./sub/a.bin\n{digests[1]} *b.bin\n")
            done = get(*map(server.url, ("/a.bin", "/b.bin")), "--checksums", sums, cwd=self.here)
            self.assertEqual(done.code, 0, done.err)
            sums.write_text(f"{digests[1]}  a.bin\n")
            for each in names:
                (self.here / each).unlink()
            done = get(server.url("/a.bin"), "--checksums", sums, cwd=self.here)
            self.assertEqual(done.code, 1)
            self.assertIn(digests[1], done.err)
            (self.here / "a.bin.part").unlink()

    def test_no_line_for_the_file(self):
        server = self.serve()
        sums = self.here / "sums"
        for text, says in ((f"{SHA256}  other\n", f"{sums} has no line for file.bin"),
                           (f"{SHA256}  a/file.bin\n{WRONG}  b/file.bin\n", "or several that differ"),
                           ("nothing", "no properly formatted checksum lines")):
            sums.write_text(text)
            done = self.get(server.url(), "--checksums", sums)
            self.assertEqual(done.code, 1)
            self.assertIn(says, done.err)
        self.assertEqual(self.get(server.url(), "--checksums", self.here / "missing").code, 1)
        self.assertEqual(server.requests, [])


class Sidecar(Checked):
    def serve_with(self, sidecar):
        def answer(request):
            if request.target.partition("?")[0].endswith(".sha256"):
                return answer_head("404 Not Found", Content_Length=0) if sidecar is None else whole_answer(sidecar)
            return whole_answer(BODY)

        return self.serve(answer=answer)

    def test_it_is_fetched_first(self):
        for text in (f"{SHA256}\n", SHA256, f"{SHA256}  other/name\n", f"{WRONG}  x\n{SHA256} *file.bin\n"):
            server = self.serve_with(text.encode())
            self.assert_there(self.get(server.url("/file.bin?x=1"), "--sidecar"))
            self.assertEqual([request.target for request in server.requests][:2],
                             ["/file.bin.sha256?x=1", "/file.bin?x=1"])
            self.file.unlink()

    def test_several_at_once(self):
        server = self.serve_with(SHA256.encode())
        done = get(server.url("/a"), server.url("/b"), "--sidecar", "-O", self.here)
        self.assertEqual((done.code, sorted(os.listdir(self.here))), (0, ["a", "b"]), done.err)
        server = self.serve_with(WRONG.encode())
        done = get(server.url("/c"), server.url("/d"), "--sidecar", "-O", self.here)
        self.assertEqual((done.code, done.err.count(WRONG)), (1, 2), done.err)

    def test_nothing_is_fetched_without_it(self):
        for sidecar, says in ((None, "404"), (b"<html>", "has no checksum of file.bin"), (b"", "has no checksum"),
                              (b"x" * 70000, "more than 65536 bytes")):
            server = self.serve_with(sidecar)
            for options in (["-o", self.file], ["-O", self.here]):
                url = server.url().replace("://", "://user:secret@")
                done = get(url, "--sidecar", *options)
                self.assertEqual(done.code, 1)
                self.assertIn(says, done.err)
                self.assertNotIn("secret", done.err)
                self.assertIn("/file.bin.sha256", done.err)
            self.assertNotIn("/file.bin", [request.target for request in server.requests])
            self.assertEqual(os.listdir(self.here), [])


if __name__ == "__main__":
    unittest.main()
