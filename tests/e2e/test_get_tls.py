# SPDX-License-Identifier: MIT
"""`sluice get` of https: whom it trusts, and connections that end or change on the way."""

import contextlib
import re
import socket
import ssl
import threading
import unittest

from authorities import Authority, skip_without_tls
from other_servers import Peer, Scripted, range_answer, scripted, whole_answer
from support import MIB, WAIT, content, get, make_file, same, serve, settle, sluice, temp_folder

BODY = content(300_000)


class Secure(Scripted):
    """A scripted server under TLS. `says_end`: whether its connections end as they should."""

    def __init__(self, script, certificate, secret, says_end=True, version=ssl.TLSVersion.TLSv1_3):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, secret)
        self.context.maximum_version = version
        self.says_end = says_end
        super().__init__(script)

    def url(self, target="/file.bin", host="127.0.0.1"):
        return f"https://{host}:{self.port}{target}"

    def _run(self, peer):
        with contextlib.suppress(OSError):
            wrapped = self.context.wrap_socket(peer.socket, server_side=True)
            peer = Peer(wrapped, peer.number, self.requests)
            self.peers.append(peer)
            self.script(peer)
            if self.says_end:
                wrapped.unwrap()
            wrapped.shutdown(socket.SHUT_WR)
            wrapped.close()


class Flipping(Scripted):
    """Passes on connections to a port; of what comes back, one bit in the byte `at` is changed, once."""

    def __init__(self, port, at):
        self.target, self.at = port, at
        super().__init__(self._relay)

    def _relay(self, peer):
        self.pass_on(peer, self.target, self._flip)

    def _flip(self, data):
        if 0 <= self.at < len(data):
            data[self.at] ^= 16
        self.at -= len(data)

    @classmethod
    def pass_on(cls, peer, port, change=lambda data: None):
        with socket.create_connection(("127.0.0.1", port)) as server:
            threading.Thread(target=cls._forward, args=(peer, server), daemon=True).start()
            while data := bytearray(server.recv(65536)):
                change(data)
                peer.send(data)

    @staticmethod
    def _forward(peer, server):
        with contextlib.suppress(OSError):
            while data := peer.socket.recv(65536):
                server.sendall(data)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        skip_without_tls()
        cls.scratch = temp_folder(cls.addClassCleanup)
        cls.authority = Authority(cls.scratch / "ca")
        cls.certificate, cls.secret = cls.authority.issue("server")

    def setUp(self):
        self.target = temp_folder(self.addCleanup) / "file.bin"

    def secure(self, script, **how):
        server = Secure(script, self.certificate, self.secret, **how)
        self.addCleanup(server.close)
        return server

    def get(self, url, *options, env=None):
        return get(url, "-o", self.target, "--cacert", self.authority.file, "--tries", "1", *options, env=env)

    def refused(self, words, done):
        self.assertEqual(done.code, 1, done.err)
        self.assertIn(words, done.err)
        self.assertFalse(self.target.exists())


