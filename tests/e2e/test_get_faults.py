# SPDX-License-Identifier: MIT
"""`sluice get` from servers that answer wrongly, slowly or not at all, and into places that cannot
take the file: one clear line, exit 1, and an existing destination untouched."""

import os
import socket
import unittest

from other_servers import answer_head, free_port, scripted, whole_answer
from support import MIB, content, get, mount, ordinary_user, temp_folder

OLD = b"what was there before"
BODY = content(100_000)


class Faults(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file.bin"
        self.file.write_bytes(OLD)

    def server(self, *answers):
        """Sends the answers to one connection after another, the last one ever again."""

        def script(peer):
            peer.request()
            peer.send(answers[min(peer.number, len(answers) - 1)])

        return scripted(self.addCleanup, script)

    def get(self, url, *options, **how):
        return get(url, "-o", self.file, "--timeout", "20", *options, cwd=self.here, **how)

    def assert_one_line(self, done, says="."):
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, r"^sluice: [^\n]+\n$")
        self.assertRegex(done.err, says)
        self.assertTrue(done.err.rstrip("\n").isprintable(), repr(done.err))

    def assert_fails(self, *answers, says="."):
        server = self.server(*answers)
        done = self.get(server.url())
        self.assert_one_line(done, says)
        self.assertEqual(self.file.read_bytes(), OLD)
        return server

    def assert_works(self, *answers, body=BODY):
        done = self.get(self.server(*answers).url())
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == body, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["file.bin"])
        self.file.write_bytes(OLD)


