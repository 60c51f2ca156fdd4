# SPDX-License-Identifier: MIT
"""`sluice serve`: ranges, one and several, possible and impossible (RFC 9110 14)."""

import email.parser
import os
import random
import subprocess
import unittest

from support import MIB, content, make_file, program, same, serve, settle, temp_folder

SIZE = 5 * MIB + 123
HUGE = "9" * 40  # fits no integer


class Ranges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        cls.file = make_file(cls.folder / "file.bin", SIZE)
        cls.data = content(SIZE)
        make_file(cls.folder / "empty", 0)
        cls.server = serve(cls.addClassCleanup, cls.folder)

    def ask(self, ranges, target="/file.bin", method="GET", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.request(target, method, {"Range": ranges, **fields})

    def assert_part(self, answer, first, last):
        self.assertEqual(answer.status, 206)
        self.assertEqual(answer.headers["Content-Range"], f"bytes {first}-{last}/{SIZE}")
        self.assertTrue(answer.body == self.data[first : last + 1], "not that part of the file")

    def assert_whole(self, answer):
        self.assertEqual(answer.status, 200)
        self.assertIsNone(answer.headers["Content-Range"])
        self.assertTrue(answer.body == self.data, "the body is not the file")

    def assert_parts(self, answer, *expected):
        """Checks a multipart answer against (first, last) pairs."""
        self.assertEqual(answer.status, 206)
        self.assertIsNone(answer.headers["Content-Range"])
        kind = answer.headers["Content-Type"]
        self.assertTrue(kind.startswith("multipart/byteranges; boundary="), kind)
        found = [(part["Content-Range"], part.body) for part in split_multipart(kind, answer.body)]
        self.assertEqual(
            [place for place, _ in found],
            [f"bytes {first}-{last}/{SIZE}" for first, last in expected],
        )
        for (_, body), (first, last) in zip(found, expected):
            self.assertTrue(body == self.data[first : last + 1], f"part {first}-{last} differs")

    def test_one_range(self):
        last = SIZE - 1
        for ranges, first, end in (
            ("bytes=0-0", 0, 0),
            ("bytes=0-4095", 0, 4095),
            ("bytes=4095-4096", 4095, 4096),
            ("bytes=1-1048576", 1, 1048576),
            (f"bytes={last}-", last, last),
            (f"bytes={last}-{last}", last, last),
            ("bytes=0-", 0, last),
            (f"bytes=1048577-{SIZE + 5}", 1048577, last),
            ("bytes=-1", last, last),
            ("bytes=-4097", SIZE - 4097, last),
            (f"bytes=-{SIZE}", 0, last),
            (f"bytes=-{SIZE + 1}", 0, last),
            (f"bytes=0-{HUGE}", 0, last),
            (f"bytes=-{HUGE}", 0, last),
            ("bytes=0-18446744073709551615", 0, last),
            ("BYTES=7-9", 7, 9),
            ("bytes=7-9 ,", 7, 9),
        ):
            with self.subTest(ranges):
                self.assert_part(self.ask(ranges), first, end)

    def test_random_ranges_on_one_connection(self):
        numbers = random.Random(2)
        with self.server.connect() as connection:
            for _ in range(200):
                first = numbers.randrange(SIZE)
                last = min(SIZE - 1, first + numbers.choice((0, 5, 4096, 70_000, 2 * MIB)))
                connection.ask("/file.bin", headers={"Range": f"bytes={first}-{last}"})
                self.assert_part(connection.answer(), first, last)

    def test_a_header_that_is_ignored(self):
        for ranges in (
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=0x0-0x9",
            "bytes=1-2-3",
            "bytes=0-1;2-3",
            "bytes=+1-2",
            "bytes 0-9",
            "lines=0-9",
            "0-9",
        ):
            with self.subTest(ranges):
                self.assert_whole(self.ask(ranges))

    def test_head_has_no_ranges(self):
        answer = self.ask("bytes=0-9", method="HEAD")
        self.assertEqual((answer.status, answer.headers["Content-Length"]), (200, str(SIZE)))

    def test_impossible(self):
        for ranges in (
            f"bytes={SIZE}-",
            f"bytes={SIZE}-{SIZE + 9}",
            f"bytes={HUGE}-",
            f"bytes={HUGE}-{HUGE}",
            "bytes=18446744073709551615-18446744073709551615",
            "bytes=18446744073709551616-",
            "bytes=-0",
            f"bytes={SIZE}-,-0",
        ):
            with self.subTest(ranges):
                answer = self.ask(ranges)
                self.assertEqual(answer.status, 416)
                self.assertEqual(answer.headers["Content-Range"], f"bytes */{SIZE}")

    def test_nothing_of_an_empty_file(self):
        for ranges in ("bytes=0-", "bytes=0-0", "bytes=-0", "bytes=0-0,5-"):
            with self.subTest(ranges):
                answer = self.ask(ranges, "/empty")
                self.assertEqual(answer.status, 416)
                self.assertEqual(answer.headers["Content-Range"], "bytes */0")

    def test_the_last_bytes_of_an_empty_file(self):
        for ranges in ("bytes=-1", f"bytes=-{HUGE}", "bytes=0-,-5"):
            with self.subTest(ranges):
                answer = self.ask(ranges, "/empty")
                self.assertEqual((answer.status, answer.body), (200, b""))
                self.assertIsNone(answer.headers["Content-Range"])

    def test_if_range_before_what_is_impossible(self):
        etag = self.server.request("/file.bin", "HEAD").headers["ETag"]
        impossible = f"bytes={SIZE}-"
        self.assertEqual(self.ask(impossible, If_Range=etag).status, 416)
        self.assert_whole(self.ask(impossible, If_Range='"another"'))
        answer = self.ask(impossible, If_None_Match=etag)
        self.assertEqual(answer.status, 304)  # RFC 9110 13.2.2: conditions come first
        self.assertEqual(self.ask("bytes=0-", If_Match='"another"').status, 412)

    def test_several(self):
        answer = self.ask("bytes=0-9,4096-8191,-5")
        self.assert_parts(answer, (0, 9), (4096, 8191), (SIZE - 5, SIZE - 1))

    def test_several_large_ones_in_the_order_asked(self):
        ranges = [(3 * MIB + 1, 5 * MIB), (7, 2 * MIB + 8)]
        asked = ",".join(f"{first}-{last}" for first, last in ranges)
        self.assert_parts(self.ask(f"bytes={asked}"), *ranges)

    def test_a_file_that_holds_the_boundary(self):
        kind = self.ask("bytes=0-9,20-29").headers["Content-Type"]
        boundary = kind.split("boundary=")[1].strip('"').encode()
        file = self.folder / "boundary"
        file.write_bytes(b"0123456789\r\n--" + boundary + b"--\r\n0123456789")
        answer = self.ask(f"bytes=0-{len(boundary) + 16},-3", f"/{file.name}")
        again = answer.headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        self.assertNotIn(again, file.read_bytes())

    def test_several_and_then_the_next_request(self):
        with self.server.connect() as connection:
            for _ in range(3):
                connection.ask("/file.bin", headers={"Range": "bytes=0-9,20-29,100000-2000000"})
                self.assert_parts(connection.answer(), (0, 9), (20, 29), (100000, 2000000))

    def test_overlapping_ones_are_merged(self):
        self.assert_parts(self.ask("bytes=0-99,200-299,50-149"), (0, 149), (200, 299))
        self.assert_part(self.ask("bytes=100-199,0-149,150-300"), 0, 300)
        self.assert_part(self.ask("bytes=" + ",".join(["0-"] * 60)), 0, SIZE - 1)

    def test_impossible_ones_among_possible_ones_are_left_out(self):
        self.assert_part(self.ask(f"bytes={SIZE}-,0-9"), 0, 9)
        self.assert_parts(self.ask(f"bytes=0-9,{HUGE}-,20-29"), (0, 9), (20, 29))

    def test_64_are_allowed_and_65_are_not(self):
        places = [(100 * number, 100 * number + 9) for number in range(65)]
        asked = [f"{first}-{last}" for first, last in places]
        self.assert_parts(self.ask("bytes=" + ",".join(asked[:64])), *places[:64])
        answer = self.ask("bytes=" + ",".join(asked))
        self.assertEqual(answer.status, 416)
        self.assertEqual(answer.headers["Content-Range"], f"bytes */{SIZE}")

    def test_if_range(self):
        # a date counts as strong only a minute after the change
        os.utime(self.file, (10**9, 10**9))
        settle(self.file)
        head = self.server.request("/file.bin", "HEAD").headers
        for condition, holds in (
            (head["ETag"], True),
            (head["Last-Modified"], True),
            ('"another"', False),
            ("W/" + head["ETag"], False),
            (head["ETag"].strip('"'), False),
            ("Sun, 09 Sep 2001 01:46:41 GMT", False),
            ("Sun, 09 Sep 2001 01:46:39 GMT", False),
            ("nonsense", False),
        ):
            with self.subTest(condition):
                answer = self.ask("bytes=10-19", If_Range=condition)
                if holds:
                    self.assert_part(answer, 10, 19)
                else:
                    self.assert_whole(answer)

    def test_if_range_with_a_fresh_date(self):
        fresh = make_file(self.folder / "fresh", 100)
        date = self.server.request(f"/{fresh.name}", "HEAD").headers["Last-Modified"]
        answer = self.ask("bytes=10-19", f"/{fresh.name}", If_Range=date)
        self.assertEqual((answer.status, len(answer.body)), (200, 100))


def split_multipart(kind, body):
    """The parts of a multipart body, byte for byte; email's own parser would touch line ends."""
    boundary = b"--" + kind.split("boundary=")[1].strip('"').encode()
    lead, *parts, end = (b"\r\n" + body).split(b"\r\n" + boundary)
    if lead or not end.startswith(b"--"):
        raise AssertionError(f"bad multipart frame: {lead!r} ... {end!r}")
    found = []
    for part in parts:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = email.parser.BytesHeaderParser().parsebytes(head + b"\r\n\r\n")
        headers.body = data
        found.append(headers)
    return found


class RealClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        cls.file = make_file(cls.folder / "file.bin", SIZE)
        cls.server = serve(cls.addClassCleanup, cls.folder)

    def setUp(self):
        self.got = temp_folder(self.addCleanup) / "file.bin"

    def run_client(self, name, *options):
        command = [program(name), *options, self.server.url("file.bin")]
        subprocess.run(command, check=True, timeout=60, cwd=self.got.parent)

    def test_curl_range(self):
        self.run_client("curl", "-sSf", "-r", "4095-1048577", "-o", self.got)
        self.assertEqual(self.got.read_bytes(), content(SIZE)[4095:1048578])

    def test_curl_continues(self):
        self.got.write_bytes(content(SIZE)[:1234567])
        self.run_client("curl", "-sSf", "-C", "-", "-o", self.got)
        self.assertTrue(same(self.got, self.file), "the copy differs")
        self.assertEqual(self.server.wait_log("/file.bin").status, 206)

    def test_wget_continues(self):
        self.got.write_bytes(content(SIZE)[:1234567])
        self.run_client("wget", "-q", "-c")
        self.assertTrue(same(self.got, self.file), "the copy differs")

    def test_aria2_continues(self):
        self.got.write_bytes(content(SIZE)[: 2 * MIB])
        self.run_client("aria2c", "--quiet", "-c", "-x4", "-k1M", "--file-allocation=none")
        self.assertTrue(same(self.got, self.file), "the copy differs")


if __name__ == "__main__":
    unittest.main()
