# SPDX-License-Identifier: MIT
"""`sluice get` from good servers: nginx, Python's http.server and sluice itself."""

import os
import pty
import re
import subprocess
import time
import unittest

from other_servers import answer_head, scripted, start_nginx, start_python_server, whole_answer
from support import (
    MIB,
    PAGE,
    RECEIVE_PATHS,
    SLUICE,
    content,
    get,
    make_file,
    same,
    serve,
    skip_unless_possible,
    temp_folder,
)

SIZES = {"empty": 0, "one": 1, "page": PAGE, "file.bin": 5 * MIB + 123}


class FromAnyServer:
    """Runs once for each kind of server, in the classes below."""

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        for seed, (name, size) in enumerate(SIZES.items()):
            make_file(cls.folder / name, size, seed)
        make_file(cls.folder / "with space %.bin", 100)
        cls.base = f"http://127.0.0.1:{cls.start()}"

    def setUp(self):
        self.here = temp_folder(self.addCleanup)

    def get(self, *arguments):
        done = get(*arguments, cwd=self.here)
        self.assertEqual(done.code, 0, done.err)
        return done

    def assert_got(self, name, source=None):
        copy = self.here / name
        self.assertTrue(same(copy, self.folder / (source or name)), f"{name} differs")

    def assert_only(self, *names):
        self.assertEqual(sorted(os.listdir(self.here)), sorted(names))

    def test_by_each_path(self):
        for path_name in ("auto", *RECEIVE_PATHS):
            with self.subTest(path_name):
                skip_unless_possible(path_name, self.here)
                for name in SIZES:
                    self.get(f"{self.base}/{name}", "--path", path_name)
                    self.assert_got(name)
        self.assert_only(*SIZES)

    def test_a_name_of_one_s_own(self):
        self.get(f"{self.base}/file.bin", "-o", "mine")
        self.assert_got("mine", "file.bin")
        self.assert_only("mine")

    def test_a_name_that_is_encoded(self):
        self.get(f"{self.base}/with%20space%20%25.bin")
        self.assert_got("with space %.bin")

    def test_a_query_is_not_part_of_the_name(self):
        self.get(f"{self.base}/file.bin?a=/b")
        self.assert_got("file.bin")

    def test_several(self):
        self.get(*(f"{self.base}/{name}" for name in SIZES))
        for name in SIZES:
            self.assert_got(name)
        self.assert_only(*SIZES)

    def test_standard_output(self):
        done = self.get(f"{self.base}/file.bin", "-o", "-")
        self.assertTrue(done.out == content(SIZES["file.bin"], 3), "the output differs")
        self.assert_only()

    def test_several_to_standard_output(self):
        done = self.get(f"{self.base}/one", f"{self.base}/file.bin", "-o", "-")
        expected = content(1, 1) + content(SIZES["file.bin"], 3)
        self.assertTrue(done.out == expected, "the output differs")

    def test_json(self):
        urls = [f"{self.base}/file.bin", f"{self.base}/empty"]
        printed_by_url = {each["url"]: each for each in self.get("--json", *urls).objects()}
        self.assertEqual(set(printed_by_url), set(urls))
        for url, printed in printed_by_url.items():
            size = SIZES[url.rpartition("/")[2]]
            bill = printed["bill"]
            self.assertEqual((printed["url"], printed["status"]), (url, 200))
            self.assertEqual(os.path.basename(printed["file"]), url.rpartition("/")[2])
            self.assertEqual((printed["resumed_from_bytes"], bill["bytes"]), (0, size))
            self.assertEqual(sum(path["bytes"] for path in bill["paths"]), size)
            for name in ("seconds", "cpu_user_seconds", "cpu_system_seconds", "system_calls"):
                self.assertGreaterEqual(bill[name], 0, name)
            for name in ("rate_gb_per_second", "cpu_seconds_per_gb", "page_cache_before_bytes"):
                self.assertIn(name, bill)
            for name in ("context_switches_voluntary", "context_switches_involuntary"):
                self.assertIsInstance(bill[name], int)
        self.assertIn("page_cache_after_bytes", bill)

    def test_discard_keeps_nothing(self):
        printed = self.get("--json", "--path", "discard", f"{self.base}/file.bin").objects()[0]
        self.assertEqual(printed["bill"]["bytes"], SIZES["file.bin"])
        self.assert_only()

    def test_an_existing_file_is_replaced_at_once(self):
        (self.here / "file.bin").write_bytes(b"old")
        with open(self.here / "file.bin", "rb") as old:
            self.get(f"{self.base}/file.bin")
            self.assertEqual(old.read(), b"old")
        self.assert_got("file.bin")
        self.assert_only("file.bin")

    def test_permissions_follow_the_umask(self):
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.get(f"{self.base}/file.bin")
        self.assertEqual((self.here / "file.bin").stat().st_mode & 0o777, 0o640)

    def test_options_that_change_only_the_cost(self):
        for option in ("--no-sync", "--keep-cached", "--cc=auto", "-q"):
            with self.subTest(option):
                self.get(f"{self.base}/file.bin", option)
                self.assert_got("file.bin")

    def test_quiet(self):
        done = self.get("-q", f"{self.base}/file.bin")
        self.assertEqual((done.out, done.err), (b"", ""))

    def test_the_bill_and_no_progress_bar_where_nobody_looks(self):
        done = self.get(f"{self.base}/file.bin")
        self.assertIn("GB", done.err + done.out.decode())
        self.assertNotRegex(done.err, "[\r\x1b]")

    def test_explain_names_the_path_taken(self):
        done = self.get("--explain", "--path", "readwrite", f"{self.base}/file.bin")
        self.assertIn("readwrite", done.err)

    def test_missing(self):
        done = get(f"{self.base}/nothing", cwd=self.here)
        self.assertEqual(done.code, 1)
        self.assertRegex(done.err, r"^sluice: [^\n]*404[^\n]*\n$")
        self.assert_only()

    def test_one_missing_among_others(self):
        done = get(*(f"{self.base}/{name}" for name in ("one", "nothing", "page")), cwd=self.here)
        self.assertEqual(done.code, 1)
        self.assertIn("404", done.err)
        self.assert_only("one", "page")


