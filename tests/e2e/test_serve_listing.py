# SPDX-License-Identifier: MIT
"""`sluice serve`: folders, as a page for people and as JSON for programs."""

import html.parser
import json
import os
import re
import unittest
import urllib.parse
from pathlib import Path

from support import is_sanitized, make_file, ordinary_user, serve, temp_folder

STRANGE = ("<b>bold", "a&amp;b", "quote'\"", "with space", "100%", "ünï", "a\nb", "x?y#z")


class Links(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.hrefs, self.tags, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "a":
            self.hrefs.append(dict(attributes)["href"])

    def handle_data(self, data):
        self.text += data


class Listings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        make_file(cls.folder / "b.bin", 123456)
        make_file(cls.folder / "a.txt", 5)
        os.utime(cls.folder / "a.txt", (10**9, 10**9))
        (cls.folder / "zoo").mkdir()
        (cls.folder / "zoo" / "inner").mkdir()
        (cls.folder / "empty").mkdir()
        (cls.folder / "strange").mkdir()
        for name in STRANGE:
            (cls.folder / "strange" / name).write_text(name)
        (cls.folder / "site").mkdir()
        (cls.folder / "site" / "index.html").write_text("<p>home</p>")
        cls.server = serve(cls.addClassCleanup, cls.folder)

    def page(self, target):
        answer = self.server.request(target)
        self.assertEqual(answer.status, 200)
        self.assertRegex(answer.headers["Content-Type"].lower(), r"^text/html; ?charset=utf-8$")
        return Links(answer.body.decode())

    def listing(self, target, accept="application/json"):
        answer = self.server.request(target, headers={"Accept": accept})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/json")
        return json.loads(answer.body)

    def test_page(self):
        page = self.page("/")
        for name in ("a.txt", "b.bin", "zoo"):
            self.assertIn(name, page.text)
        self.assertIn("2001", page.text)
        targets = [urllib.parse.urljoin("/", href) for href in page.hrefs]
        for target in ("/a.txt", "/b.bin", "/zoo/"):
            self.assertIn(target, targets)

    def test_the_page_needs_nothing_from_elsewhere(self):
        body = self.server.request("/").body.decode()
        for outside in ("http://", "https://", "src=", "@import"):
            self.assertNotIn(outside, body)

    def test_link_up(self):
        up = {urllib.parse.urljoin("/zoo/inner/", href) for href in self.page("/zoo/inner/").hrefs}
        self.assertIn("/zoo/", up)
        root = {urllib.parse.urljoin("/", href) for href in self.page("/").hrefs}
        self.assertNotIn("/", root)
        self.assertNotIn("../", self.page("/").hrefs)

    def test_every_link_of_strange_names_leads_to_its_file(self):
        page = self.page("/strange/")
        self.assertNotIn("b", page.tags)
        targets = {urllib.parse.urljoin("/strange/", href) for href in page.hrefs}
        bodies = {
            self.server.request(target).body.decode()
            for target in targets
            if target.startswith("/strange/") and target != "/strange/"
        }
        self.assertEqual(bodies, set(STRANGE))

    def test_json(self):
        listing = self.listing("/")
        self.assertEqual(listing["path"], "/")
        entries = {entry["name"]: entry for entry in listing["entries"]}
        self.assertEqual(entries["b.bin"]["size_bytes"], 123456)
        self.assertEqual(entries["b.bin"]["type"], "file")
        self.assertEqual(entries["zoo"]["type"], "folder")
        self.assertEqual(entries["a.txt"]["modified"], "2001-09-09T01:46:40Z")
        names = [entry["name"] for entry in listing["entries"]]
        self.assertEqual(names, ["empty", "site", "strange", "zoo", "a.txt", "b.bin"])

    def test_json_of_strange_names(self):
        names = {entry["name"] for entry in self.listing("/strange/")["entries"]}
        self.assertEqual(names, set(STRANGE))
        self.assertEqual(self.listing("/zoo/inner/")["path"], "/zoo/inner/")

    def test_a_name_that_is_not_utf_8_leaves_both_readable(self):
        folder = temp_folder(self.addCleanup)
        (folder / "plain").touch()
        with open(bytes(folder) + b"/\xff\x80.txt", "w", encoding="ascii"):
            pass
        server = serve(self.addCleanup, folder)
        page = Links(server.request("/").body.decode())
        self.assertIn("%ff%80.txt", " ".join(page.hrefs).lower())
        body = server.request("/", headers={"Accept": "application/json"}).body
        self.assertIn("plain", [entry["name"] for entry in json.loads(body)["entries"]])

    def test_who_gets_json(self):
        browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        for accept, expected in (
            ("application/json", "application/json"),
            ("application/json, */*;q=0.1", "application/json"),
            ("*/*", "text/html"),
            (browser, "text/html"),
        ):
            with self.subTest(accept):
                kind = self.server.request("/", headers={"Accept": accept}).headers["Content-Type"]
                self.assertEqual(kind.split(";")[0], expected)

    def test_empty_folder(self):
        self.assertEqual(self.listing("/empty/")["entries"], [])
        self.page("/empty/")

    def test_head(self):
        got, head = (self.server.request("/", method) for method in ("GET", "HEAD"))
        self.assertEqual(head.status, 200)
        self.assertEqual(head.headers["Content-Length"], got.headers["Content-Length"])
        self.assertEqual(head.headers["Content-Type"], got.headers["Content-Type"])

    def test_index(self):
        answer = self.server.request("/site/")
        self.assertEqual((answer.status, answer.body), (200, b"<p>home</p>"))
        self.assertIn("ETag", answer.headers)

    def test_a_new_file_shows_at_once(self):
        folder = temp_folder(self.addCleanup)
        server = serve(self.addCleanup, folder)
        ask = {"Accept": "application/json"}
        self.assertEqual(json.loads(server.request("/", headers=ask).body)["entries"], [])
        (folder / "new").touch()
        entries = json.loads(server.request("/", headers=ask).body)["entries"]
        self.assertEqual([entry["name"] for entry in entries], ["new"])

    def test_many_entries(self):
        folder = temp_folder(self.addCleanup)
        for number in range(3000):
            (folder / f"file-{number:04}").touch()
        server = serve(self.addCleanup, folder)
        body = server.request("/", headers={"Accept": "application/json"}).body
        self.assertEqual(len(json.loads(body)["entries"]), 3000)


class Redirects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        (cls.folder / "with space" / "in").mkdir(parents=True)
        (cls.folder / "evil.example").mkdir()
        (cls.folder / "a\r\nSet-Cookie: b=c").mkdir()
        cls.server = serve(cls.addClassCleanup, cls.folder)

    def location(self, target):
        answer = self.server.request(target)
        self.assertEqual(answer.status, 301)
        return answer.headers["Location"]

    def test_to_the_slash(self):
        for target in ("/with%20space", "/with%20space/in", "/evil.example"):
            with self.subTest(target):
                base = self.server.url()
                led = urllib.parse.urljoin(base, self.location(target))
                self.assertEqual(led, urllib.parse.urljoin(base, target + "/"))

    def test_never_to_another_host(self):
        for target in ("//evil.example", "///evil.example", "/%2fevil.example"):
            with self.subTest(target):
                led = urllib.parse.urljoin("http://good/", self.location(target))
                self.assertEqual(urllib.parse.urlsplit(led).netloc, "good")

    def test_a_name_cannot_add_headers(self):
        answer = self.server.request("/a%0d%0aSet-Cookie:%20b=c")
        self.assertNotIn("Set-Cookie", answer.headers)


class Permissions(unittest.TestCase):
    def test_a_folder_that_cannot_be_listed(self):
        folder = temp_folder(self.addCleanup)
        closed = folder / "closed"
        closed.mkdir()
        make_file(closed / "file", 10)
        server = serve(self.addCleanup, folder, prefix=ordinary_user(folder))
        closed.chmod(0o000)
        self.addCleanup(closed.chmod, 0o755)
        for target in ("/closed/", "/closed/file"):
            self.assertEqual(server.request(target).status, 403, target)
        closed.chmod(0o311)
        self.assertEqual(server.request("/closed/").status, 403)
        self.assertEqual(server.request("/closed/file").status, 200)


class Large(unittest.TestCase):
    """A directory of many names, and clients that read nothing of what they asked for."""

    NAMES = 16000  # a listing of them fits in no socket

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup, "/dev/shm")
        (cls.folder / "small").mkdir()
        (cls.folder / "large").mkdir()
        for number in range(cls.NAMES):
            (cls.folder / "large" / f"a-name-of-a-usual-length-{number:06}.dat").touch()

    def setUp(self):
        self.server = serve(self.addCleanup, self.folder)

    def memory(self):
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) * 1024

    def silent_ones(self, count):
        connections = [self.server.connect(receive_buffer=4096) for _ in range(count)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.ask("/large/")
        return connections

    def test_many_clients_share_a_listing(self):
        before = self.memory()
        clients = self.silent_ones(40)
        heads = [client.head() for client in clients]
        self.assertEqual({head.status for head in heads}, {200})
        size = int(heads[0].headers["Content-Length"])
        self.assertGreater(size, 200 * self.NAMES)
        if not is_sanitized():
            self.assertLess(self.memory() - before, 10 * size)
        self.assertEqual(self.server.request("/small/").status, 200)
        body = clients[-1].file.read(size)
        self.assertEqual(body.count(b"<tr data-directory=0"), self.NAMES)
        self.assertTrue(clients[0].file.read(size) == body, "the listings differ")

    def test_it_is_never_older_than_the_request(self):
        for client in self.silent_ones(4):
            client.head()
        another = self.folder / "large" / "another"
        self.addCleanup(another.unlink)
        another.write_bytes(b"new")
        self.assertIn(b">another<", self.server.request("/large/").body)
        another.write_bytes(b"longer")
        self.assertIn(b'title="6 bytes"', self.server.request("/large/").body)

    def test_who_goes_away_leaves_nothing(self):
        for connection in self.silent_ones(40):
            connection.reset()
        self.assertEqual(self.server.request("/large/", "HEAD").status, 200)
        self.assertEqual(self.server.request("/small/").status, 200)


if __name__ == "__main__":
    unittest.main()
