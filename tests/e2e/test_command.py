# SPDX-License-Identifier: MIT
"""The command line: help, version, and what a usage error gets."""

import os
import re
import socket
import unittest

from other_servers import free_port
from support import ROOT, finish, make_file, serve, sluice, start_sluice, temp_folder

URL = "http://127.0.0.1:9/file"


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)

    def assert_refused(self, code, arguments, says):
        with self.subTest([os.fspath(argument) for argument in arguments]):
            # soon, because what is wrongly accepted would serve for ever
            done = finish(start_sluice(*arguments, cwd=self.folder), seconds=10)
            self.assertEqual(done.code, code, done.err)
            self.assertRegex(done.err, r"^sluice: ")
            self.assertIn(says, done.err)
            self.assertEqual(done.out, b"")


class Help(Command):
    def test_help(self):
        for option in ("--help", "-h"):
            done = sluice(option)
            self.assertEqual((done.code, done.err), (0, ""))
            for word in ("serve", "get", "--version"):
                self.assertIn(word, done.out.decode())

    def test_help_of_each_subcommand(self):
        options = {
            "serve": "DIR --listen --workers --path --cc --cors --header --follow-links --explain --access-log --bill",
            "media": "--disk --size --runs --json --html",
            "tune": "--folder --wait --round-trip --write --apply --revert --prove --html --json --cores "
                    "--memory --disk --network --swap",
            "cache": "FILE DIR --warm --rate --evict --flush --watch --count --read-ahead -s -L -x --json",
            "get": "URL -o --path --cc --header --sha256 --checksums --sidecar --keep-cached --no-sync -q --explain --json --timeout --tries --mirror --limit --sparse",
            "digest": "FILE --algorithm --check --ignore-missing --quiet --status -j --json",
            "host": "--disk --rtt --json",
        }
        for name, words in options.items():
            with self.subTest(name):
                done = sluice(name, "--help")
                self.assertEqual((done.code, done.err), (0, ""))
                for word in words.split():
                    self.assertIn(word, done.out.decode())
                self.assertLessEqual(max(map(len, done.out.decode().splitlines())), 100)

    def test_version(self):
        header = (ROOT / "include" / "sluice.h").read_text()
        version = re.search(r'SLUICE_VERSION +"([^"]+)"', header)[1]
        done = sluice("--version")
        self.assertEqual((done.code, done.out.decode()), (0, f"sluice {version}\n"))


