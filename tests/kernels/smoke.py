# SPDX-License-Identifier: MIT
"""What must work first of all, on any kernel: `serve` and `get` on a real disk, by both loops, warm and
cold. Run by itself inside a guest, where the whole of the end-to-end tests takes too long."""

import hashlib
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from support import LOOPS, MIB, evict, get, make_file, serve, temp_folder, warm  # noqa: E402

SIZES = (0, 1, 4097, 100_000, 24 * MIB + 123)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Smoke(unittest.TestCase):
    def test_serve_and_get(self):
        source, here = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        files = [make_file(source / f"file-{size}", size) for size in SIZES]
        for loop in LOOPS:
            how = {"env": {"SLUICE_LOOP": loop}}
            server = serve(self.addCleanup, source, **how)
            for file in files:
                for prepare in (warm, evict):
                    with self.subTest(loop=loop, file=file.name, prepare=prepare.__name__):
                        prepare(file)
                        copy = here / "copy"
                        done = get(server.url(file.name), "-o", copy, **how)
                        self.assertEqual(done.code, 0, done.err)
                        self.assertEqual(digest(copy), digest(file))
                        copy.unlink()


if __name__ == "__main__":
    unittest.main()
