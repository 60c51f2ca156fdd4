# SPDX-License-Identifier: MIT
"""`sluice get` and names: from URLs, long, odd, and such that are none."""

import os
import unittest
from urllib.parse import unquote_to_bytes

from other_servers import range_answer, scripted, whole_answer
from support import get, make_file, serve, temp_folder
from test_get_faults import BODY, Faults


class Names(Faults):
    def test_names_that_are_no_file_names(self):
        for target in (
            "/a%2Fb",
            "/..%2F..%2Fevil",
            "/%2e%2e",
            "/..",
            "/.",
            "/a%0ab",
            "/%1b%5b31mred",
            "/a%00b",
            "/a%7fb",
        ):
            with self.subTest(target):
                server = self.server(whole_answer(BODY))
                done = get(server.url(target), cwd=self.here)
                self.assert_one_line(done, says="name the output")
                self.assertEqual(os.listdir(self.here), ["file.bin"])
                self.assertNotIn("evil", os.listdir(self.here.parent))

    def test_a_folder_s_url_has_no_name(self):
        done = get(self.server(whole_answer(BODY)).url("/"), cwd=self.here)
        self.assertIn(done.code, (1, 2))
        self.assertRegex(done.err, "^sluice: .*name the output")

    def test_names_that_a_server_suggests_do_not_count(self):
        disposition = 'attachment; filename="../evil"'
        server = self.server(whole_answer(BODY, Content_Disposition=disposition))
        self.assertEqual(get(server.url("/good"), cwd=self.here).code, 0)
        self.assertEqual(sorted(os.listdir(self.here)), ["file.bin", "good"])

    LONG = ("n" * 240, "n" * 241, "n" * 246 + ".bin", "n" * 255, "%C3%A4" * 127 + "x", "%FF" * 255)

    def test_long_names(self):
        for target in self.LONG:
            with self.subTest(target):
                server = self.server(whole_answer(BODY))
                done = get(server.url("/" + target), cwd=self.here)
                self.assertEqual(done.code, 0, done.err)
                self.assert_only(unquote_to_bytes(target))

    def test_names_that_are_too_long_keep_their_extension(self):
        for end in (".tar.gz", "%C3%A4.iso"):
            server = self.server(whole_answer(BODY))
            done = get(server.url("/" + "%C3%A4" * 200 + end), cwd=self.here)
            self.assertEqual(done.code, 0, done.err)
            (name,) = set(os.listdir(self.here)) - {"file.bin"}
            self.assertRegex(name, "^ä{100,}~[0-9a-f]{16}" + end.removeprefix("%C3%A4") + "$")
            self.assert_only(os.fsencode(name))

    def test_long_names_continue(self):
        """Their parts have names as well, and two that differ at the end have two."""

        def script(peer):
            request = peer.request()
            answer = range_answer(request, BODY)
            peer.send(answer if "range" in request.headers else answer[: len(answer) - 40_000])

        for target in ("n" * 254, "%C3%A4" * 127):
            server = scripted(self.addCleanup, script)
            for code in (1, 0):
                for last in "ab":
                    done = get(server.url(f"/{target}{last}"), cwd=self.here)
                    self.assertEqual(done.code, code, done.err)
            self.assertEqual(sum("range" in request.headers for request in server.requests), 2)
            for last in "ab":
                self.assert_only(unquote_to_bytes(target + last), len(os.listdir(self.here)))

    def test_odd_names(self):
        for target in ("file.", "...", "-x", "%20", "a%5Cb", "%E4", "a%22b'", "%25", "~", "a:b;c"):
            with self.subTest(target):
                server = self.server(whole_answer(BODY))
                done = get(server.url("/" + target), cwd=self.here)
                self.assertEqual(done.code, 0, done.err)
                self.assert_only(unquote_to_bytes(target))

    def assert_only(self, name, count=2):
        """The name holds the body; beside it there is what setUp made. Removes it."""
        here = os.fsencode(self.here)
        self.assertEqual(len(os.listdir(here)), count, os.listdir(here))
        with open(os.path.join(here, name), "rb") as file:
            self.assertTrue(file.read() == BODY, "the copy differs")
        os.unlink(os.path.join(here, name))

    def test_long_paths(self):
        deep = self.here
        for _ in range(14):
            deep = deep / ("d" * 255)
            os.mkdir(deep)
        server = self.server(whole_answer(BODY))
        done = get(server.url(), "-o", deep / "file.bin")
        self.assertEqual((done.code, (deep / "file.bin").read_bytes()), (0, BODY), done.err)
        too_long = "/".join(["d" * 255] * 17)
        self.assert_one_line(get(server.url(), "-o", too_long), says="too long")

    def test_names_from_the_listing_of_strange_files(self):
        folder = temp_folder(self.addCleanup)
        make_file(folder / "ünï.bin", 10)
        server = serve(self.addCleanup, folder)
        self.assertEqual(get(server.url("ünï.bin"), cwd=self.here).code, 0)
        self.assertIn("ünï.bin", os.listdir(self.here))


if __name__ == "__main__":
    unittest.main()
