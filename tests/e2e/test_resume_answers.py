# SPDX-License-Identifier: MIT
"""`sluice get` continues a download, and the server answers anything: the file is right in the end,
by the same command, without a file removed by hand; and what never gets right ends in an error."""

import concurrent.futures
import os
import re
import unittest

from other_servers import answer_head, range_answer, scripted, whole_answer
from support import content, get, temp_folder

SIZE = 600_000 + 77
CUT = 300_000
BODY = content(SIZE)
OTHER = content(SIZE, seed=2)
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


def first_of(request):
    return int(re.fullmatch(r"bytes=(\d+)-", request.headers["range"])[1])


def part(first, last=SIZE - 1, body=BODY, total=SIZE, more=0, **headers):
    """A 206; a header given as None is left out."""
    data = body[first : last + 1]
    fields = {
        "Content_Range": f"bytes {first}-{last}/{total}",
        "Content_Length": len(data),
        "ETag": '"v1"',
        **headers,
    }
    return answer_head("206 Partial Content", **fields) + data + bytes(more)


def chunked(first, last, end=b"0\r\n\r\n", more=0):
    head = part(first, last, Content_Length=None, Transfer_Encoding="chunked")
    head = head[: head.index(b"\r\n\r\n") + 4]
    data = BODY[first : last + 1] + bytes(more)
    return head + b"%x\r\n" % len(data) + data + b"\r\n" + end


def multipart(first):
    data = BODY[first:]
    place = f"bytes {first}-{SIZE - 1}/{SIZE}"
    body = f"--x\r\nContent-Range: {place}\r\n\r\n".encode() + data + b"\r\n--x--\r\n"
    kind = "multipart/byteranges; boundary=x"
    head = answer_head(
        "206 Partial Content", ETag='"v1"', Content_Type=kind, Content_Length=len(body)
    )
    return head + body


def status(line, **headers):
    return lambda first: answer_head(line, **{"Content_Length": 0, **headers})


def slice_as_whole(first, **headers):
    return whole_answer(BODY[first:], **headers)


