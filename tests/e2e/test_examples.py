# SPDX-License-Identifier: MIT
"""The two programs in examples/ do what they say."""

import os
import pathlib
import socket
import subprocess
import unittest

from support import content, make_file, serve, temp_folder

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


if __name__ == "__main__":
    unittest.main()
