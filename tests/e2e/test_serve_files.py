# SPDX-License-Identifier: MIT
"""`sluice serve`: whole files, methods, connections, names and the access log."""

import concurrent.futures
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import unittest
import urllib.parse

from support import (
    LogLine,
    MIB,
    content,
    despite_reclaim,
    evict,
    make_file,
    program,
    request_bytes,
    same,
    serve,
    skip_unless_direct,
    skip_unless_root,
    sluice,
    temp_folder,
    wait_until,
)

BIG = 5 * MIB + 123
NAMES = (
    "with space.txt",
    "ünï→code.txt",
    "100%.txt",
    "%41.txt",
    "a+b&c=d;e@f.txt",
    "quote'\"<&>.txt",
    "hash#question?.txt",
    "..hidden..",
    "new\nline.txt",
)


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        make_file(cls.folder / "big.bin", BIG)
        make_file(cls.folder / "empty", 0)
        (cls.folder / "small.txt").write_bytes(b"hello\n")
        (cls.folder / "sub").mkdir()
        (cls.folder / "sub" / "inner.txt").write_bytes(b"inner\n")
        (cls.folder / "link.txt").symlink_to("sub/inner.txt")
        (cls.folder / "sub" / "up.txt").symlink_to("../small.txt")
        cls.server = serve(cls.addClassCleanup, cls.folder)


class Files(Folder):
    def test_get(self):
        answer = self.server.request("/big.bin")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.body == content(BIG), "the body is not the file")

    def test_headers(self):
        headers = self.server.request("/big.bin").headers
        self.assertEqual(headers["Content-Length"], str(BIG))
        self.assertEqual(headers["Accept-Ranges"], "bytes")
        self.assertRegex(headers["ETag"], r'^(W/)?"[!#-~]+"$')
        imf_date = r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$"
        self.assertRegex(headers["Last-Modified"], imf_date)
        self.assertRegex(headers["Date"], imf_date)
        for name in headers:
            self.assertEqual(len(headers.get_all(name)), 1, name)

    def test_head_is_get_without_the_body(self):
        got, head = (self.server.request("/big.bin", method) for method in ("GET", "HEAD"))
        self.assertEqual(head.status, 200)
        for headers in (got.headers, head.headers):
            del headers["Date"]
        self.assertEqual(sorted(head.headers.items()), sorted(got.headers.items()))
        raw = self.server.exchange(b"HEAD /big.bin HTTP/1.0\r\n\r\n")
        self.assertTrue(raw.endswith(b"\r\n\r\n"), raw[-100:])

    def test_empty_file(self):
        answer = self.server.request("/empty")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["Content-Length"], "0")

    def test_options(self):
        for target in ("/big.bin", "/", "*"):
            with self.subTest(target):
                answer = self.server.request(target, "OPTIONS")
                self.assertEqual(answer.status, 204)
                allowed = {word.strip() for word in answer.headers["Allow"].split(",")}
                self.assertEqual(allowed, {"GET", "HEAD", "OPTIONS"})

    def test_other_methods_are_405(self):
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            with self.subTest(method):
                answer = self.server.request("/small.txt", method)
                self.assertEqual(answer.status, 405)
                self.assertIn("GET", answer.headers["Allow"])

    def test_missing_is_404(self):
        for target in ("/nothing", "/sub/nothing", "/nothing/", "/small.txt/", "/small.txt/x"):
            with self.subTest(target):
                self.assertEqual(self.server.request(target).status, 404)

    def test_links_that_stay_inside(self):
        self.assertEqual(self.server.request("/link.txt").body, b"inner\n")
        self.assertEqual(self.server.request("/sub/up.txt").body, b"hello\n")

    def test_targets_that_name_the_same_file(self):
        absolute = f"http://localhost:{self.server.port}/small.txt"
        for target in ("/small.txt?x=1&y", "/%73mall%2etxt", "//small.txt", "/?/../x", absolute):
            with self.subTest(target):
                self.assertEqual(self.server.request(target).status, 200)
        self.assertEqual(self.server.request("/sub//inner.txt").body, b"inner\n")

    def test_content_types(self):
        expected = {
            "a.html": "text/html",
            "a.txt": "text/plain",
            "a.TXT": "text/plain",
            "a.css": "text/css",
            "a.json": "application/json",
            "a.png": "image/png",
            "a.jpg": "image/jpeg",
            "a.svg": "image/svg+xml",
            "a.mp4": "video/mp4",
            "a.pdf": "application/pdf",
            "a.bin": "application/octet-stream",
            "a.strange": "application/octet-stream",
            "noextension": "application/octet-stream",
            "html": "application/octet-stream",
        }
        for name, kind in expected.items():
            with self.subTest(name):
                (self.folder / name).write_bytes(b"x")
                got = self.server.request(f"/{name}", "HEAD").headers["Content-Type"]
                self.assertEqual(got.split(";")[0], kind)

    def test_content_types_of_the_system(self):
        if not os.path.isfile("/etc/mime.types"):
            self.skipTest("no /etc/mime.types here")
        skip_unless_root("to put another list in the place of /etc/mime.types")
        types = temp_folder(self.addCleanup) / "types"
        types.write_bytes(b"model/strange strange\n\xff\0garbage\n" + bytes(5000) + b"a/b ts")
        instead = f'mount --bind {types} /etc/mime.types && exec "$@"'
        prefix = ("unshare", "--mount", "sh", "-c", instead, "sh")
        server = serve(self.addCleanup, self.folder, prefix=prefix)
        for name, kind in (("a.strange", "model/strange"), ("a.ts", "video/mp2t")):
            (self.folder / name).write_bytes(b"x")
            self.assertEqual(server.request(f"/{name}").headers["Content-Type"], kind)

    def test_names(self):
        for name in NAMES:
            with self.subTest(name):
                (self.folder / name).write_text(name)
                answer = self.server.request("/" + urllib.parse.quote(name))
                self.assertEqual((answer.status, answer.body.decode()), (200, name))

    def test_a_name_that_is_not_utf_8(self):
        with open(bytes(self.folder) + b"/\xff\xfe", "wb") as file:
            file.write(b"bytes")
        self.assertEqual(self.server.request("/%ff%fe").body, b"bytes")


