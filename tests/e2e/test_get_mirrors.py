# SPDX-License-Identifier: MIT
"""`sluice get --mirror`: where one place fails, another goes on, if it has the same file."""

import hashlib
import unittest

from other_servers import answer_head, range_answer, scripted, whole_answer
from support import MIB, content, get, temp_folder

SIZE = 1_000_000 + 77
CUT = 400_000
BODY = content(SIZE)
OTHER = content(SIZE, seed=2)


def cut(request, etag='"v1"'):
    return whole_answer(BODY, etag=etag)[:CUT]


def good(request, etag='"v1"'):
    return range_answer(request, BODY, etag=etag)


def not_found(request):
    return answer_head("404 Not Found", Content_Length=0)


def busy(request):
    return answer_head("503 Service Unavailable", Content_Length=0)


class Mirrors(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file"

    def server(self, *answers):
        """The last one is for all requests that follow."""

        def script(peer):
            request = peer.request()
            peer.send(answers[min(peer.number, len(answers) - 1)](request))

        return scripted(self.addCleanup, script)

    def get(self, first, *mirrors, options=(), code=0):
        words = [word for mirror in mirrors for word in ("--mirror", mirror.url("/mirror"))]
        done = get(first.url(), "-o", self.file, "--tries", "2", *words, *options)
        self.assertEqual(done.code, code, done.err)
        if code == 0:
            self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        return done

    def test_one_that_goes_on(self):
        first, mirror = self.server(cut), self.server(good)
        done = self.get(first, mirror)
        self.assertRegex(done.err, r"ended after .*: on from http://\S+/mirror\n")
        self.assertIn("range", mirror.requests[0].headers)
        self.assertEqual(mirror.requests[0].headers["if-range"], '"v1"')
        self.assertEqual((len(first.requests), len(mirror.requests)), (1, 1))

    def test_the_first_is_not_there(self):
        first, mirror = self.server(not_found), self.server(cut, good)
        done = self.get(first, mirror)
        self.assertRegex(done.err, r"404 .*, and is asked no more: on from")
        self.assertEqual(len(first.requests), 1)

    def test_all_fail_for_the_moment(self):
        first, mirror = self.server(busy, good), self.server(busy)
        done = self.get(first, mirror)
        self.assertRegex(done.err, r"503.*: on from .*\n.*503.*: again in .*\(2 of 2\)")

    def test_none_is_there(self):
        done = self.get(self.server(not_found), self.server(not_found), code=1)
        self.assertRegex(done.err, r"asked no more: on from .*\n.*404")

    def test_another_file(self):
        """What is here is not dropped for it."""
        first = self.server(cut, good)
        for name, answer in (
            ("another tag", lambda request: good(request, etag='"v2"')),
            ("no tag", lambda request: good(request, etag=None)),
            ("another size", lambda request: whole_answer(BODY[:-1])),
            ("other bytes", lambda request: range_answer(request, OTHER)),
        ):
            with self.subTest(name):
                first, mirror = self.server(cut, good), self.server(answer)
                done = self.get(first, mirror)
                self.assertRegex(done.err, r"mirror has (another file|other bytes).*, and is asked no more")
                self.assertNotIn("starting over", done.err)
                self.assertIn("range", first.requests[1].headers)
                self.assertEqual(len(mirror.requests), 1)

    def test_a_digest_is_worth_more_than_a_tag(self):
        first, mirror = self.server(cut), self.server(lambda request: good(request, etag='"v2"'))
        digest = hashlib.sha256(BODY).hexdigest()
        self.get(first, mirror, options=["--sha256", digest])
        self.assertIn("range", mirror.requests[0].headers)
        self.assertNotIn("if-range", mirror.requests[0].headers)

    def test_secrets_stay_at_the_first(self):
        first, mirror = self.server(not_found), self.server(good)
        self.get(first, mirror, options=["-H", "Authorization: secret"])
        self.assertEqual(first.requests[0].headers["authorization"], "secret")
        self.assertNotIn("authorization", mirror.requests[0].headers)


class Shared(unittest.TestCase):
    """A large file comes from all places at once."""

    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.body = content(32 * MIB)

    def server(self, etag='"v1"', body=None, status=None):
        def script(peer):
            while request := peer.request():
                peer.send(status or range_answer(request, body or self.body, etag))

        return scripted(self.addCleanup, script)

    def get(self, *servers, options=()):
        first, *mirrors = [server.url() for server in servers]
        words = [word for mirror in mirrors for word in ("--mirror", mirror)]
        done = get(first, "-o", self.here / "file", "--json", *words, *options)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue((self.here / "file").read_bytes() == self.body, "the copy differs")
        return done

    def test_each_has_a_share(self):
        servers = [self.server() for _ in range(3)]
        done = self.get(*servers)
        self.assertEqual(done.err, "")
        for server in servers:
            self.assertTrue(server.requests)

    def test_one_that_is_of_no_use_is_dropped(self):
        for name, mirror in (
            ("another tag", self.server(etag='"v2"')),
            ("another size", self.server(body=self.body[:-1])),
            ("not there", self.server(status=answer_head("404 Not Found", Content_Length=0))),
        ):
            with self.subTest(name):
                done = self.get(self.server(), mirror, self.server())
                self.assertRegex(done.err, r"asked no more\n\Z")
                self.assertLess(len(mirror.requests), 3)

    def test_secrets_stay_at_the_first(self):
        servers = [self.server() for _ in range(3)]
        self.get(*servers, options=["-H", "Authorization: secret"])
        for server in servers[1:]:
            self.assertTrue(server.requests)
            for request in server.requests:
                self.assertNotIn("authorization", request.headers)

    def test_a_digest_is_worth_more_than_a_tag(self):
        other = self.server(etag='"v2"')
        digest = hashlib.sha256(self.body).hexdigest()
        done = self.get(self.server(), other, options=["--sha256", digest])
        self.assertEqual(done.err, "")
        self.assertTrue(other.requests)


if __name__ == "__main__":
    unittest.main()
