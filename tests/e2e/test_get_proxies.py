# SPDX-License-Identifier: MIT
"""`sluice get` through proxies: those of the environment, those that are named, and real ones; and
by one version of IP only."""

import base64
import os
import subprocess
import unittest

from other_servers import answer_head, answers, free_port, range_answer, scripted, whole_answer
from support import WAIT, content, get, program, serve, temp_folder, wait_until

BODY = content(300_000)
CUT = 200_000
NOWHERE = "http://files.invalid/file.bin"  # a proxy may know where that is

SQUID = """
http_port 127.0.0.1:{port}
pid_filename none
cache deny all
access_log none
cache_log /dev/null
cache_store_log none
shutdown_lifetime 0 seconds
pinger_enable off
auth_param basic program {scratch}/auth
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
"""
SQUID_AUTH = """#!/bin/sh
while read -r line; do
	case $line in "user secret") echo OK ;; *) echo ERR ;; esac
done
"""


class Proxies(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        (self.here / "token").write_text("mine")
        (self.here / "token").chmod(0o600)

    def server(self, answer):
        return scripted(self.addCleanup, lambda peer: peer.send(answer(peer.request())))

    def get(self, *arguments, **env):
        return get("--timeout", "20", "-q", *arguments, cwd=self.here, env=env)

    def assert_has(self, done):
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue((self.here / "file.bin").read_bytes() == BODY, "the copy differs")
        (self.here / "file.bin").unlink()

    def assert_fails(self, done, *says):
        self.assertEqual(done.code, 1, done.err)
        for words in says:
            self.assertIn(words, done.err)
        self.assertNotIn("secret", done.err)


class Requests(Proxies):
    def test_which_variables_count(self):
        proxy = self.server(lambda request: whole_answer(BODY))
        url = proxy.url("").replace("//", "//u:secret@")
        for env in ({"http_proxy": url}, {"http_proxy": url.removeprefix("http://")},
                    {"all_proxy": url}, {"ALL_PROXY": url}):
            with self.subTest(env):
                self.assert_has(self.get(NOWHERE, "--token-file", "token", **env))
                request = proxy.requests[-1]
                self.assertEqual(request.target, NOWHERE)
                self.assertEqual(request.headers["host"], "files.invalid")
                credentials = request.headers["proxy-authorization"].removeprefix("Basic ")
                self.assertEqual(base64.b64decode(credentials), b"u:secret")
                self.assertEqual(request.headers["authorization"], "Bearer mine")

    def test_when_none_is_used(self):
        proxy = self.server(lambda request: whole_answer(b"wrong"))
        server = self.server(lambda request: whole_answer(BODY))
        for options, env in (
            ((), {"HTTP_PROXY": proxy.url("")}),
            ((), {"https_proxy": proxy.url("")}),
            ((), {"http_proxy": proxy.url(""), "no_proxy": "example.org, 127.0.0.0/8"}),
            (("--proxy", ""), {"http_proxy": proxy.url("")}),
            (("--proxy", proxy.url("")), {"NO_PROXY": "127.0.0.1"}),
        ):
            with self.subTest(env):
                self.assert_has(self.get(server.url(), *options, **env))
        self.assertEqual(proxy.requests, [])
        self.assertNotIn("proxy-authorization", server.requests[-1].headers)

    def test_a_redirect_around_the_proxy(self):
        """Each request goes by the rules for its own URL, and with its own secrets."""
        server = self.server(lambda request: whole_answer(BODY))
        away = answer_head("302 Found", Location=server.url(), Content_Length=0)
        proxy = self.server(lambda request: away)
        done = self.get(NOWHERE, "--token-file", "token", "--proxy",
                        proxy.url("").replace("//", "//u:secret@"), no_proxy="127.0.0.1")
        self.assert_has(done)
        self.assertEqual(proxy.requests[0].target, NOWHERE)
        self.assertEqual(server.requests[0].target, "/file.bin")
        self.assertNotIn("proxy-authorization", server.requests[0].headers)
        self.assertNotIn("authorization", server.requests[0].headers)

    def test_a_download_continues_through_a_proxy(self):
        proxy = self.server(lambda request: range_answer(request, BODY)[
            : None if "range" in request.headers else CUT])
        self.assertEqual(self.get(NOWHERE, "--proxy", proxy.url("")).code, 1)
        self.assert_has(self.get(NOWHERE, "--proxy", proxy.url("")))
        self.assertIn("range", proxy.requests[-1].headers)

    def test_what_fails(self):
        closed = f"http://u:secret@127.0.0.1:{free_port()}"
        self.assert_fails(self.get(NOWHERE, "--proxy", closed), "proxy 127.0.0.1")
        self.assert_fails(self.get(NOWHERE, "--proxy", "http://u:secret@p.invalid"), "p.invalid")
        asking = self.server(lambda request: answer_head("407 Who", Content_Length=0))
        self.assert_fails(self.get(NOWHERE, http_proxy=asking.url("")), "407", "proxy")
        for bad in ("socks5://u:secret@127.0.0.1:1", "http://127.0.0.1:port", "u:secret/x@p"):
            self.assert_fails(self.get(NOWHERE, http_proxy=bad), "proxy: ")
            done = self.get(NOWHERE, "--proxy", bad)
            self.assertEqual(done.code, 2, done.err)
            self.assertNotIn("secret", done.err)
        self.assertEqual(sorted(os.listdir(self.here)), ["token"])


class RealProxies(Proxies):
    def setUp(self):
        super().setUp()
        folder = temp_folder(self.addCleanup)
        (folder / "file.bin").write_bytes(BODY)
        self.port = serve(self.addCleanup, folder).port
        self.scratch = temp_folder(self.addCleanup)
        self.proxy_port = free_port()

    def start(self, *command, config):
        (self.scratch / "conf").write_text(config)
        process = subprocess.Popen(command, cwd=self.scratch, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, WAIT)
        self.addCleanup(process.terminate)
        wait_until(lambda: answers(self.proxy_port), "the proxy listens")

    def try_it(self):
        url, at = f"http://127.0.0.1:{self.port}/file.bin", f"@127.0.0.1:{self.proxy_port}"
        self.assert_has(self.get(url, http_proxy=f"http://user:s%65cret{at}"))
        done = self.get(url, http_proxy=f"http://user:wrong{at}")
        self.assertEqual(done.code, 1)
        self.assertRegex(done.err, "40[17].*proxy")
        self.assertEqual(os.listdir(self.here), ["token"])

    def test_tinyproxy(self):
        self.start(
            program("tinyproxy"), "-d", "-c", "conf",
            config=f"Port {self.proxy_port}\nListen 127.0.0.1\nBasicAuth user secret\n",
        )
        self.try_it()

    def test_squid(self):
        squid = program("squid")
        self.scratch.chmod(0o777)  # as root it becomes another user
        (self.scratch / "auth").write_text(SQUID_AUTH)
        (self.scratch / "auth").chmod(0o755)
        config = SQUID.format(port=self.proxy_port, scratch=self.scratch)
        self.start(squid, "-N", "-f", "conf", "-n", f"sluice{self.proxy_port}", config=config)
        self.try_it()


class Versions(Proxies):
    def test_only_this_version(self):
        four = self.server(lambda request: whole_answer(BODY))
        self.assert_has(self.get(four.url(), "-4"))
        self.assert_fails(self.get(four.url(), "-6"), "127.0.0.1")
        self.assert_fails(self.get(f"http://[::1]:{four.port}/file.bin", "-4"), "::1")
        self.assertEqual(len(four.requests), 1)


if __name__ == "__main__":
    unittest.main()