class Heads(Faults):
    def test_garbage(self):
        for garbage in (
            b"garbage\r\n\r\n",
            b"\x00\x01\x02\x03" * 100,
            b"<html>hello</html>",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 20),
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
            answer_head("100 Continue") * 1000,
            b"",
        ):
            with self.subTest(garbage[:40]):
                self.assert_fails(garbage)

    def test_lengths(self):
        for fields in (
            b"Content-Length: x",
            b"Content-Length: -1",
            b"Content-Length: 99999999999999999999999",
            b"Content-Length: 18446744073709551615",
            b"Content-Length: 5\r\nContent-Length: 6",
            b"Content-Length: 5, 6",
            b"Content-Length: +5",
            b"Content-Length:",
            b"Content-Length: 5\r\nTransfer-Encoding: chunked",  # and a body that is not
            b"Content-Length: 5\r\nTransfer-Encoding: chunked, gzip",
        ):
            with self.subTest(fields):
                self.assert_fails(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\nabcde")

    def test_cut_at_every_byte(self):
        head = answer_head(Content_Length=len(BODY), ETag='"v1"', Server="cut")
        for cut in range(len(head) + 1):
            self.assert_fails(head[:cut])

    def test_statuses(self):
        for status in ("400 Bad", "403 No", "404 Gone", "500 Broken", "503 Busy"):
            with self.subTest(status):
                answer = answer_head(status, Content_Length=5) + b"sorry"
                self.assert_fails(answer, says=status[:3])
                self.assertEqual(os.listdir(self.here), ["file.bin"])

    def test_answers_that_nobody_asked_for(self):
        place = "bytes 10-19/100"
        for status, fields in (
            ("206 Partial Content", {"Content_Range": place, "Content_Length": 10}),
            ("206 Partial Content", {"Content_Length": 10}),
            ("204 No Content", {}),
            ("304 Not Modified", {}),
            ("416 Range Not Satisfiable", {"Content_Length": 0}),
            ("101 Switching Protocols", {"Upgrade": "x"}),
        ):
            with self.subTest(status):
                self.assert_fails(answer_head(status, **fields) + b"0123456789")

    def test_informational_answers_before_the_real_one(self):
        hints = answer_head("103 Early Hints", Link="</x>")
        self.assert_works(answer_head("100 Continue") + hints + whole_answer(BODY))

    def test_a_server_cannot_write_to_the_terminal(self):
        self.assert_fails(b"HTTP/1.1 500 \x1b[31mred\x07\r\nContent-Length: 0\r\n\r\n")
        self.assert_fails(answer_head("302 Go", Location="\x1b]0;x\x07:", Content_Length=0))


class Spellings(Faults):
    """What servers in use send, and curl and wget take: there is one way to read it."""

    def head(self, *lines, end=b"\r\n", status=b"HTTP/1.1 200 OK"):
        return end.join([status, *lines]) + 2 * end

    def test_lines(self):
        length = b"Content-Length: %d" % len(BODY)
        for head in (
            self.head(length, b'ETag: "v1"', end=b"\n"),
            self.head(b"Set-Cookie : a=b", length.replace(b":", b"\t :")),
            self.head(b"X: a\r\n   b\r\n\tc;", length),
            self.head(b"Content-Length:\r\n\t%d" % len(BODY), b"X:\n y"),
            self.head(length.lower(), b"sET cOOKIE: x", b": nobody's", b"X-\xe4: \x01\xff"),
            self.head(length, *(b"X-%d: %s" % (number, 8000 * b"x") for number in range(9))),
            self.head(length, b"X: " + 200_000 * b"x"),
            self.head(b"HTTP/1.1 200 OK", b"no colon", length),
            b"\r\n\n" + self.head(length),
        ):
            with self.subTest(head[:60]):
                self.assert_works(head + BODY)

    def test_status_lines(self):
        for status in (
            b"HTTP/1.1 200",
            b"HTTP/1.1 200 ",
            b"HTTP/1.1   200\tSch\xf6n",
            b"http/1.1 200 ok",
            b"HTTP/1.0 200 OK",
            b"HTTP/1.2 200 OK",
            b"HTTP/1.1 203 Not the origin's",
            b"HTTP/1.1 299 Nobody knows",
        ):
            with self.subTest(status):
                self.assert_works(
                    self.head(b"Content-Length: %d" % len(BODY), status=status) + BODY
                )

    def test_lengths(self):
        length = b"Content-Length: %d" % len(BODY)
        for lines in (
            (length, length),
            (length + b", %d" % len(BODY),),
            (length.replace(b": ", b": 000000000000000000000000"), length),
            (length, b"Transfer-Encoding: identity"),
            (length, b"Transfer-Encoding:"),
        ):
            with self.subTest(lines):
                # The next answer's bytes are not this one's.
                self.assert_works(self.head(*lines) + BODY + b"HTTP/1.1 404 No\r\n\r\n")

    def test_chunked_beside_what_does_not_count(self):
        body = b"%x\r\n%s\r\n0\r\n\r\nHTTP/1.1 404 No\r\n\r\n" % (len(BODY), BODY)
        chunked = b"Transfer-Encoding: chunked"
        for head in (
            self.head(chunked, b"Content-Length: 5"),
            self.head(b"Content-Length: %d" % len(BODY), chunked),
            self.head(b"Transfer-Encoding: identity, chunked"),
            self.head(chunked, chunked),
            self.head(chunked, status=b"HTTP/1.0 200 OK"),
        ):
            with self.subTest(head):
                self.assert_works(head + body)

    def test_chunks(self):
        head = self.head(b"Transfer-Encoding: chunked")
        for begin, end in (
            (b"%x;a=1;b=2\r\n", b"\r\n0\r\n\r\n"),
            (b'%x;a;b="c;d"\r\n', b"\r\n0;e\r\n\r\n"),
            (b" 000%x ; a = 1\r\n", b"\r\n0   \r\n\r\n"),
            (b"%X  \r\n", b"\r\n000\r\nTrailer: x\r\n folded\r\n\r\n"),
            (b"%x\n", b"\n0\n\n"),
            (b"%x\r\n", b"\r\n0\r\n"),  # all is there, but for the end of the trailers
            (b"%x\r\n", b"\r\n0\r\nTrailer: x\r\n"),
        ):
            with self.subTest((begin, end)):
                self.assert_works(head + begin % len(BODY) + BODY + end)


class Bodies(Faults):
    def test_too_short(self):
        for length in (0, 1, 4095, 4096, len(BODY) - 1):
            with self.subTest(length):
                answer = answer_head(Content_Length=len(BODY)) + BODY[:length]
                self.assert_fails(answer, says=str(len(BODY)))

    def test_too_long_is_cut_to_the_length(self):
        self.assert_works(answer_head(Content_Length=1000) + BODY, body=BODY[:1000])

    def test_until_close(self):
        for head in (b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"):
            self.assert_works(head + BODY)
        self.assert_works(b"HTTP/1.0 200 OK\r\n\r\n", body=b"")

    def chunked(self, *chunks, end=b"0\r\n\r\n"):
        lines = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        return answer_head(Transfer_Encoding="chunked") + lines + end

    def test_chunked(self):
        self.assert_works(self.chunked(BODY))
        self.assert_works(self.chunked(*(BODY[at : at + 777] for at in range(0, len(BODY), 777))))
        self.assert_works(self.chunked(BODY, end=b"000\r\nTrailer: x\r\n\r\n"))
        self.assert_works(self.chunked(), body=b"")
        extended = b"5;name=value\r\nabcde\r\n0\r\n\r\n"
        self.assert_works(answer_head(Transfer_Encoding="chunked") + extended, body=b"abcde")

    def test_bad_chunks(self):
        head = answer_head(Transfer_Encoding="chunked")
        for body in (
            b"x\r\nabc\r\n0\r\n\r\n",
            b"-1\r\nabc\r\n0\r\n\r\n",
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"3\r\nabcXX0\r\n\r\n",
            b"\r\nabc\r\n0\r\n\r\n",
            b"fffffffffffffffff\r\nabc",
            b"ffffffffffffffff\r\nabc",
            b"3\r\nabc\r\n",
            b"3\r\nab",
            b"",
        ):
            with self.subTest(body):
                self.assert_fails(head + body)

    def test_a_coding_we_do_not_know(self):
        self.assert_fails(answer_head(Transfer_Encoding="gzip") + b"abc")

    def test_an_encoded_body_is_not_the_file(self):
        for encoding in ("gzip", "br", "x-gzip", "aws-chunked, zstd"):
            answer = whole_answer(BODY, Content_Encoding=encoding)
            self.assert_fails(answer, says=rf"encoded \({encoding}\).*name the output")

    def test_an_encoding_that_is_none(self):
        for encoding in ("identity", "", "none", "UTF-8", "binary", "aws-chunked"):
            with self.subTest(encoding):
                self.assert_works(whole_answer(BODY, Content_Encoding=encoding))

    def test_an_encoding_that_is_the_file_s_own(self):
        """A .tar.gz that is labelled so is kept as it comes, wherever its name is said."""
        answer = whole_answer(BODY, Content_Encoding="x-gzip", Content_Type="application/x-tar")
        moved = answer_head("302 Found", Location="/v2/src.tgz?x=y", Content_Length=0)
        for target, answers, name in (
            ("/src.tar.gz?signature=a.b", [answer], "kept"),
            ("/latest", [moved, answer], "kept"),
            ("/data.json", [answer], "data.json.gz"),
        ):
            with self.subTest(target):
                server = self.server(*answers)
                done = get(server.url(target), "-o", self.here / name)
                self.assertEqual(done.code, 0, done.err)
                self.assertEqual((self.here / name).read_bytes(), BODY)

    def test_a_body_in_single_bytes(self):
        def script(peer):
            peer.request()
            peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in self.chunked(b"abc", b"defgh"):
                peer.send(bytes([byte]))

        done = self.get(scripted(self.addCleanup, script).url())
        self.assertEqual((done.code, self.file.read_bytes()), (0, b"abcdefgh"), done.err)


class Refusals(Faults):
    """A server's own words beside an error are shown, but only words, and only some."""

    def refuse(self, body, says, status="403 Forbidden", **headers):
        fields = {"Content_Length": len(body), **headers}
        self.assert_fails(answer_head(status, **fields) + body, says=status[:3] + says)

    def test_the_server_s_words(self):
        xml = b"<Error><Code>AccessDenied</Code>\n<Message>Request has expired</Message></Error>"
        self.refuse(xml, ".*it says: AccessDenied Request has expired", Content_Type="application/xml")
        json = b'{"message": "no such\n\tbucket"}'
        self.refuse(json, '.*: {"message": "no such bucket"}', Content_Type="application/json; x=y")
        html = b"<html><style>p {}</style><p>Sorry &amp; bye</html>"
        self.refuse(html, ".*says: Sorry & bye ", "503 Busy", Content_Type="text/html")
        self.refuse(b"plain\r\n", ".*says: plain ", "404 Not Found")
        chunks = b"3;x=y\r\nin \r\n6\r\npieces\r\n0\r\n\r\n"
        self.refuse(chunks, ".*says: in pieces ", Content_Length=None, Transfer_Encoding="chunked")
        self.refuse(b"until the end", ".*says: until the end ", Content_Length=None)

    def test_when_to_try_again(self):
        for status, when, says in (
            ("503 Busy", "120", r" \(server error\): try again in 120 s "),
            ("503 Busy", "Fri, 31 Dec 1999 23:59:59 GMT", r".*: try again later "),
            ("429 Slow", None, r" \(too many requests\): try again later "),
            ("501 Never", None, r" \(server error\) \("),
        ):
            self.refuse(b"", says, status, Retry_After=when)

    def test_a_terminal_is_safe(self):
        self.refuse(b"a \x1b]0;title\x07\x1b[31mred \xe2\x80\xae word of some length", r".*\\x1B\]0;.*\\xE2")

    def test_what_is_no_text(self):
        for body, headers in (
            (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), {}),
            (b"text\x00text", {}),
            (b"\x1f\x8b\x08\x00words words", {}),
            (b"words", {"Content_Type": "image/png"}),
            (b"words", {"Content_Encoding": "gzip"}),
            (b"", {}),
            (b" \n", {}),
        ):
            self.refuse(body, r"[^;]* \(http", **headers)

    def test_long_words(self):
        self.refuse(b"word " * 100_000, r".*says: (word )+wo?r?d?\.\.\. \(http")
        self.refuse(b"<" + b"p" * 1_000_000, r"[^;]* \(http")

    def test_a_body_that_does_not_come(self):
        """The beginning that is there is enough."""

        def script(peer):
            peer.request()
            peer.send(answer_head("500 Oh", Content_Length=1000) + b"it is broken")
            peer.wait_for_the_client_to_leave()

        done = self.get(scripted(self.addCleanup, script).url())
        self.assert_one_line(done, says="500.*says: it is broken")

    def test_a_body_without_end(self):
        def script(peer):
            peer.request()
            peer.send(answer_head("500 Oh", Transfer_Encoding="chunked"))
            while True:
                peer.send(b"5\r\nword \r\n" * 1000)

        done = self.get(scripted(self.addCleanup, script).url())
        self.assert_one_line(done, says="500.*says: word word")

    def test_the_reason_behind_a_long_url(self):
        server = self.server(answer_head("403 Forbidden", Content_Length=0))
        done = self.get(server.url("/file.bin?X-Signature=" + "a" * 3000 + "&end"))
        self.assert_one_line(done, says=r"403 \(forbidden\).*/file\.bin\?X-Sig.*a\.\.\.a.*&end")
        self.assertLess(len(done.err), 1200)


class Redirects(Faults):
    def redirect(self, location, status="302 Found", connection="close"):
        return answer_head(status, Location=location, Content_Length=0, Connection=connection)

    def chain(self, length):
        hops = [self.redirect(f"/{number}") for number in range(length)]
        return [*hops, whole_answer(BODY)]

    def test_ten_are_followed(self):
        self.assert_works(*self.chain(1))
        self.assert_works(*self.chain(10))

    def test_eleven_are_not(self):
        server = self.assert_fails(*self.chain(11), says="redirect")
        self.assertEqual(len(server.requests), 11)

    def test_a_loop_ends(self):
        server = self.assert_fails(self.redirect("/file.bin"), says="redirect")
        self.assertLessEqual(len(server.requests), 11)

    def test_a_connection_that_closes_unannounced_is_opened_again(self):
        self.assert_works(self.redirect("/there", connection=None), whole_answer(BODY))

    def test_every_kind(self):
        kinds = "300 Many", "301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"
        for status in kinds:
            with self.subTest(status):
                self.assert_works(self.redirect("/there", status), whole_answer(BODY))

    def test_every_kind_of_location(self):
        other = self.server(whole_answer(BODY))
        for location, target in (
            (other.url("/x?y"), "/x?y"),
            (f"//127.0.0.1:{other.port}/z", "/z"),
        ):
            self.assert_works(self.redirect(location))
            self.assertEqual(other.requests[-1].target, target)
            self.assertEqual(other.requests[-1].headers["host"], f"127.0.0.1:{other.port}")
        for location, target in (("/a/b", "/a/b"), ("c?d", "/in/c?d"), ("../e", "/e")):
            server = self.server(self.redirect(location), whole_answer(BODY))
            self.assertEqual(self.get(server.url("/in/file.bin")).code, 0)
            self.assertEqual(server.requests[-1].target, target)

    def test_the_target_is_named(self):
        for location, says in (
            ("ftp://example.org/x", "redirects to ftp://example.org/x: not an http://"),
            ("https://e\x1b[31m", r"redirects to https://e\\x1b"),
        ):
            self.assert_fails(self.redirect(location), says=says)
        gone = answer_head("410 Gone", Content_Length=0)
        for location in ("/there?a=b", f"http://127.0.0.1:{free_port()}/there?a=b"):
            self.assert_fails(
                self.redirect(location), gone, says=r"redirected to http://127\.[0-9.:]+/there\?a=b"
            )

    def test_to_where_we_do_not_go(self):
        for location in (
            "file:///etc/passwd",
            "https://127.0.0.1/",
            "ftp://127.0.0.1/x",
            "http://",
            "http://127.0.0.1:99999/",
            "",
            None,
        ):
            with self.subTest(location):
                self.assert_fails(self.redirect(location))


class Silence(Faults):
    def get_from(self, script):
        return get(scripted(self.addCleanup, script).url(), "-o", self.file, "--timeout", "1")

    def test_no_answer(self):
        def script(peer):
            peer.request()
            peer.wait_for_the_client_to_leave()

        self.assert_one_line(self.get_from(script))
        self.assertEqual(self.file.read_bytes(), OLD)

    def test_half_an_answer(self):
        def script(peer):
            peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
            peer.wait_for_the_client_to_leave()

        self.assert_one_line(self.get_from(script))

    def test_half_a_body(self):
        def script(peer):
            peer.request()
            peer.send(whole_answer(BODY)[:50_000])
            peer.wait_for_the_client_to_leave()

        self.assert_one_line(self.get_from(script))
        self.assertEqual(self.file.read_bytes(), OLD)
        self.assertTrue((self.here / "file.bin.part").exists())

    def test_nobody_listens(self):
        port = free_port()
        self.assert_one_line(self.get(f"http://127.0.0.1:{port}/file.bin"), says=f"{port}.*refused")


class Places(Faults):
    def test_disk_full(self):
        for kind, head in (
            ("known length", answer_head(Content_Length=16 * MIB)),
            ("unknown length", b"HTTP/1.0 200 OK\r\n\r\n"),
        ):
            with self.subTest(kind):
                self.here = mount(self.addCleanup, "tmpfs", "size=8m")
                self.file = self.here / "file.bin"
                self.file.write_bytes(OLD)
                self.assert_fails(head + content(16 * MIB), says="[Ss]pace")

    def test_standard_output_full(self):
        server = self.server(whole_answer(BODY))
        with open("/dev/full", "wb") as full:
            done = get(server.url(), "-o", "-", stdout=full)
        self.assert_one_line(done, says="[Ss]pace")

    def test_not_writable(self):
        self.here.chmod(0o555)
        self.addCleanup(self.here.chmod, 0o755)
        prefix = ordinary_user(self.here)
        server = self.server(whole_answer(BODY))
        self.assert_one_line(self.get(server.url(), prefix=prefix), says="file.bin.*ermission")
        self.assertEqual(self.file.read_bytes(), OLD)
        self.assertEqual(os.listdir(self.here), ["file.bin"])

    def test_a_part_that_is_another_user_s(self):
        prefix = ordinary_user(self.here)
        self.here.chmod(0o777)
        part = self.here / "file.bin.part"
        part.write_bytes(b"another's")
        part.chmod(0o444)
        if not prefix:
            self.skipTest("needs root to make a file of another user")
        done = self.get(self.server(whole_answer(BODY)).url(), prefix=prefix)
        self.assertEqual(done.code, 0, done.err)
        self.assertRegex(done.err, r"(?m)^sluice: file\.bin\.part is not ours \(Permission")
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(part.read_bytes(), b"another's")

    def test_no_such_folder(self):
        server = self.server(whole_answer(BODY))
        self.file = self.here / "missing" / "file.bin"
        self.assert_one_line(self.get(server.url()), says="missing/file.bin.*No such")

    def test_a_folder(self):
        server = self.server(whole_answer(BODY))
        self.file = self.here / "folder"
        self.file.mkdir()
        self.assert_one_line(self.get(server.url()), says="folder")
        self.assertEqual(sorted(os.listdir(self.here)), ["file.bin", "folder"])


if __name__ == "__main__":
    unittest.main()