class Trust(Case):
    def test_a_ca_from_each_place(self):
        server = self.secure(lambda peer: peer.request() and peer.send(whole_answer(BODY)))
        hashed = temp_folder(self.addCleanup)
        (hashed / "ca.pem").write_bytes(self.authority.file.read_bytes())
        sluice_get = [server.url(), "-q", "-o", self.target]
        self.assertEqual(get(*sluice_get, env={"SSL_CERT_FILE": str(self.authority.file)}).code, 0)
        self.assertEqual(self.target.read_bytes(), BODY)
        done = get(*sluice_get, env={"SSL_CERT_DIR": str(hashed)})
        self.assertEqual(done.code, 1)
        self.assertRegex(done.err, "from no CA that is trusted here; if it is the right server all the "
                         "same, trust its key: --pin sha256//[^ ]{43}= ")
        pin = re.search("--pin ([^ ]+)", done.err)[1]
        self.assertEqual(get(*sluice_get, "--pin", pin).code, 0)

    def test_tls_1_2(self):
        server = self.secure(lambda peer: peer.request() and peer.send(whole_answer(BODY)),
                             version=ssl.TLSVersion.TLSv1_2)
        self.assertEqual(self.get(server.url()).code, 0)
        self.assertEqual(self.target.read_bytes(), BODY)

    def test_what_serve_prints_can_be_pasted(self):
        settle(make_file(self.scratch / "large", 20 * MIB + 3))
        server = serve(self.addCleanup, self.scratch, "--tls",
                       env={"XDG_STATE_HOME": str(self.scratch / "state")})
        printed = re.search("to fetch: sluice (.*)NAME$", server.errors(), re.M)[1]
        done = sluice(*(printed + "large").split(), "-o", self.target, "--json")
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(same(self.target, self.scratch / "large"))
        bill = done.objects()[0]
        for side in ("bill", "server_bill"):
            self.assertEqual(bill[side]["bytes"], 20 * MIB + 3)
            self.assertEqual(bill[side]["cpu_ciphered_bytes"], 20 * MIB + 3)
        self.assertEqual(bill["bill"]["tls_version"], "TLSv1.3")
        self.assertEqual(bill["bill"]["tls_suite"], "TLS_AES_128_GCM_SHA256")
        self.target.unlink()
        done = sluice(*(printed + "large").split(), "-o", self.target, "-j", "3", "-q")
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(same(self.target, self.scratch / "large"))
        self.target.unlink()
        done = sluice(*(printed + "large").split(), "-o", self.target, "--explain")
        self.assertIn("decrypted here, by OpenSSL: TLSv1.3, TLS_AES_128_GCM_SHA256", done.err)
        self.assertIn("  TLS       the CPU ciphered 20971523 bytes, by OpenSSL: TLSv1.3", done.err)

    def test_a_wrong_pin(self):
        server = self.secure(lambda peer: peer.request())
        pin = "sha256//" + "A" * 43 + "="
        self.refused("not the one that was pinned", self.get(server.url(), "--pin", pin))
        self.assertEqual(len(server.peers), 1)  # and is not tried again
        self.assertEqual(self.get(server.url(), "--pin", "sha256//A").code, 2)

    def test_a_pin_is_for_the_host_of_the_url(self):
        other = self.secure(lambda peer: peer.request() and peer.send(whole_answer(BODY)))
        own = Authority(self.scratch / "own")
        certificate, secret = own.issue("own")
        location = other.url(host="localhost")
        first = Secure(lambda peer: peer.request() and peer.send(
            f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()),
            certificate, secret)
        self.addCleanup(first.close)
        done = get(first.url(), "-o", self.target, "--cacert", own.file)
        self.refused("localhost", done)
        pin = re.search("--pin ([^ ]+)", done.err)[1]
        self.refused("no CA that is trusted", get(first.url(), "-o", self.target, "--cacert", own.file,
                                                  "--pin", pin + ";" + self.pin_of(own, first)))

    def pin_of(self, authority, server):
        done = get(server.url(), "-o", self.target, "--cacert", self.authority.file)
        return re.search("--pin ([^ ]+)", done.err)[1]

    def test_who_we_are(self):
        make_file(self.scratch / "small", 1000)
        server = serve(self.addCleanup, self.scratch, "--tls-cert", self.certificate, "--tls-key",
                       self.secret, "--client-ca", self.authority.file)
        self.refused("the server wants a client's certificate", self.get(server.url("small")))
        certificate, secret = self.authority.issue("alice", common_name="alice", san=None)
        done = self.get(server.url("small"), "--cert", certificate, "--key", secret)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(server.wait_log("small").user, "alice")
        self.assertEqual(self.get(server.url("small"), "--cert", certificate).code, 2)


