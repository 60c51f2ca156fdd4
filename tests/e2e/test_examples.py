# SPDX-License-Identifier: MIT
"""The programs in examples/ and in the manual pages of the library."""

import os
import pathlib
import re
import shlex
import socket
import subprocess
import unittest

from support import ROOT, content, make_file, serve, temp_folder

BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", pathlib.Path(__file__).parents[2] / "build"))
SIZE = 5 * 1024 * 1024 + 123


def receive_all(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        pieces = []
        while piece := client.recv(1 << 20):
            pieces.append(piece)
        return b"".join(pieces)


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", SIZE)

    def test_fetch(self):
        server = serve(self.addCleanup, self.folder)
        copy = self.folder / "copy"
        done = subprocess.run([BUILD / "examples/example-fetch", server.url("/file"), copy],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{SIZE} bytes", done.stdout)
        self.assertEqual(copy.read_bytes(), content(SIZE))

    def test_fetch_says_what_is_wrong(self):
        done = subprocess.run([BUILD / "examples/example-fetch", "ftp://nowhere/x"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("http://", done.stderr)

    def test_push(self):
        with subprocess.Popen([BUILD / "examples/example-push", self.file, "2"],
                              stdout=subprocess.PIPE, text=True) as push:
            self.addCleanup(push.kill)
            port = int(push.stdout.readline().rsplit(":", 1)[1])
            for _ in range(2):
                self.assertEqual(receive_all(port), content(SIZE))
            self.assertEqual(push.wait(20), 0)
            self.assertEqual(push.stdout.read().count(f"sent {SIZE} bytes"), 2)


def programs(page):
    """The whole programs among the examples of a manual page, as they are read."""
    examples = page.read_text().partition(".Sh EXAMPLES")[2].partition("\n.Sh ")[0]
    for text in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", examples, re.DOTALL | re.MULTILINE):
        yield re.sub(r"\\([e-])", lambda escape: {"e": "\\", "-": "-"}[escape[1]], text)


class ManualPages(unittest.TestCase):
    PAGES = sorted((ROOT / "man").glob("*.3"))

    def build(self, program, sources):
        library = BUILD / "src"
        return subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
             "-I", ROOT / "include", *sources, "-o", program, f"-L{library}", "-lsluice", f"-Wl,-rpath,{library}",
             "-Wl,--allow-shlib-undefined"],
            capture_output=True, text=True, timeout=60)

    def test_examples_can_be_built(self):
        folder = temp_folder(self.addCleanup)
        for page in self.PAGES:
            found = list(programs(page))
            self.assertTrue(found, page)
            for number, text in enumerate(found):
                with self.subTest(page=page.name, number=number):
                    source = folder / f"{page.stem}-{number}.c"
                    source.write_text(text)
                    done = self.build(source.with_suffix(""), [source])
                    self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_function_has_a_page(self):
        functions = set(re.findall(r"^SLUICE_API .*?\b(sluice_\w+)\(", (ROOT / "include/sluice.h").read_text(),
                                   re.MULTILINE))
        named = [name for page in self.PAGES
                 for name in re.findall(r"^\.Nm (sluice_\w+)", page.read_text().partition(".Sh DESCRIPTION")[0],
                                        re.MULTILINE)]
        self.assertEqual(sorted(named), sorted(functions | {"sluice_error"}))


if __name__ == "__main__":
    unittest.main()