# What a server answers to the range from `first`: all these continue.
CONTINUES = {
    "as it should": part,
    "total not told": lambda first: part(first, total="*"),
    "without a length": lambda first: part(first, Content_Length=None),
    "a block early": lambda first: part(first // 65536 * 65536),
    "a byte early": lambda first: part(first - 1),
    "from the start": lambda first: part(0),
    "a byte late, within what is here": lambda first: part(first + 1),
    "chunked": lambda first: chunked(first, SIZE - 1),
    "100 000 bytes at a time": lambda first: part(first, min(SIZE - 1, first + 99_999)),
    "10 007 bytes at a time": lambda first: part(first, min(SIZE - 1, first + 10_006)),
    "one byte short": lambda first: part(first, max(first, SIZE - 2)),
    "all but a byte, again and again": lambda first: part(first, first + (SIZE - first) // 2),
    "chunked, and shorter": lambda first: chunked(first, min(SIZE - 1, first + 99_999)),
    "shorter, from a block early": lambda first: part(
        max(0, first - 4096), min(SIZE - 1, first + 50_000)
    ),
    "more bytes than promised": lambda first: part(first, more=1000),
    "more bytes than promised, and shorter": lambda first: part(
        first, min(SIZE - 1, first + 99_999), more=1000
    ),
}

# And these make it ask for all of it.
ASKS_FOR_ALL = {
    "with a gap": lambda first: part(first + 70_000),
    "nothing of what was asked for": lambda first: part(0, first - 1),
    "of a larger file": lambda first: part(first, total=SIZE + 1),
    "of a smaller file": lambda first: part(first, SIZE - 2, total=SIZE - 1),
    "of a file that is smaller than what is here": lambda first: part(0, 99_999, total=100_000),
    "no place": lambda first: part(first, Content_Range=None),
    "no place, and all of it": lambda first: part(0, Content_Range=None),
    "a place without bytes": lambda first: part(first, Content_Range=f"bytes */{SIZE}"),
    "a malformed place": lambda first: part(first, Content_Range=f"bytes {first}-"),
    "several ranges": multipart,
    "a length that is too short": lambda first: part(first, Content_Length=SIZE - first - 1),
    "a length that is too long": lambda first: part(first, Content_Length=SIZE - first + 1),
    "another tag": lambda first: part(first, ETag='"v2"'),
    "a weak tag": lambda first: part(first, ETag='W/"v1"'),
    "no tag": lambda first: part(first, ETag=None),
    "compressed": lambda first: part(first, Content_Encoding="gzip"),
    "other bytes": lambda first: part(first, body=OTHER),
    "other bytes, from the start": lambda first: part(0, body=OTHER),
    "more chunks than promised": lambda first: chunked(first, SIZE - 1, more=1000),
    "more chunks than promised, all at once": lambda first: chunked(first, first, more=1000),
    "the range as if it were all": slice_as_whole,
    "the range as if it were all, with its place": lambda first: slice_as_whole(
        first, Content_Range=f"bytes {first}-{SIZE - 1}/{SIZE}"
    ),
    "the range as if it were all of another": lambda first: slice_as_whole(first, etag='"v2"'),
    "the range as if it were all, without a length": lambda first: (
        answer_head("200 OK", ETag='"v1"') + BODY[first:]
    ),
    "all of it": lambda first: whole_answer(BODY),
    "all of it, compressed": lambda first: whole_answer(BODY, Content_Encoding="gzip"),
    "416": status("416 Range Not Satisfiable"),
    "416 of this size": status("416 X", Content_Range=f"bytes */{SIZE}"),
    "416 of another size": status("416 X", Content_Range="bytes */5"),
    "412": status("412 Precondition Failed"),
    "304": status("304 Not Modified", Content_Length=None, ETag='"v1"'),
    "204": status("204 No Content", Content_Length=None),
    "300": status("300 Multiple Choices"),
    "302 to nowhere": status("302 Found"),
    "400": status("400 Bad Request"),
    "401": status("401 Unauthorized"),
    "403": status("403 Forbidden"),
    "404": status("404 Not Found"),
    "429": status("429 Too Many Requests"),
    "500": status("500 Internal Server Error"),
    "501": status("501 Not Implemented"),
    "503": status("503 Service Unavailable"),
    "no answer": lambda first: b"",
    "half an answer": lambda first: b"HTTP/1.1 206 Partial Con",
    "something else": lambda first: b"250 mail.example.org\r\n\r\n",
    "an endless redirect": status("302 Found", Location="/file.bin"),
    "no bytes": lambda first: part(first)[: part(first).index(b"\r\n\r\n") + 4],
    "no chunks": lambda first: chunked(first, first - 1)[:-5],
    "malformed chunks": lambda first: b"\r\n\r\nx".join(
        chunked(first, SIZE - 1).split(b"\r\n\r\n", 1)
    ),
}

# These show that what is here is not the server's.
DROPS = ["other bytes", "other bytes, from the start", *(name for name in ASKS_FOR_ALL if name.startswith("more chunks"))]

# To a request for all these are as wrong.
WRONG_FOR_ALL = [
    "with a gap",
    "no place",
    "several ranges",
    "a length that is too short",
    "compressed",
    "the range as if it were all, with its place",
    "all of it, compressed",
    "302 to nowhere",
    "no answer",
    "half an answer",
    "something else",
    "an endless redirect",
    *(name for name in ASKS_FOR_ALL if name.isdigit()),
]


class Try:
    """A download that was broken off, and will be continued, in a folder of its own."""

    def __init__(self, test, to_range, to_all=lambda request: whole_answer(BODY)):
        self.test, self.here = test, temp_folder(test.addCleanup)
        self.file, self.part = self.here / "file.bin", self.here / "file.bin.part"

        def script(peer):
            request = peer.request()
            if peer.number == 0:
                peer.send(whole_answer(BODY)[: CUT + 300])
            elif "range" in request.headers:
                peer.send(to_range(first_of(request)))
            else:
                peer.send(to_all(request))

        self.server = scripted(test.addCleanup, script)
        done = self.get()
        test.assertEqual(done.code, 1, done.err)
        test.assertIn("again to continue", done.err)

    def get(self):
        return get(self.server.url(), "-o", self.file, "--json", "--timeout", "20")

    def assert_right(self, done):
        self.test.assertEqual(done.code, 0, done.err)
        self.test.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.test.assertEqual(os.listdir(self.here), ["file.bin"])
        return done.objects()[0]


class Answers(unittest.TestCase):
    def each(self, names, check):
        """Some at a time: most of the time goes by waiting for the disk."""
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            running = {name: pool.submit(check, name) for name in names}
        for name, done in running.items():
            with self.subTest(name):
                done.result()

    def continues(self, name):
        tried = Try(self, CONTINUES[name])
        self.assertGreater(tried.assert_right(tried.get())["resumed_from_bytes"], 200_000)
        self.assertTrue(all("range" in each.headers for each in tried.server.requests[1:]))

    def test_answers_that_continue(self):
        self.each(CONTINUES, self.continues)

    def starts_over(self, name):
        tried = Try(self, ASKS_FOR_ALL[name])
        done = tried.get()
        self.assertEqual(tried.assert_right(done)["resumed_from_bytes"], 0)
        self.assertRegex(done.err, r"\Asluice: [^\n]+: starting over\n\Z")

    def test_answers_that_start_over(self):
        self.each(DROPS, self.starts_over)

    def keeps(self, name):
        tried = Try(self, ASKS_FOR_ALL[name])
        done = tried.get()
        printed = tried.assert_right(done)
        self.assertGreater(printed["resumed_from_bytes"], 200_000)
        self.assertEqual(printed["bill"]["bytes"], SIZE - printed["resumed_from_bytes"])
        self.assertEqual(done.err, "")

    def test_answers_that_lose_nothing_where_all_of_the_same_comes(self):
        self.each([name for name in ASKS_FOR_ALL if name not in DROPS], self.keeps)

    def starts_over_with_another(self, name):
        tried = Try(self, ASKS_FOR_ALL[name], lambda request: whole_answer(BODY, '"v2"'))
        self.assertEqual(tried.assert_right(tried.get())["resumed_from_bytes"], 0)

    def test_all_of_another_starts_over(self):
        self.each(["416", "with a gap", "no bytes"], self.starts_over_with_another)

    def ends(self, name):
        answer = ASKS_FOR_ALL[name]
        tried = Try(self, answer, lambda request: answer(CUT))
        before = tried.part.read_bytes()
        done = tried.get()
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, r"\Asluice: [^\n]+\n\Z")
        self.assertLess(len(tried.server.requests), 40)
        self.assertFalse(tried.file.exists())
        self.assertEqual(tried.part.read_bytes(), before)

    def test_what_is_wrong_each_time_ends_and_loses_nothing(self):
        self.each(WRONG_FOR_ALL, self.ends)


class ByWhat(unittest.TestCase):
    """What lets a download continue: what the server said of the file, and where."""

    def fetch(self, answers, target="/file.bin", body=BODY):
        """Each makes the bytes for one request after another. The first run is broken off."""
        here, numbers = temp_folder(self.addCleanup), iter(range(1 << 30))

        def script(peer):
            request = peer.request()
            peer.send(answers[min(next(numbers), len(answers) - 1)](request))

        server = scripted(self.addCleanup, script)
        for code in (1, 0):
            done = get(server.url(target), "-o", here / "file.bin", "--json")
            self.assertEqual(done.code, code, done.err)
        self.assertTrue((here / "file.bin").read_bytes() == body, "the copy differs")
        return done.objects()[0]["resumed_from_bytes"], server.requests

    def by(self, fields, again=None):
        """Both answers have these fields, or the second has others."""
        again = {"ETag": None, **(again or fields)}

        def second(request):
            if "range" in request.headers:
                return part(first_of(request), **again)
            return answer_head(Content_Length=SIZE, **again) + BODY

        first = answer_head(Content_Length=SIZE, **fields) + BODY[:CUT]
        return self.fetch([lambda request: first, second])

    def test_a_date(self):
        later = {"Last_Modified": DATE, "Date": "Mon, 01 Jan 2024 00:01:00 GMT"}
        for name, fields in (
            ("without a clock", {"Last_Modified": DATE}),
            ("a minute old", later),
            ("beside a weak tag", {"ETag": 'W/"v1"', **later}),
        ):
            with self.subTest(name):
                resumed, requests = self.by(fields)
                self.assertGreater(resumed, 200_000)
                self.assertEqual(requests[1].headers["if-range"], DATE)

    def test_a_date_that_may_stand_for_two_files(self):
        for name, fields in (
            ("59 s old", {"Last_Modified": DATE, "Date": "Mon, 01 Jan 2024 00:00:59 GMT"}),
            ("from the future", {"Last_Modified": "Fri, 01 Jan 2100 00:00:00 GMT"}),
            ("no date", {"Last_Modified": "yesterday"}),
            ("a weak tag alone", {"ETag": 'W/"v1"'}),
        ):
            with self.subTest(name):
                resumed, requests = self.by(fields)
                self.assertEqual(resumed, 0)
                self.assertNotIn("range", requests[1].headers)

    def test_a_range_of_another_date(self):
        for again in ("Mon, 01 Jan 2024 00:00:01 GMT", None):
            with self.subTest(again):
                resumed, _ = self.by({"Last_Modified": DATE}, {"Last_Modified": again})
                self.assertEqual(resumed, 0)

    def redirected(self, bodies):
        """/file.bin leads to another place each time; each place has its body."""
        places = iter(bodies)

        def answer(request):
            if request.target == "/file.bin":
                return answer_head("302 Found", Location=next(places), Content_Length=0)
            body = bodies[request.target]
            broken = request.target == next(iter(bodies))
            return range_answer(request, body)[: CUT + 300 if broken else None]

        return self.fetch([answer], body=list(bodies.values())[-1])

    def test_a_signature_that_changes(self):
        resumed, requests = self.redirected({"/store?sign=1": BODY, "/store?sign=2": BODY})
        self.assertGreater(resumed, 200_000)
        self.assertIn("range", requests[-1].headers)

    def test_a_mirror(self):
        resumed, _ = self.redirected({"/a/file": BODY, "/b/other": BODY})
        self.assertGreater(resumed, 200_000)

    def test_a_mirror_that_has_another_file_of_this_tag_and_size(self):
        resumed, requests = self.redirected({"/a": BODY, "/b": OTHER, "/c": OTHER})
        self.assertEqual(resumed, 0)
        self.assertNotIn("range", requests[-1].headers)

    def test_a_signature_that_the_user_gets_anew(self):
        here = temp_folder(self.addCleanup)
        for again, tag, resumes in (("sign=2", '"v1"', True), ("sign=2", None, False)):
            with self.subTest(tag):

                def script(peer, tag=tag):
                    request = peer.request()
                    fields = {"ETag": tag, "Last_Modified": None if tag else DATE}
                    if "range" in request.headers:
                        return peer.send(part(first_of(request), **fields))
                    answer = answer_head(Content_Length=SIZE, **fields) + BODY
                    peer.send(answer[: CUT + 300] if peer.number == 0 else answer)

                server = scripted(self.addCleanup, script)
                for query, code in (("sign=1", 1), (again, 0)):
                    done = get(
                        server.url(f"/file.bin?{query}"), "-o", here / "file.bin", "--json"
                    )
                    self.assertEqual(done.code, code, done.err)
                self.assertTrue((here / "file.bin").read_bytes() == BODY, "the copy differs")
                self.assertEqual(done.objects()[0]["resumed_from_bytes"] > 0, resumes)

    def test_a_long_url(self):
        for length in (2048, 8192, 30_000):
            with self.subTest(length):
                target = "/file.bin?token=" + "a" * length
                cut = whole_answer(BODY)[: CUT + 300]
                answers = [lambda request: cut, lambda request: range_answer(request, BODY)]
                resumed, requests = self.fetch(answers, target)
                self.assertGreater(resumed, 200_000)
                self.assertEqual(requests[-1].target, target)

    def test_a_redirect_to_a_long_url(self):
        resumed, _ = self.redirected({f"/s?sign={n}" + "a" * 20_000: BODY for n in (1, 2)})
        self.assertGreater(resumed, 200_000)


if __name__ == "__main__":
    unittest.main()
