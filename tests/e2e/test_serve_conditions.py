# SPDX-License-Identifier: MIT
"""`sluice serve`: conditional requests, in the order of RFC 9110 13.2.2."""

import os
import subprocess
import unittest
from email.utils import parsedate_to_datetime

from support import make_file, program, serve, settle, temp_folder, wait_until, wait_until_old

BEFORE, SAME, AFTER = (f"Sun, 09 Sep 2001 01:46:{second} GMT" for second in (39, 40, 41))
SAME_FORMATS = (SAME, "Sunday, 09-Sep-01 01:46:40 GMT", "Sun Sep  9 01:46:40 2001")
OTHER = '"another"'


class Conditions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        cls.file = make_file(cls.folder / "file.txt", 100)
        os.utime(cls.file, (10**9, 10**9))  # SAME
        settle(cls.file)
        cls.server = serve(cls.addClassCleanup, cls.folder)
        cls.etag = cls.server.request("/file.txt", "HEAD").headers["ETag"]

    def check(self, status, target="/file.txt", **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        for method in ("GET", "HEAD"):
            answer = self.server.request(target, method, fields)
            self.assertEqual(answer.status, status, (method, fields))
        return answer

    def test_the_date_is_the_file_s(self):
        self.assertEqual(self.check(200).headers["Last-Modified"], SAME)

    def test_if_none_match(self):
        self.check(304, If_None_Match=self.etag)
        self.check(304, If_None_Match=f"{OTHER}, {self.etag}")
        self.check(304, If_None_Match=f"{OTHER},W/{self.etag} , {OTHER}")
        self.check(304, If_None_Match="*")
        self.check(200, If_None_Match=OTHER)
        self.check(200, If_None_Match=self.etag[:-2] + '"')

    def test_not_modified_has_the_validators_and_no_body(self):
        with self.server.connect() as connection:
            for _ in range(2):
                connection.ask("/file.txt", headers={"If-None-Match": self.etag})
                answer = connection.answer()
                self.assertEqual((answer.status, answer.headers["ETag"]), (304, self.etag))
            connection.ask("/file.txt")
            self.assertEqual(len(connection.answer().body), 100)

    def test_if_modified_since(self):
        for date in SAME_FORMATS:
            self.check(304, If_Modified_Since=date)
        self.check(304, If_Modified_Since=AFTER)
        self.check(200, If_Modified_Since=BEFORE)
        self.check(200, If_Modified_Since="yesterday")

    def test_if_none_match_beats_if_modified_since(self):
        self.check(200, If_None_Match=OTHER, If_Modified_Since=AFTER)
        self.check(304, If_None_Match=self.etag, If_Modified_Since=BEFORE)

    def test_if_match(self):
        self.check(200, If_Match=self.etag)
        self.check(200, If_Match=f"{OTHER}, {self.etag}")
        self.check(200, If_Match="*")
        self.check(412, If_Match=OTHER)
        self.check(412, If_Match="W/" + self.etag)

    def test_if_unmodified_since(self):
        for date in SAME_FORMATS:
            self.check(200, If_Unmodified_Since=date)
        self.check(200, If_Unmodified_Since=AFTER)
        self.check(412, If_Unmodified_Since=BEFORE)
        self.check(200, If_Unmodified_Since="yesterday")

    def test_if_match_beats_if_unmodified_since(self):
        self.check(200, If_Match=self.etag, If_Unmodified_Since=BEFORE)
        self.check(412, If_Match=OTHER, If_Unmodified_Since=AFTER)

    def test_412_comes_before_304(self):
        self.check(412, If_Match=OTHER, If_None_Match=self.etag)
        self.check(412, If_Unmodified_Since=BEFORE, If_Modified_Since=AFTER)
        self.check(304, If_Match=self.etag, If_None_Match=self.etag)

    def test_conditions_come_before_ranges(self):
        self.check(304, If_None_Match=self.etag, Range="bytes=0-9")
        self.check(412, If_Match=OTHER, Range="bytes=0-9")
        answer = self.server.request(
            "/file.txt", headers={"If-Match": self.etag, "Range": "bytes=0-9"}
        )
        self.assertEqual((answer.status, len(answer.body)), (206, 10))

    def test_a_missing_file_is_404_whatever_the_condition(self):
        self.check(404, "/nothing", If_None_Match="*")
        self.check(404, "/nothing", If_Modified_Since=AFTER)

    def test_a_change_changes_the_tag(self):
        file = make_file(self.folder / "changes", 100, seed=1)
        tags = set()
        for nanoseconds in (10**18, 10**18 + 1, 10**18 + 10**9):
            os.utime(file, ns=(0, nanoseconds))
            tags.add(self.server.request("/changes", "HEAD").headers["ETag"])
        file.write_bytes(b"longer than before" * 10)
        os.utime(file, (10**9, 10**9))
        tags.add(self.server.request("/changes", "HEAD").headers["ETag"])
        replacement = make_file(self.folder / "new", 100, seed=2)
        os.utime(replacement, (10**9, 10**9))
        replacement.rename(file)
        tags.add(self.server.request("/changes", "HEAD").headers["ETag"])
        self.assertEqual(len(tags), 5)

    def test_a_change_that_puts_the_date_back_changes_the_tag(self):
        file = make_file(self.folder / "put-back", 100, seed=1)
        os.utime(file, (10**9, 10**9))
        settle(file)
        before = self.server.request("/put-back", "HEAD").headers
        file.write_bytes(bytes(100))
        os.utime(file, (10**9, 10**9))
        after = self.server.request("/put-back", "HEAD").headers
        self.assertEqual(before["Last-Modified"], after["Last-Modified"])
        self.assertNotEqual(before["ETag"], after["ETag"].removeprefix("W/"))

    def test_the_tag_of_a_file_that_was_written_just_now_is_weak(self):
        file = make_file(self.folder / "fresh", 100)
        weak = self.server.request("/fresh", "HEAD").headers["ETag"]
        self.assertRegex(weak, '^W/"')
        for tag in (weak, weak.removeprefix("W/")):
            self.check(304, "/fresh", If_None_Match=tag)
            self.check(412, "/fresh", If_Match=tag)
            answer = self.check(200, "/fresh", If_Range=tag, Range="bytes=0-9")
            self.assertEqual(answer.headers["Content-Length"], "100")
        self.check(200, "/fresh", If_Match="*")
        wait_until_old(file)
        strong = self.server.request("/fresh", "HEAD").headers["ETag"]
        self.assertEqual(strong, weak.removeprefix("W/"))
        self.check(200, "/fresh", If_Match=strong)
        self.check(304, "/fresh", If_None_Match=weak)

    def test_a_date_to_come_is_not_told(self):
        file = make_file(self.folder / "to-come", 100)
        os.utime(file, (4 * 10**9, 4 * 10**9))
        headers = self.server.request("/to-come").headers
        told, now = (parsedate_to_datetime(headers[name]) for name in ("Last-Modified", "Date"))
        self.assertLessEqual(told, now)
        self.check(304, "/to-come", If_None_Match=headers["ETag"])

    def test_the_tag_stays_when_nothing_changes(self):
        self.assertEqual(self.server.request("/file.txt").headers["ETag"], self.etag)


class RealClients(unittest.TestCase):
    def test_curl_and_wget_fetch_only_what_is_new(self):
        folder, here = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        file = make_file(folder / "file.txt", 100)
        os.utime(file, (10**9, 10**9))
        server = serve(self.addCleanup, folder)
        curl = ["-sS", "-R", "--etag-save", "tag", "--etag-compare", "tag", "-o", "file.txt"]
        for name, options in (("curl", curl), ("wget", ["-q", "-N"])):
            with self.subTest(name):
                (here / "file.txt").unlink(missing_ok=True)
                command = [program(name), *options, server.url("file.txt")]
                (here / "tag").touch()
                seen = len(server.log())
                for _ in range(2):
                    subprocess.run(command, check=True, timeout=60, cwd=here)
                wait_until(lambda: server.log()[seen + 1 :], "both requests are logged")
                statuses = [line.status for line in server.log()[seen:]]
                self.assertEqual(statuses, [200, 304])
                self.assertEqual((here / "file.txt").stat().st_size, 100)


if __name__ == "__main__":
    unittest.main()