class WrongUse(Command):
    def test_subcommand(self):
        done = sluice()
        self.assertEqual(done.code, 2)
        self.assertIn("serve", done.err)
        self.assert_refused(2, ["frobnicate"], "frobnicate")
        self.assert_refused(2, ["--frobnicate"], "--frobnicate")

    def test_serve(self):
        here = self.folder
        for arguments, says in (
            ([], "DIR"),
            ([here, "another"], "another"),
            ([here, "--frobnicate"], "--frobnicate"),
            ([here, "--listen"], "--listen"),
            ([here, "--listen", "nonsense"], "nonsense"),
            ([here, "--listen", "127.0.0.1"], "127.0.0.1"),
            ([here, "--listen", "127.0.0.1:65536"], "127.0.0.1:65536"),
            ([here, "--listen", "127.0.0.1:-1"], "127.0.0.1:-1"),
            ([here, "--listen", "127.0.0.1:80x"], "127.0.0.1:80x"),
            ([here, "--listen", "127.0.0.1:"], "127.0.0.1:"),
            ([here, "--listen", "[::1:0"], "[::1:0"),
            ([here, "--listen", ""], "listen"),
            ([here, "--workers", "0"], "--workers"),
            ([here, "--workers", "-1"], "--workers"),
            ([here, "--workers", "many"], "many"),
            ([here, "--workers", "4x"], "4x"),
            ([here, "--workers", "99999999999999999999"], "99999999999999999999"),
            ([here, "--path", "warp"], "warp"),
            ([here, "--path", "discard"], "discard"),
            ([here, "--cors", "viewer.example"], "viewer.example"),
            ([here, "--cors", "https://viewer.example/"], "without a path"),
            ([here, "--header", "no colon"], "no colon"),
            ([here, "--header", "A: 1", "--header", "ETag: x"], "ETag"),
            ([here, "--header", "A: b\r\nC: d"], "control"),
        ):
            self.assert_refused(2, ["serve", *arguments], says)

    def test_get(self):
        for arguments, says in (
            ([], "missing URL"),
            ([URL, "--frobnicate"], "unrecognized option '--frobnicate'"),
            ([URL, "-Z"], "unrecognized option '-Z'"),
            ([URL, "--quiet=x"], "option '--quiet' takes no value"),
            ([URL, "-o"], "option '-o' needs a value"),
            ([URL, "--path"], "option '--path' needs a value"),
            ([URL, URL, "-o", "file"], "-o"),
            ([URL, "--timeout", "0"], "--timeout"),
            ([URL, "--timeout", "-1"], "--timeout"),
            ([URL, "--timeout", "soon"], "soon"),
            ([URL, "--tries", "-1"], "--tries"),
            ([URL, "--tries", "many"], "many"),
            ([URL, "--mirror", "ftp://a/b"], "--mirror"),
            ([URL, URL + "2", "--mirror", URL], "--mirror"),
            ([URL, "--limit", "0"], "--limit"),
            ([URL, "--limit", "fast"], "fast"),
            ([URL, "--sparse", "--path", "splice"], "--sparse"),
            ([URL, "--path", "warp"], "warp"),
            ([URL, "--path", "sendfile"], "sendfile"),
            ([URL, "-H", "no colon"], "expected NAME: VALUE"),
            ([URL, "--header", "Host: elsewhere"], 'header "Host: ...": sluice sets it itself'),
            ([URL, "-H", "Authorization: x", "--token-file", "x"], "exclude each other"),
            (["http://u:p@h/x", "-H", "authorization: x"], "exclude each other"),
            (["http://u:p@h/x", "--token-file", "x"], "exclude each other"),
            ([URL, "-N", "--no-clobber"], "exclude each other"),
            ([URL, "-N", "-o", "-"], "-N needs a file"),
            ([URL, "-R", "--path", "discard"], "leave -R out"),
            ([URL, "-4", "-6"], "exclude each other"),
        ):
            self.assert_refused(2, ["get", *arguments], says)
        self.assertEqual(os.listdir(self.folder), [])

    def test_unknown_paths_list_the_known_ones(self):
        for arguments, names in (
            (["serve", self.folder], ("auto", "readwrite", "sendfile", "direct")),
            (["get", URL], ("auto", "readwrite", "direct", "discard")),
        ):
            for name in names:
                self.assert_refused(2, [*arguments, "--path", "warp"], name)

    def test_urls(self):
        for url in (
            "file.bin",
            "/file.bin",
            "ftp://127.0.0.1/file",
            "http://",
            "http:///file",
            "http://127.0.0.1:99999/file",
            "http://127.0.0.1:x/file",
            "http://[::1/file",
            "http://user@127.0.0.1:x/file",
            "http://127.0.0.1/" + "x" * 40_000,
        ):
            with self.subTest(url[:40]):
                done = sluice("get", url, cwd=self.folder)
                self.assertEqual(done.code, 2, done.err)
                self.assertRegex(done.err, r"^sluice: [^\n]+\n")
                self.assertIn(url[:40].replace("user@", ""), done.err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_arguments_cannot_write_to_the_terminal(self):
        for arguments in (
            ["\x1b[31mred"],
            ["serve", "\x1b[31mred"],
            ["serve", self.folder, "--listen", "\x1b[31mred"],
            ["get", "http://127.0.0.1/\x1b[31mred"],
            ["get", URL, "--path", "\x1b[31mred"],
        ):
            self.assertNotIn("\x1b", sluice(*arguments, cwd=self.folder).err, arguments)


class CannotServe(Command):
    def test_folder(self):
        file = make_file(self.folder / "file", 5)
        self.assert_refused(1, ["serve", self.folder / "missing"], "missing")
        self.assert_refused(1, ["serve", file], os.fspath(file))

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assert_refused(1, ["serve", self.folder, "--listen", address], address)
            self.assert_refused(1, ["serve", self.folder, "--listen", address], "in use")

    def test_port_in_use_by_another_sluice(self):
        server = serve(self.addCleanup, self.folder)
        address = f"127.0.0.1:{server.port}"
        self.assert_refused(1, ["serve", self.folder, "--listen", address], "in use")

    def test_an_address_of_another_machine(self):
        self.assert_refused(1, ["serve", self.folder, "--listen", "192.0.2.1:0"], "192.0.2.1")

    def test_a_log_that_cannot_be_written(self):
        log = self.folder / "missing" / "log"
        address = f"127.0.0.1:{free_port()}"
        arguments = ["serve", self.folder, "--listen", address, "--access-log", log]
        self.assert_refused(1, arguments, os.fspath(log))


if __name__ == "__main__":
    unittest.main()
