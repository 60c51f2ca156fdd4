# SPDX-License-Identifier: MIT
"""`sluice serve --header` and `--cors`: what an owner adds to the answers, on each kind of them."""

import unittest

from support import make_file, serve, temp_folder

PAGE = "https://viewer.example"
ALLOW = "Access-Control-Allow-Origin"


class Fields(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        make_file(cls.folder / "file", 5000)
        (cls.folder / "sub").mkdir()

    def answers(self, server):
        """One of each kind, by status."""
        with server.connect() as connection:
            etag = server.request("/file", "HEAD").headers["ETag"]
            for status, target, method, fields in (
                (200, "/file", "GET", {}),
                (200, "/file", "HEAD", {}),
                (200, "/", "GET", {}),
                (200, "/", "GET", {"Accept": "application/json"}),
                (204, "*", "OPTIONS", {}),
                (204, "/file", "OPTIONS", {"Access-Control-Request-Method": "GET"}),
                (206, "/file", "GET", {"Range": "bytes=5-9"}),
                (206, "/file", "GET", {"Range": "bytes=5-9,20-29"}),
                (301, "/sub", "GET", {}),
                (304, "/file", "GET", {"If-None-Match": etag}),
                (404, "/none", "GET", {}),
                (405, "/file", "DELETE", {}),
                (412, "/file", "GET", {"If-Match": '"other"'}),
                (416, "/file", "GET", {"Range": "bytes=5000-"}),
                (400, "/..", "GET", {}),
            ):
                with self.subTest(status=status, target=target, method=method):
                    connection.ask(target, method, {"Origin": PAGE, **fields})
                    answer = connection.answer(method)
                    self.assertEqual(answer.status, status)
                    yield answer, target == "/file" and status < 400 and method != "OPTIONS"

    def test_nothing_without_the_options(self):
        for answer, _ in self.answers(serve(self.addCleanup, self.folder)):
            self.assertNotIn(ALLOW, answer.headers)

    def test_every_origin(self):
        server = serve(self.addCleanup, self.folder, "--cors", "*")
        for answer, _ in self.answers(server):
            self.assertEqual(answer.headers.get_all(ALLOW), ["*"])
            self.assertIn("Content-Range", answer.headers["Access-Control-Expose-Headers"])
        # before a browser asks for a range
        answer = server.request("/file", "OPTIONS", {"Origin": PAGE})
        self.assertIn("Range", answer.headers["Access-Control-Allow-Headers"].split(", "))
        self.assertIn("GET", answer.headers["Access-Control-Allow-Methods"])
        self.assertGreater(int(answer.headers["Access-Control-Max-Age"]), 0)

    def test_some_origins(self):
        options = ("--cors", "http://localhost:3000", "--cors", PAGE)
        server = serve(self.addCleanup, self.folder, *options)
        for answer, _ in self.answers(server):
            self.assertEqual(answer.headers.get_all(ALLOW), [PAGE])
            self.assertIn("Origin", ", ".join(answer.headers.get_all("Vary")))
        for fields in ({}, {"Origin": "https://other.example"}):
            answer = server.request("/file", headers=fields)
            self.assertEqual(answer.status, 200)
            self.assertNotIn(ALLOW, answer.headers)
            self.assertIn("Origin", ", ".join(answer.headers.get_all("Vary")))

    def test_headers(self):
        options = ("--header", "X-Frame-Options: DENY", "--header", "Cache-Control: max-age=60")
        server = serve(self.addCleanup, self.folder, *options)
        for answer, is_of_file in self.answers(server):
            self.assertEqual(answer.headers.get_all("X-Frame-Options"), ["DENY"])
            self.assertEqual("max-age=60" in answer.headers.get_all("Cache-Control", []), is_of_file)
            self.assertLessEqual(len(answer.headers.get_all("Cache-Control", [])), 1)

    def test_a_head_that_was_refused(self):
        options = ("--header", "X: y", "--cors", "*")
        server = serve(self.addCleanup, self.folder, *options)
        for data in (b"garbage\r\n\r\n", b"GET /" + b"x" * 9000, b"GET / HTTP/2.0\r\n\r\n"):
            raw = server.exchange(data)
            self.assertIn(b"\r\nX: y\r\n", raw)
            self.assertIn(b"\r\nAccess-Control-Allow-Origin: *\r\n", raw)


if __name__ == "__main__":
    unittest.main()
