# SPDX-License-Identifier: MIT
"""`sluice get` of several URLs: words and lists, how many at once, where they go, what is said."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
import threading
import unittest

from other_servers import answer_head, scripted, whole_answer
from support import (
    KIB,
    MIB,
    WAIT,
    content,
    finish,
    get,
    make_file,
    same,
    serve,
    start_sluice,
    temp_folder,
    wait_until,
)

SMALL = 40
NAMES = [f"small-{number:02}" for number in range(SMALL)]


class FromSluice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        for seed, name in enumerate(NAMES):
            make_file(cls.folder / name, seed * KIB, seed)
        make_file(cls.folder / "large", 5 * MIB + 1)
        cls.server = serve(cls.addClassCleanup, cls.folder)

    def setUp(self):
        self.here = temp_folder(self.addCleanup)

    def list(self, *lines):
        file = self.here / "list"
        file.write_bytes(b"".join(os.fsencode(line) + b"\n" for line in lines))
        return file

    def urls(self, names):
        return [self.server.url(name) for name in names]

    def get(self, *arguments, **how):
        return get(*arguments, cwd=self.here, **how)

    def assert_got(self, names, where=None):
        where = where or self.here
        for name in names:
            self.assertTrue(same(where / name, self.folder / name), f"{name} differs")
        self.assertEqual([], [name for name in os.listdir(where) if ".part" in name])

    def test_words(self):
        done = self.get(*self.urls(["large", *NAMES]))
        self.assertEqual(done.code, 0, done.err)
        self.assert_got(["large", *NAMES])
        lines = done.err.splitlines()
        self.assertEqual(SMALL + 1, sum(" bytes in " in line for line in lines[: SMALL + 1]))
        self.assertRegex(done.err, rf"(?m)^{SMALL + 1} of {SMALL + 1} files: \d+ bytes in ")

    def test_a_list(self):
        lines = ["# a comment", "", "  " + self.server.url("large") + "\t\r", *self.urls(NAMES)]
        done = self.get("-i", self.list(*lines))
        self.assertEqual(done.code, 0, done.err)
        self.assert_got(["large", *NAMES])
        # Of small files the total is told.
        self.assertEqual(2, done.err.count(" bytes in "), done.err)
        self.assertRegex(done.err, r"(?m)^large 5242881 bytes in ")
        self.assertRegex(done.err, rf"(?m)^{SMALL + 1} of {SMALL + 1} files: ")

    def test_a_list_and_words_and_a_last_line_that_has_no_end(self):
        file = self.here / "list"
        file.write_text("\ufeff" + "\n".join(self.urls(NAMES)), encoding="utf-8")
        done = self.get("--input-file", file, self.server.url("large"), "-q", "-J", "1")
        self.assertEqual((done.code, done.err), (0, ""))
        self.assert_got(["large", *NAMES])

    def test_json_has_an_object_for_each(self):
        done = self.get("--json", "-i", self.list(*self.urls(NAMES)))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(sorted(each["file"] for each in done.objects()), NAMES)
        self.assertTrue(all(each["server_bill"] is None for each in done.objects()))

    def test_nothing_in_the_list(self):
        done = self.get("-i", self.list("#", "", " "), "--json")
        self.assertEqual((done.code, done.out, done.err), (0, b"", ""))

    def test_no_list(self):
        done = self.get("-i", "nothing")
        self.assertEqual(done.code, 1)
        self.assertIn("nothing: No such file", done.err)

    def test_lines_that_cannot_be_fetched_are_named_and_the_others_come(self):
        long = "http://x/" + "y" * (70 * KIB)
        lines = ["ftp://x/y", long, self.server.url("small-01"), self.server.url("none")]
        done = self.get("-i", self.list(*lines, self.server.url("small-01"), *self.urls(NAMES[2:])))
        self.assertEqual(done.code, 1)
        self.assert_got(NAMES[1:])
        self.assertRegex(done.err, r"list, line 1: .*ftp://x/y")
        self.assertIn("list, line 2: longer than any URL", done.err)
        self.assertRegex(done.err, r"404 .*/none\)")
        self.assertIn("list, line 5: an earlier URL is written to the file of this name", done.err)
        self.assertRegex(done.err, r"(?m)^39 of 43 files: ")

    def test_passwords_in_a_list_are_not_shown(self):
        secret = self.server.url("none").replace("://", "://user:secret@")
        bad = "ftp://user:secret@host/file"
        done = self.get("-i", self.list(secret, bad, self.server.url("small-01")))
        self.assertEqual(done.code, 1)
        self.assertNotIn("secret", done.err)
        self.assert_got(["small-01"])

    def test_names_that_are_taken_by_words(self):
        two = self.urls(["small-03", "small-03"])
        done = self.get(*two)
        self.assertEqual(done.code, 2)
        self.assertIn("two of the URLs would be written to 'small-03'", done.err)
        done = self.get("-i", self.list(two[0]), two[1])
        self.assertEqual(done.code, 1)
        self.assertIn("list, line 1: an earlier URL", done.err)
        self.assert_got(["small-03"])

    def test_one_output_takes_them_in_turn(self):
        rest = self.list(*self.urls(NAMES[4:7]))
        done = self.get("-o", "-", "-q", *self.urls(NAMES[1:4]), "-i", rest)
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertEqual(done.out, b"".join((self.folder / n).read_bytes() for n in NAMES[1:7]))

    def test_a_pipe_is_read_as_lines_come(self):
        read, write = os.pipe()
        with open(write, "w", encoding="utf-8", buffering=1) as pipe:
            process = start_sluice("get", "-q", "-i", "-", cwd=self.here, stdin=read)
            os.close(read)
            self.addCleanup(process.kill)
            for name in NAMES[:3]:
                pipe.write(self.server.url(name) + "\n")
                wait_until(lambda: (self.here / name).exists(), f"{name} is complete")
        self.assertEqual(finish(process).code, 0)
        self.assert_got(NAMES[:3])

    def test_an_interrupted_wait_for_lines(self):
        read, write = os.pipe()
        self.addCleanup(os.close, write)
        process = start_sluice("get", "-i", "-", cwd=self.here, stdin=read)
        os.close(read)
        self.addCleanup(process.kill)
        os.write(write, self.server.url("small-05").encode() + b"\n")
        wait_until((self.here / "small-05").exists, "the file is complete")
        process.send_signal(signal.SIGINT)
        done = finish(process)
        self.assertEqual(done.code, 1)
        self.assertIn("run the same command again", done.err)

    def test_a_directory_that_is_made(self):
        done = self.get("-O", "one/two//three/", *self.urls(NAMES))
        self.assertEqual(done.code, 0, done.err)
        self.assert_got(NAMES, self.here / "one/two/three")
        done = self.get("--output-dir", "one", "--json", self.server.url("large"))
        self.assertEqual(done.objects()[0]["file"], "one/large")

    def test_a_directory_that_cannot_be_made(self):
        make_file(self.here / "file", 1)
        done = self.get("-O", "file/in/it", *self.urls(NAMES[:2]))
        self.assertEqual(done.code, 1)
        self.assertIn("cannot create the directory file/in/it: Not a directory", done.err)

    def test_what_cannot_be_had_together(self):
        url = self.server.url("large")
        for words, fault in (
            (("-o", "file", "-O", "dir", url), "-o and -O both say where"),
            (("-o", "file", "-i", "list"), "-o names one file"),
            (("-i", "a", "-i", "b"), "is given twice"),
            (("-O", "", url), "names no directory"),
            (("-J", "0", url), "expected 1 to 64"),
            (("--at-once", "65", url), "expected 1 to 64"),
            (("-O", "dir", "--path", "discard", url), "leave -O out"),
        ):
            with self.subTest(words):
                done = self.get(*words)
                self.assertEqual(done.code, 2)
                self.assertIn(fault, done.err)
        self.assertEqual(os.listdir(self.here), [])


class AtOnce(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.lock, self.now, self.most = threading.Lock(), 0, 0
        self.barrier = None

    def script(self, peer):
        peer.request()
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.barrier:
            self.barrier.wait(WAIT)
        with self.lock:
            self.now -= 1
        peer.send(whole_answer(b"x" * 100, Connection="close"))

    def get(self, count, *options):
        server = scripted(self.addCleanup, self.script)
        urls = [server.url(f"/{number}") for number in range(count)]
        return get("-q", *urls, *options, cwd=self.here)

    def test_four_by_themselves(self):
        self.barrier = threading.Barrier(4)
        done = self.get(8)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.most, 4)

    def test_as_many_as_the_user_says(self):
        self.barrier = threading.Barrier(3)
        done = self.get(9, "-J", "3")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.most, 3)

    def test_one(self):
        done = self.get(5, "-J1")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.most, 1)


class Connections(unittest.TestCase):
    """Requests for one server share connections."""

    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.lock, self.connections, self.asked = threading.Lock(), [], []

    def answer(self, request):
        with self.lock:
            self.asked.append(request.target)
        return whole_answer(request.target.encode() * 1000)

    def get(self, script, *options, count=20):
        def counted(peer):
            with self.lock:
                self.connections.append(peer.number)
            script(peer)

        server = scripted(self.addCleanup, counted)
        targets = [f"/{number}" for number in range(count)]
        done = get("-q", *map(server.url, targets), *options, cwd=self.here)
        if done.code == 0:
            for target in targets:
                self.assertEqual((self.here / target[1:]).read_bytes(), target.encode() * 1000)
        return done

    def keep(self, peer):
        while request := peer.request():
            peer.send(self.answer(request))

    def test_one_after_the_other(self):
        done = self.get(self.keep, "-J", "1")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((len(self.connections), len(self.asked)), (1, 20))

    def test_no_more_than_files_at_once(self):
        done = self.get(self.keep, "-J", "3", count=60)
        self.assertEqual(done.code, 0, done.err)
        self.assertLessEqual(len(self.connections), 3)
        self.assertEqual(len(self.asked), 60)

    def test_a_server_that_closes_after_each_answer_and_does_not_say_so(self):
        done = self.get(lambda peer: peer.send(self.answer(peer.request())))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((len(self.connections), len(self.asked)), (20, 20))

    def test_a_server_that_says_that_it_closes(self):
        def script(peer):
            peer.send(self.answer(peer.request()).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))

        done = self.get(script, "-J", "1")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((len(self.connections), len(self.asked)), (20, 20))

    def test_a_server_that_takes_a_second_request_and_leaves(self):
        def script(peer):
            peer.send(self.answer(peer.request()))
            peer.request()

        done = self.get(script, "-J", "1")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((len(self.connections), len(self.asked)), (20, 20))

    def test_what_a_server_sends_unasked_is_no_answer(self):
        def script(peer):
            late = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
            peer.send(self.answer(peer.request()) + late)

        done = self.get(script, "-J", "1")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((len(self.connections), len(self.asked)), (20, 20))

    def test_a_refusal_ends_its_connection_and_no_other_file(self):
        def script(peer):
            while request := peer.request():
                if request.target == "/2":
                    peer.send(answer_head("404 Not Found", Content_Length=10) + b"0123456789")
                else:
                    peer.send(self.answer(request))

        done = self.get(script, "-J", "1", count=5)
        self.assertEqual(done.code, 1)
        self.assertEqual(sorted(os.listdir(self.here)), ["0", "1", "3", "4"])
        self.assertEqual(len(self.connections), 2)


class Small(unittest.TestCase):
    """Small files land together."""

    def setUp(self):
        self.here = temp_folder(self.addCleanup)

    def test_a_kill_leaves_whole_files_only(self):
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def script(peer):
            while request := peer.request():
                number = int(request.target[1:])
                answer = whole_answer(bytes([number % 256]) * 5000, f'"{number}"')
                if number > 100:
                    peer.send(answer[:-1])
                    go_on.wait(WAIT)
                    return
                peer.send(answer)

        server = scripted(self.addCleanup, script)
        file = self.here / "list"
        file.write_text("".join(server.url(f"/{number}\n") for number in range(200)))
        process = start_sluice("get", "-q", "-i", file, "-O", self.here / "out", "-J", "3")
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(lambda: len(server.requests) >= 104, "three wait for their last byte")
        wait_until(lambda: len(os.listdir(self.here / "out")) >= 50, "many have landed")
        process.kill()
        process.wait()
        for each in (self.here / "out").iterdir():
            self.assertEqual(each.read_bytes(), bytes([int(each.name) % 256]) * 5000, each.name)

    def test_again_nothing_comes(self):
        asked = []

        def script(peer):
            while request := peer.request():
                asked.append(request.headers.get("if-none-match"))
                if asked[-1]:
                    peer.send(answer_head("304 Not Modified", ETag='"v1"'))
                else:
                    peer.send(whole_answer(b"small"))

        server = scripted(self.addCleanup, script)
        urls = [server.url(f"/{number}") for number in range(10)]
        for _ in range(2):
            done = get(*urls, "-q", cwd=self.here)
            self.assertEqual(done.code, 0, done.err)
        if None in asked[10:]:
            self.skipTest("no extended attributes on this file system")
        self.assertEqual(asked, [None] * 10 + ['"v1"'] * 10)

    def test_a_name_that_is_taken_meanwhile_is_replaced(self):
        def script(peer):
            while request := peer.request():
                (self.here / request.target[1:]).write_text("a stranger's")
                peer.send(whole_answer(b"small"))

        server = scripted(self.addCleanup, script)
        done = get(server.url("/one"), server.url("/two"), "-q", cwd=self.here)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual((self.here / "one").read_bytes(), b"small")
        self.assertEqual(sorted(os.listdir(self.here)), ["one", "two"])

    def test_a_body_that_is_cut(self):
        def script(peer):
            peer.request()
            peer.send(whole_answer(b"small")[:-1])

        server = scripted(self.addCleanup, script)
        done = get(server.url("/one"), server.url("/two"), "-q", cwd=self.here)
        self.assertEqual(done.code, 1)
        self.assertIn("the connection ended after 4 of 5 bytes", done.err)
        self.assertEqual(os.listdir(self.here), [])

    def test_modes_and_empty_files(self):
        server = scripted(self.addCleanup, lambda peer: peer.send(whole_answer(b"")) if peer.request() else None)
        done = get(server.url("/one"), server.url("/two"), "-q", cwd=self.here, umask=0o027)
        self.assertEqual(done.code, 0, done.err)
        for name in ("one", "two"):
            status = (self.here / name).stat()
            self.assertEqual((status.st_mode & 0o777, status.st_size), (0o640, 0))

    def test_what_explain_says(self):
        server = scripted(self.addCleanup, lambda peer: peer.send(whole_answer(b"small")) if peer.request() else None)
        done = get(server.url("/one"), "-q", "--explain", cwd=self.here)
        self.assertRegex(done.err, r"bytes 0-4 by readwrite: .*small")


class Shown(unittest.TestCase):
    """What a person sees on a terminal, and a program with --json --progress."""

    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)
        self.server = scripted(self.addCleanup, self.script)

    def script(self, peer):
        answer = whole_answer(b"x" * MIB)
        if peer.request():
            peer.send(answer[: MIB // 2])
            self.go_on.wait(WAIT)
            peer.send(answer[MIB // 2 :])

    def on_terminal(self, *names, columns=80, terminal="xterm", until=rb"B/s"):
        """All that comes there until the end; the bodies wait until so much was shown."""
        ours, its = pty.openpty()
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(its, termios.TIOCSWINSZ, size)
        urls = [self.server.url(name) for name in names]
        process = start_sluice("get", *urls, cwd=self.here, stderr=its, env={"TERM": terminal})
        self.addCleanup(process.kill)
        os.close(its)
        if terminal == "dumb":
            self.go_on.set()
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while data := os.read(ours, 1 << 16):
                shown += data
                if re.search(until, shown):
                    self.go_on.set()
        os.close(ours)
        self.assertEqual(process.wait(WAIT), 0)
        return shown.decode()

    def test_a_line_for_each_and_one_for_the_whole(self):
        shown = self.on_terminal("/one", "/two", until=rb"two .*B/s")
        self.assertRegex(shown, r"one  \[#+ *\]   50 % of 1.05 MB  ")
        self.assertRegex(shown, r"two  \[#+ *\]   50 % of 1.05 MB  ")
        self.assertRegex(shown, r"0 of 2 files  \d")
        self.assertIn("2 of 2 files: 2097152 bytes in ", shown)

    def test_one_on_a_narrow_terminal(self):
        shown = self.on_terminal("/one", columns=30)
        lines = re.findall(r"[^\r\n\x1b]*B/s", shown)
        self.assertNotIn("[#", shown)
        lines = [line for line in lines if "bytes in" not in line]
        self.assertTrue(lines and all(len(line) < 30 for line in lines), lines)

    def test_a_dumb_terminal(self):
        shown = self.on_terminal("/one", "/two", terminal="dumb")
        self.assertNotIn("\x1b", shown)
        self.assertIn("2 of 2 files: 2097152 bytes in ", shown)

    def test_lines_for_programs(self):
        process = start_sluice(
            "get", "--json", "--progress", self.server.url("/one"), "ftp://x/", cwd=self.here
        )
        self.assertEqual(finish(process).code, 2)
        refused = scripted(self.addCleanup, lambda peer: peer.request() and peer.send(answer_head("404 No")))
        process = start_sluice(
            "get", "--json", "--progress", self.server.url("/one"), refused.url("/none"), cwd=self.here
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "progress":
                self.go_on.set()
        self.assertEqual(process.wait(WAIT), 1)
        events = {line["event"]: line for line in lines}
        self.assertEqual(sorted(events), ["done", "failed", "progress"])
        self.assertEqual(events["progress"]["total_bytes"], MIB)
        self.assertIn("404", events["failed"]["text"])
        self.assertEqual(events["done"]["bill"]["bytes"], MIB)


class Interrupted(unittest.TestCase):
    def test_what_is_under_way_can_be_continued(self):
        here, body = temp_folder(self.addCleanup), content(3 * MIB)
        done, half = threading.Event(), threading.Semaphore(0)
        self.addCleanup(done.set)

        def has_begun(part):
            return part.exists() and part.read_bytes()[:MIB] == body[:MIB]

        def script(peer):
            request = peer.request()
            answer = whole_answer(body, f'"{request.target}"')
            peer.send(answer[: 2 * MIB])
            half.release()
            done.wait(WAIT)

        server = scripted(self.addCleanup, script)
        urls = [server.url(f"/{number}") for number in range(3)]
        process = start_sluice("get", *urls, "-J", "2", cwd=here)
        self.addCleanup(process.kill)
        half.acquire()
        half.acquire()
        wait_until(lambda: all(has_begun(here / f"{n}.part") for n in (0, 1)), "both have begun")
        process.send_signal(signal.SIGINT)
        ended = finish(process)
        self.assertEqual(ended.code, 1)
        self.assertEqual(ended.err.count("interrupted; "), 2, ended.err)
        self.assertIn("interrupted with 0 files complete: run the same command again", ended.err)
        left = [f"{number}.part{state}" for number in (0, 1) for state in ("", ".state")]
        self.assertEqual(sorted(os.listdir(here)), left)