class Redirects(Case):
    def redirect(self, peer, url):
        peer.request()
        peer.send(f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode())

    def test_to_http_is_refused(self):
        plain = scripted(self.addCleanup, lambda peer: peer.request() and peer.send(whole_answer(BODY)))
        server = self.secure(lambda peer: self.redirect(peer, plain.url()))
        self.refused("redirects to http, without encryption", self.get(server.url()))
        self.assertEqual(plain.requests, [])

    def test_to_https_is_followed(self):
        server = self.secure(lambda peer: peer.request() and peer.send(whole_answer(BODY)))
        plain = scripted(self.addCleanup, lambda peer: self.redirect(peer, server.url()))
        done = self.get(plain.url(), "-H", "Authorization: Bearer secret")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.target.read_bytes(), BODY)
        self.assertNotIn("authorization", server.requests[0].headers)


class Proxies(Case):
    def test_https_goes_through_a_tunnel(self):
        server = self.secure(lambda peer: peer.request() and peer.send(whole_answer(BODY)))

        def tunnel(peer):
            request = peer.request()
            if request.method == "CONNECT":
                peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                Flipping.pass_on(peer, server.port)
            else:
                peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        proxy = scripted(self.addCleanup, tunnel)
        for options, env in ((["--proxy", f"http://u:p@127.0.0.1:{proxy.port}"], {}),
                             ([], {"https_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": None})):
            done = self.get(server.url("/file.bin"), *options, env=env)
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(self.target.read_bytes(), BODY)
            self.target.unlink()
        self.assertEqual([request.target for request in proxy.requests], 2 * [f"127.0.0.1:{server.port}"])
        self.assertIn("proxy-authorization", proxy.requests[0].headers)
        self.assertNotIn("proxy-authorization", server.requests[0].headers)


class Ends(Case):
    def test_a_port_without_tls(self):
        server = serve(self.addCleanup, self.scratch)
        self.refused("the server does not speak TLS on this port: use http://",
                     self.get(server.url("small").replace("http:", "https:")))

    def test_an_end_that_is_not_told(self):
        length = f"Content-Length: {len(BODY)}\r\n"
        chunked = "Transfer-Encoding: chunked\r\n"
        chunks = b"10\r\n0123456789abcdef\r\n"
        for says_end, fields, body, words in (
            (False, length, BODY, None),
            (False, length, BODY[:-1], "the connection ended after 299999 of 300000 bytes"),
            (True, "", BODY, None),
            (False, "", BODY, "the server did not say that these were all"),
            (False, chunked, chunks + b"0\r\n\r\n", None),
            (False, chunked, chunks, "in the middle of a chunked body"),
        ):
            def script(peer, fields=fields, body=body):
                if peer.request():
                    peer.send(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{fields}\r\n".encode() + body)

            with self.subTest(fields=fields, says_end=says_end, length=len(body)):
                done = self.get(self.secure(script, says_end=says_end).url())
                self.assertEqual(done.code == 0, words is None, done.err)
                self.assertIn(words or "", done.err)
                self.target.unlink(missing_ok=True)

    def test_a_connection_that_is_cut_can_be_continued(self):
        def script(peer):
            request = peer.request()
            answer = range_answer(request, BODY)
            peer.send(answer if "range" in request.headers else answer[:200_000])

        server = self.secure(script, says_end=False)
        for _ in range(4):
            if self.get(server.url()).code == 0:
                break
        self.assertEqual(self.target.read_bytes(), BODY)

    def test_a_bit_that_changes_on_the_way(self):
        server = self.secure(lambda peer: peer.send(range_answer(peer.request(), BODY)))
        relay = Flipping(server.port, 100_000)
        self.addCleanup(relay.close)
        url = f"https://127.0.0.1:{relay.port}/file.bin"
        for _ in range(3):
            done = self.get(url)
            if done.code == 0:
                break
            self.assertIn("bad record mac", done.err)
        self.assertEqual(self.target.read_bytes(), BODY)

    def test_garbage(self):
        for garbage in (b"\x16\x03\x03\xff\xff" + b"x" * 70000, b"SSH-2.0-OpenSSH\r\n", b""):
            server = scripted(self.addCleanup, lambda peer, data=garbage: peer.send(data))
            done = self.get(f"https://127.0.0.1:{server.port}/file.bin", "--timeout", str(WAIT))
            self.assertEqual(done.code, 1)
            self.assertIn("TLS", done.err)


if __name__ == "__main__":
    unittest.main()
