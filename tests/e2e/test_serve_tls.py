# SPDX-License-Identifier: MIT
"""`sluice serve` under TLS: keys and certificates, who may come, and clients that do odd things."""

import os
import signal
import socket
import ssl
import stat
import subprocess
import unittest

from authorities import Authority, skip_without_tls
from support import MIB, WAIT, content, make_file, program, serve, sluice, temp_folder, wait_until


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        skip_without_tls()
        cls.scratch = temp_folder(cls.addClassCleanup)
        cls.folder = cls.scratch / "served"
        (cls.folder / "sub").mkdir(parents=True)
        make_file(cls.folder / "file", 5 * MIB + 1)
        make_file(cls.folder / "sub" / "small", 1000)
        cls.env = {"XDG_STATE_HOME": str(cls.scratch)}
        cls.key = cls.scratch / "sluice" / "tls.pem"

    def serve(self, *options, **how):
        return serve(self.addCleanup, self.folder, *options, env=self.env, **how)

    def run_client(self, *command):
        return subprocess.run(command, capture_output=True, timeout=WAIT)


class OwnKey(Case):
    def test_clients_know_it_by_its_pin(self):
        server = self.serve("--tls")
        pin = server.pin()
        self.assertEqual(stat.S_IMODE(self.key.stat().st_mode), 0o600)
        curl = [program("curl"), "-sk", "--pinnedpubkey"]
        done = self.run_client(*curl, pin, server.url("file"))
        self.assertEqual(done.stdout, content(5 * MIB + 1))
        done = self.run_client(*curl, "sha256//" + 43 * "A" + "=", server.url("file"))
        self.assertEqual((done.returncode, done.stdout), (90, b""))
        done = self.run_client(program("wget"), "-qO-", f"--pinnedpubkey={pin}", "--no-check-certificate",
                               server.url("file"))
        self.assertEqual(done.stdout, content(5 * MIB + 1))
        server.stop()
        self.assertEqual(self.serve("--tls").pin(), pin)

    def test_a_key_that_others_can_read_is_refused(self):
        self.serve("--tls").stop()
        self.key.chmod(0o644)
        self.addCleanup(self.key.chmod, 0o600)
        done = sluice("serve", self.folder, "--tls", "--listen", "127.0.0.1:0", env=self.env)
        self.assertEqual(done.code, 1)
        self.assertIn("tls.pem: others can read the key in it (mode 644)", done.err)

    def test_options_that_go_together(self):
        for options, words in (
            (["--tls-cert", "x"], "--tls-cert and --tls-key go together"),
            (["--client-ca", "x"], "--client-ca needs --tls"),
            (["--tls", "--tls-min", "1.1"], "expected 1.2 or 1.3"),
        ):
            done = sluice("serve", self.folder, *options, env=self.env)
            self.assertEqual(done.code, 2)
            self.assertIn(words, done.err)

    def test_versions_and_protocols(self):
        server = self.serve("--tls")
        for options, words in (
            (["-tls1_2"], b"alert protocol version"),
            (["-alpn", "h2"], b"alert no application protocol"),
            (["-alpn", "h2,http/1.1"], b"ALPN protocol: http/1.1"),
            ([], b"TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256"),
        ):
            done = self.run_client(program("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}",
                                   *options)
            self.assertIn(words, done.stdout + done.stderr)
        server = self.serve("--tls", "--tls-min", "1.2")
        done = self.run_client(program("curl"), "-sk", "--tls-max", "1.2", server.url("sub/small"))
        self.assertEqual(done.stdout, content(1000))

    def test_http_gets_an_answer_it_can_read(self):
        server = self.serve("--tls")
        answer = server.exchange(b"GET /file HTTP/1.1\r\nHost: here\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"this port speaks TLS: use https://", answer)

    def test_keys_change_in_the_middle_of_a_body(self):
        server = self.serve("--tls")
        client = subprocess.Popen(
            [program("openssl"), "s_client", "-connect", f"127.0.0.1:{server.port}", "-ign_eof"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(client.stdout.close)
        client.stdin.write(b"GET /file HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        client.stdin.flush()
        came = b""
        for number in range(20):
            came += client.stdout.read(MIB // 8)
            client.stdin.write(b"kK"[number % 2:][:1] + b"\n")
            client.stdin.flush()
        client.stdin.close()
        came += client.stdout.read()
        self.assertEqual(client.wait(WAIT), 0)
        # s_client tells of its own doings in between
        body = came[came.index(b"\r\n\r\n") + 4:].replace(b"KEYUPDATE\n", b"")
        self.assertIn(content(5 * MIB + 1), body)

    def test_others_are_served_beside_hellos_that_never_end(self):
        server = self.serve("--tls", "--workers", "1")
        halves = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
        for half in halves:
            self.addCleanup(half.close)
            half.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        done = self.run_client(program("curl"), "-sk", server.url("sub/small"))
        self.assertEqual(done.stdout, content(1000))
        for garbage in (b"\x16\x03\x01\x00\x05hello", b"\x80" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 70000):
            server.exchange(garbage)
        done = self.run_client(program("curl"), "-sk", server.url("sub/small"))
        self.assertEqual(done.stdout, content(1000))

    def test_a_client_that_is_cut_off(self):
        server = self.serve("--tls")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", server.port))
        with context.wrap_socket(plain) as client:
            client.sendall(b"GET /file HTTP/1.1\r\nHost: here\r\n\r\n")
            client.recv(1000)
        self.assertLess(server.wait_log("/file").bytes, 5 * MIB + 1)


class RealCertificate(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Authority(cls.scratch / "ca")
        cls.certificate, cls.secret = cls.authority.issue("server")

    def options(self):
        return ["--tls-cert", self.certificate, "--tls-key", self.secret]

    def curl(self, server, target, *options):
        return self.run_client(program("curl"), "-s", "--cacert", self.authority.file, *options,
                               server.url(target))

    def test_it_is_read_again_at_a_hangup(self):
        server = self.serve(*self.options())
        self.assertEqual(self.curl(server, "sub/small").stdout, content(1000))
        self.assertNotIn("--pin", server.errors())
        other = Authority(self.scratch / "other")
        kept = {file: file.read_bytes() for file in (self.certificate, self.secret)}
        self.addCleanup(lambda: [file.write_bytes(text) for file, text in kept.items()])
        # A key that does not fit: the old pair stays.
        certificate, secret = other.issue("server")
        self.certificate.write_bytes(certificate.read_bytes())
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: "still using the old certificate" in server.errors(), "the refusal")
        self.assertEqual(self.curl(server, "sub/small").stdout, content(1000))
        self.secret.write_bytes(secret.read_bytes())
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: "new connections use the certificate" in server.errors(), "the reload")
        self.assertEqual(self.curl(server, "sub/small").returncode, 60)
        done = self.run_client(program("curl"), "-s", "--cacert", other.file, server.url("sub/small"))
        self.assertEqual(done.stdout, content(1000))

    def test_what_cannot_be_read(self):
        for certificate, secret, words in (
            (self.scratch / "none", self.secret, "certificate .*none: No such file"),
            (self.certificate, self.certificate, "key .*server.pem: "),
            (self.certificate, self.authority.key, "key .*ca.key: key values mismatch"),
        ):
            done = sluice("serve", self.folder, "--tls-cert", certificate, "--tls-key", secret)
            self.assertNotEqual(done.code, 0)
            self.assertRegex(done.err, words)

    def test_clients_with_a_certificate(self):
        server = self.serve(*self.options(), "--client-ca", self.authority.file)
        self.assertEqual(self.curl(server, "sub/small").stdout, b"")
        certificate, secret = self.authority.issue("alice", common_name="Alice \"A\" Ä", san=None)
        done = self.curl(server, "sub/small", "--cert", certificate, "--key", secret)
        self.assertEqual(done.stdout, content(1000))
        self.assertRegex(server.wait_log("small").user, r"^Alice \\x22A\\x22 ")
        stranger = Authority(self.scratch / "stranger").issue("bob", san=None)
        done = self.curl(server, "sub/small", "--cert", stranger[0], "--key", stranger[1])
        self.assertEqual(done.stdout, b"")


class Tokens(Case):
    def test_who_shows_one_is_named(self):
        file = self.scratch / "tokens"
        file.write_text("# name token directory\nalice  s3cret.A/=\n\nbob s3cret-B /sub/\r\n")
        file.chmod(0o600)
        server = self.serve("--token-file", file)

        def status(target, token):
            fields = {"Authorization": token} if token else {}
            return server.request(target, headers=fields).status

        for target, token, expected in (
            ("/file", None, 401),
            ("/file", "Bearer s3cret.A", 401),
            ("/file", "Bearer s3cret.A/=x", 401),
            ("/file", "Bearer ", 401),
            ("/file", "Basic s3cret.A/=", 401),
            ("/none", "Bearer wrong", 401),
            ("/file", "bearer s3cret.A/=", 200),
            ("/sub/small", "Bearer s3cret-B", 200),
            ("/sub/", "Bearer s3cret-B", 200),
            ("/sub", "Bearer s3cret-B", 301),
            ("/file", "Bearer s3cret-B", 403),
            ("/submarine", "Bearer s3cret-B", 403),
            ("/sub/../file", "Bearer s3cret-B", 400),
        ):
            with self.subTest(target=target, token=token):
                self.assertEqual(status(target, token), expected)
        self.assertEqual(server.request("/file").headers["WWW-Authenticate"], "Bearer")
        self.assertEqual(server.request("*", "OPTIONS").status, 204)
        users = [line.user for line in server.log() if line.status in (200, 301, 403)]
        self.assertEqual(users, ["alice", "bob", "bob", "bob", "bob", "bob"])
        # On one connection, each request for itself.
        with server.connect() as connection:
            connection.ask("/file", headers={"Authorization": "Bearer s3cret.A/="})
            self.assertEqual(connection.answer().status, 200)
            connection.ask("/file")
            self.assertEqual(connection.answer().status, 401)
        self.assertIsNone(server.log()[-1].user)

    def test_files_that_are_refused(self):
        file = self.scratch / "bad"
        for text, mode, words in (
            ("alice secret\n", 0o644, "anybody can read it (mode 644)"),
            ("alice\n", 0o600, "line 1: expected NAME TOKEN"),
            ("a b\nalice sec;ret\n", 0o600, "line 2: expected NAME TOKEN"),
            ("# none\n", 0o600, "there is no token in it"),
        ):
            file.write_text(text)
            file.chmod(mode)
            done = sluice("serve", self.folder, "--token-file", file)
            self.assertNotEqual(done.code, 0)
            self.assertIn(words, done.err)


if __name__ == "__main__":
    unittest.main()