class Connections(Folder):
    def test_keep_alive(self):
        with self.server.connect() as connection:
            for target, size in (("/big.bin", BIG), ("/small.txt", 6), ("/empty", 0)) * 3:
                connection.ask(target)
                self.assertEqual(len(connection.answer().body), size)

    def test_an_error_keeps_the_connection(self):
        with self.server.connect() as connection:
            connection.ask("/nothing")
            self.assertEqual(connection.answer().status, 404)
            connection.ask("/small.txt")
            self.assertEqual(connection.answer().body, b"hello\n")

    def test_pipelining(self):
        targets = ["/small.txt", "/big.bin", "/nothing", "/empty", "/sub/inner.txt"] * 4
        request = "".join(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n" for target in targets)
        with self.server.connect() as connection:
            connection.send(request.encode())
            answers = [connection.answer() for _ in targets]
        self.assertEqual([answer.status for answer in answers], [200, 200, 404, 200, 200] * 4)
        self.assertEqual(answers[0].body, b"hello\n")
        self.assertTrue(answers[1].body == content(BIG), "the body is not the file")
        self.assertEqual(answers[-1].body, b"inner\n")

    def test_many_small_pipelined_requests(self):
        with self.server.connect() as connection:
            connection.send(b"GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
            for _ in range(500):
                self.assertEqual(connection.answer().body, b"hello\n")

    def test_answers_to_pipelined_requests_share_packets(self):
        """TCP_INFO counts the segments with data that came in (tcpi_data_segs_in, Linux 4.6)."""
        old = self.folder / "old.txt"
        old.write_bytes(b"hello\n")
        # A file that changed just now, or is not written back, is not kept in memory.
        os.utime(old, (0, 0))
        os.sync()
        with self.server.connect() as connection:
            connection.send(b"GET /old.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            for _ in range(20):
                self.assertEqual(connection.answer().body, b"hello\n")
            info = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        if len(info) < 156:
            self.skipTest("this kernel's TCP_INFO does not count segments")
        self.assertLess(struct.unpack_from("I", info, 152)[0], 10)

    def test_the_last_of_them_does_not_wait_for_a_whole_request(self):
        with self.server.connect() as connection:
            connection.send(b"GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n" * 2 + b"GET /sma")
            for _ in range(2):
                self.assertEqual(connection.answer().body, b"hello\n")
            connection.send(b"ll.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(connection.answer().body, b"hello\n")

    def test_what_was_held_back_goes_when_nothing_follows(self):
        """What looks like the end of another request is none. The kernel would send the answer
        after a while anyway: that it was told to do so at once is in the bill."""
        rounds, bill = 10, temp_folder(self.addCleanup) / "bill.json"
        server = serve(self.addCleanup, self.folder, "--bill", bill)
        with server.connect() as connection:
            for _ in range(rounds):
                connection.send(request_bytes("/small.txt") + b"\r\n\r\n")
                self.assertEqual(connection.answer().body, b"hello\n")
        server.stop()
        calls = json.loads(bill.read_text())["system_calls_by_name"]
        self.assertGreaterEqual(calls["setsockopt"], rounds)

    def test_a_replaced_file_is_seen_by_the_next_request(self):
        """However many ask for it at the same time, what was asked for afterwards is new."""
        name = self.folder / "changing.txt"
        connections = [self.server.connect() for _ in range(8)]
        for connection in connections:
            self.addCleanup(connection.close)
        for number in range(50):
            (self.folder / "next").write_text(f"{number:08}")
            (self.folder / "next").rename(name)
            for connection in connections:
                connection.ask("/changing.txt")
            for connection in connections:
                self.assertEqual(connection.answer().body, f"{number:08}".encode())

    def test_a_request_in_single_bytes(self):
        with self.server.connect() as connection:
            for byte in b"GET /small.txt HTTP/1.1\r\nHost: localhost\r\n\r\n":
                connection.send(bytes([byte]))
            self.assertEqual(connection.answer().body, b"hello\n")

    def test_connection_close(self):
        request = b"GET /small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        raw = self.server.exchange(request)
        self.assertTrue(raw.endswith(b"\r\n\r\nhello\n"), raw)
        self.assertRegex(raw.lower(), rb"\r\nconnection: close\r\n")

    def test_http_1_0_closes(self):
        raw = self.server.exchange(b"GET /small.txt HTTP/1.0\r\n\r\n")
        self.assertTrue(raw.endswith(b"\r\n\r\nhello\n"), raw)

    def test_http_1_0_keep_alive(self):
        with self.server.connect() as connection:
            for _ in range(2):
                connection.send(b"GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                answer = connection.answer()
                self.assertEqual(answer.body, b"hello\n")
                self.assertEqual(answer.headers["Connection"].lower(), "keep-alive")

    def test_a_client_that_closes_its_sending_side_still_gets_the_answer(self):
        with self.server.connect() as connection:
            connection.ask("/big.bin")
            connection.done_sending()
            self.assertTrue(connection.answer().body == content(BIG), "the body is not the file")

    def test_empty_lines_before_a_request(self):
        with self.server.connect() as connection:
            connection.send(b"\r\n\r\nGET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual(connection.answer().body, b"hello\n")

    def test_many_at_once(self):
        def fetch(_):
            return self.server.request("/big.bin").body == content(BIG)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertTrue(all(pool.map(fetch, range(32))), "a body is not the file")

    def test_ipv6(self):
        try:
            server = serve(self.addCleanup, self.folder, listen="[::1]:0")
        except AssertionError as error:
            if re.search("Address family not supported|Cannot assign", str(error)):
                self.skipTest("this machine has no IPv6 loopback")
            raise
        self.assertEqual(server.host, "::1")
        self.assertTrue(server.request("/big.bin").body == content(BIG), "the body is not the file")

    def test_numbers_of_workers(self):
        for workers in (1, 3):
            with self.subTest(workers=workers):
                server = serve(self.addCleanup, self.folder, "--workers", str(workers))
                for _ in range(20):
                    self.assertEqual(server.request("/small.txt").body, b"hello\n")


class RealClients(Folder):
    def fetch(self, *command):
        got = temp_folder(self.addCleanup) / "got"
        url = self.server.url("big.bin")
        place = {"curl": ["-sSf", "-o", got], "wget": ["-q", "-O", got]}
        place["aria2c"] = ["--quiet", f"--dir={got.parent}", "--out=got"]
        name, *options = command
        subprocess.run([program(name), *place[name], *options, url], check=True, timeout=60)
        self.assertTrue(same(got, self.folder / "big.bin"), "the copy differs")

    def test_curl(self):
        self.fetch("curl")

    def test_wget(self):
        self.fetch("wget")

    def test_aria2_with_several_connections(self):
        self.fetch("aria2c", "-x4", "-s4", "-k1M", "--file-allocation=none")


class AccessLog(Folder):
    def test_one_line_tells_about_one_request(self):
        self.server.request("/big.bin?log")
        line = self.server.wait_log("/big.bin?log")
        self.assertEqual(line.request, "GET /big.bin?log HTTP/1.1")
        self.assertIn("127.0.0.1", line.client)
        self.assertEqual((line.status, line.bytes, line.note), (200, BIG, ""))
        self.assertEqual(sum(line.paths.values()), BIG)

    def test_answers_without_a_file(self):
        self.server.request("/nothing-to-log")
        self.server.request("/big.bin?head", "HEAD")
        missing = self.server.wait_log("/nothing-to-log")
        self.assertEqual((missing.status, missing.paths), (404, {}))
        head = self.server.wait_log("/big.bin?head")
        self.assertEqual((head.request[:5], head.bytes, head.paths), ("HEAD ", 0, {}))

    def test_names_are_escaped(self):
        self.server.exchange(b'GET /a"b\\\x1b[31m\xff HTTP/1.0\r\n\r\n')
        self.server.exchange(b'GET /a"200"marker HTTP/1.0\r\n\r\n')
        self.server.request("/escaped-names")
        self.server.wait_log("/escaped-names")
        for line in self.server.log():
            self.assertRegex(line.line, r"^[ -~]+$")

    def test_a_log_file(self):
        log = temp_folder(self.addCleanup) / "access.log"
        server = serve(self.addCleanup, self.folder, "--access-log", log)
        server.request("/small.txt")
        line = wait_until(lambda: log.exists() and log.read_text(), "a line in the log file")
        self.assertEqual(LogLine(line.rstrip("\n")).request, "GET /small.txt HTTP/1.1")


class Explanations(Folder):
    def test_explain_tells_the_path_of_each_range_and_why(self):
        server = serve(self.addCleanup, self.folder, "--explain", "--path", "readwrite")
        server.request("/big.bin", headers={"Range": "bytes=1000-1999"})
        wait_until(lambda: "readwrite" in server.errors(), "the explanation")
        self.assertRegex(server.errors(), "1000-1999 by readwrite: .+")


    @despite_reclaim
    def test_explanations_come_while_a_file_is_sent(self):
        skip_unless_direct("direct", self.folder)
        file = make_file(self.folder / "mixed", 48 * MIB)
        evict(file)
        with open(file, "rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            for at in range(0, 16 * MIB, MIB):
                os.pread(opened.fileno(), MIB // 2, at)
        server = serve(self.addCleanup, self.folder, "--explain")
        with server.connect(receive_buffer=65536) as connection:
            connection.ask("/mixed")
            connection.head()
            connection.file.read(8 * MIB)
            wait_until(lambda: server.errors().count(" by ") > 5, "explanations")
            self.assertEqual(server.log(), [])


class Links(unittest.TestCase):
    LINKS = {
        "inside": "sub/file",
        "to-a-folder": "sub",
        "back-in": "../served/sub/file",
        "out": "../secret",
        "absolute-inside": "{folder}/sub/file",
        "absolute-out": "{elsewhere}",
        "chain": "out",
        "process": "/proc/self/fd/0",
        "circle": "circle",
        "dangling": "nothing",
    }
    FOUND = {
        "inside": {"inside", "to-a-folder/file"},
        "all": {*LINKS, "to-a-folder/file"} - {"to-a-folder", "process", "circle", "dangling"},
        "none": set(),
    }

    def setUp(self):
        around = temp_folder(self.addCleanup)
        self.folder = around / "served"
        (self.folder / "sub").mkdir(parents=True)
        for file in (self.folder / "sub" / "file", around / "secret", around / "elsewhere"):
            file.write_bytes(b"content")
        for name, target in self.LINKS.items():
            target = target.format(folder=self.folder, elsewhere=around / "elsewhere")
            (self.folder / name).symlink_to(target)

    def check(self, rule, *options):
        server = serve(self.addCleanup, self.folder, *options)
        for name in (*self.LINKS, "to-a-folder/file"):
            statuses = {server.request(f"/{name}").status for _ in range(2)}
            refused = {301} if name == "to-a-folder" and rule != "none" else {403}
            refused = {404} if name == "dangling" and rule != "none" else refused
            expected = {200} if name in self.FOUND[rule] else refused
            self.assertEqual(statuses, expected, (rule, name))
        self.assertEqual(server.request("/sub/file").status, 200)
        listed = server.request("/", headers={"Accept": "application/json"})
        names = {entry["name"] for entry in json.loads(listed.body)["entries"]}
        found = {name for name in self.FOUND[rule] if "/" not in name}
        self.assertEqual(names - {"sub", "to-a-folder"}, found, rule)

    def test_which_links_are_followed(self):
        self.check("inside")
        for rule in self.FOUND:
            self.check(rule, "--follow-links", rule)

    def test_the_folder_may_be_a_link_itself(self):
        link = self.folder.with_name("link")
        link.symlink_to("served")
        server = serve(self.addCleanup, link, "--follow-links", "none")
        self.assertEqual(server.request("/sub/file").body, b"content")

    def test_another_rule_is_wrong_use(self):
        done = sluice("serve", self.folder, "--follow-links", "some")
        self.assertEqual(done.code, 2)
        self.assertRegex(done.err, "--follow-links some: expected inside, all or none")


class CongestionControl(Folder):
    def algorithm(self, *options):
        """What the kernel says of a connection that waits in the middle of an answer."""
        make_file(self.folder / "large", 48 * MIB)
        server = serve(self.addCleanup, self.folder, *options)
        with server.connect(receive_buffer=65536) as connection:
            connection.ask("/large")
            connection.head()
            command = [program("ss"), "-tinH", f"sport = :{server.port}"]
            shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return re.search(r"^\s+(\w+) ", shown, re.M)[1]

    def test_auto_does_not_pace_what_stays_on_this_machine(self):
        system = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
        expected = ("cubic", "reno") if system == "bbr" else (system,)
        self.assertIn(self.algorithm(), expected)

    def test_a_name_of_one_s_own(self):
        self.assertEqual(self.algorithm("--cc", "reno"), "reno")


class Bill(Folder):
    def test_the_bill_comes_at_the_end(self):
        bill = temp_folder(self.addCleanup) / "bill.json"
        server = serve(self.addCleanup, self.folder, "--bill", bill)
        server.request("/big.bin")
        server.process.terminate()
        errors = server.finish()
        self.assertIn("GB", errors)
        written = json.loads(bill.read_text())
        self.assertEqual(written["bytes"], BIG)
        self.assertEqual(sum(path["bytes"] for path in written["paths"]), BIG)


if __name__ == "__main__":
    unittest.main()