class FromNginx(FromAnyServer, unittest.TestCase):
    @classmethod
    def start(cls):
        return start_nginx(cls.addClassCleanup, cls.folder)

    def test_redirect(self):
        done = self.get("--json", f"{self.base}/moved/file.bin")
        self.assert_got("file.bin")
        self.assertEqual(done.objects()[0]["url"], f"{self.base}/moved/file.bin")


class FromPython(FromAnyServer, unittest.TestCase):
    @classmethod
    def start(cls):
        return start_python_server(cls.addClassCleanup, cls.folder)


class FromSluice(FromAnyServer, unittest.TestCase):
    @classmethod
    def start(cls):
        return serve(cls.addClassCleanup, cls.folder).port

    def test_localhost_by_name(self):
        self.get(self.base.replace("127.0.0.1", "localhost") + "/file.bin")
        self.assert_got("file.bin")

    def test_ipv6(self):
        try:
            server = serve(self.addCleanup, self.folder, listen="[::1]:0")
        except AssertionError as error:
            if re.search("Address family not supported|Cannot assign", str(error)):
                self.skipTest("this machine has no IPv6 loopback")
            raise
        self.get(server.url("file.bin"))
        self.assert_got("file.bin")


class Requests(unittest.TestCase):
    def test_what_is_asked(self):
        def script(peer):
            peer.request()
            peer.send(whole_answer(b"body"))

        server = scripted(self.addCleanup, script)
        here = temp_folder(self.addCleanup)
        self.assertEqual(get(server.url("/a b?c=%41#part"), "-o", here / "x").code, 0)
        request = server.requests[0]
        self.assertEqual((request.method, request.target), ("GET", "/a%20b?c=%41"))
        self.assertEqual(request.headers["host"], f"127.0.0.1:{server.port}")
        self.assertNotIn("range", request.headers)
        self.assertIn(request.headers.get("accept-encoding", "identity"), ("identity",))


class Terminal(unittest.TestCase):
    def test_progress_bar(self):
        body = content(4 * MIB)

        def script(peer):
            peer.request()
            peer.send(answer_head(Content_Length=len(body)))
            for start in range(0, len(body), MIB):
                peer.send(body[start : start + MIB])
                time.sleep(0.4)

        server = scripted(self.addCleanup, script)
        here = temp_folder(self.addCleanup)
        leader, follower = pty.openpty()
        command = [SLUICE, "get", server.url(), "-o", here / "file"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=follower) as process:
            os.close(follower)
            shown = read_all(leader)
            self.assertEqual(process.wait(60), 0)
        self.assertRegex(shown, rb"[\r\x1b][^\r\n]*\d+ ?%")
        self.assertEqual((here / "file").read_bytes(), body)


def read_all(terminal):
    data = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # what a terminal says when its other end is closed
            os.close(terminal)
            return data
        data += piece


if __name__ == "__main__":
    unittest.main()
