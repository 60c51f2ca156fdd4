# SPDX-License-Identifier: MIT
"""The bill's system calls, held against strace of the same run: equal to the last call."""

import collections
import json
import re
import socket
import threading
import unittest

from other_servers import start_nginx, start_python_server
from support import (
    LOOPS,
    MIB,
    RECEIVE_PATHS,
    SEND_PATHS,
    WAIT,
    content,
    evict,
    get,
    is_sanitized,
    make_file,
    same,
    serve,
    skip_unless_direct,
    skip_unless_possible,
    temp_folder,
    wait_until,
    warm,
)
from test_zero_copy import strace

SIZE = 24 * MIB + 123

# What a program does for itself: memory, threads and their locks, the clock where it is no
# function of the kernel's page. sluice(1) says that these are not counted.
OWN = {
    *("brk", "mremap", "mprotect", "madvise", "futex", "clone", "clone3", "rseq"),
    *("set_robust_list", "rt_sigprocmask", "rt_sigreturn", "exit", "exit_group", "rt_sigaction"),
    *("sched_yield", "restart_syscall", "clock_gettime", "getrusage", "gettid"),
}
ALIASES = {
    **{"epoll_pwait": "epoll_wait", "ppoll": "poll", "renameat2": "renameat"},
    "syscall_0x1c3": "cachestat",  # to a strace that is older than the call
}
ZEROCOPY_BUFFER = 2 * MIB  # a path's own memory, which it maps for each transfer

LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)")
RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)")
RESULT = re.compile(r" = (0x[0-9a-f]+|-?\d+|\?)[^=]*$")
UNFINISHED = " <unfinished ...>"


class Call:
    def __init__(self, thread, name, text):
        self.thread, self.text = thread, text
        self.name = ALIASES.get(name, name)

    def result(self):
        found = RESULT.search(self.text)
        return int(found[1], 0) if found and found[1] != "?" else None

    def descriptor(self):
        found = re.match(r"\d+", self.text)
        return int(found[0]) if found else None


def read_trace(path):
    """The calls of strace -f in the order in which they began."""
    calls, begun = [], {}
    for line in path.read_text(errors="replace").splitlines():
        thread, rest = LINE.fullmatch(line).group("thread", "rest")
        if match := RESUMED.fullmatch(rest):
            if call := begun.pop(thread, None):
                call.text += match["arguments"]
        elif match := CALL.fullmatch(rest):
            call = Call(int(thread), match["name"], match["arguments"])
            calls.append(call)
            if rest.endswith(UNFINISHED):
                call.text = call.text.removesuffix(UNFINISHED)
                begun[thread] = call
    return calls


def between_readings(calls):
    """What was called between the two readings of the meter, which getrusage(2) marks. A meter of the
    whole command may be around them."""
    marks = [
        i
        for i, call in enumerate(calls)
        if call.name == "getrusage" and call.text.startswith("RUSAGE_SELF")
    ]
    if len(marks) not in (2, 4):
        raise AssertionError(f"{len(marks)} readings of the meter, neither two nor four")
    first, last = marks[len(marks) // 2 - 1], marks[len(marks) // 2]
    return calls[first + 1 : last]


class Counted:
    """Which calls the bill has to name."""

    def __init__(self):
        self.mapped = set()

    def is_of_a_path(self, call):
        if call.name == "mmap":
            is_file = re.search(r", MAP_SHARED[^,]*, \d+<(?!anon_inode)", call.text)
            is_buffer = f"NULL, {ZEROCOPY_BUFFER}, PROT_READ|PROT_WRITE, MAP_PRIVATE" in call.text
            if is_file or is_buffer:
                self.mapped.add(call.result())
            return bool(is_file or is_buffer)
        if call.name == "munmap":
            address = int(re.match(r"0x[0-9a-f]+", call.text)[0], 0)
            is_ours = address in self.mapped
            self.mapped.discard(address)
            return is_ours
        if call.name == "write" and call.descriptor() in (1, 2):
            return False  # the command's own output
        return call.name not in OWN

    def count(self, calls):
        return dict(collections.Counter(c.name for c in calls if self.is_of_a_path(c)))


class Traced(unittest.TestCase):
    def setUp(self):
        command = strace()
        if is_sanitized():
            self.skipTest("a sanitizer makes system calls of its own")
        self.folder, self.work = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", SIZE)
        self.trace = self.work / "trace"
        self.prefix = [command, "-f", "-y", "-o", self.trace]

    def assert_counted(self, bill, calls):
        self.assertEqual(bill["system_calls_by_name"], Counted().count(calls))
        self.assertEqual(bill["system_calls"], sum(bill["system_calls_by_name"].values()))
        self.assertEqual(bill["mode_switches"], 2 * bill["system_calls"])
        self.assertEqual(list(bill["system_calls_by_name"].values()),
                         sorted(bill["system_calls_by_name"].values(), reverse=True))


class Get(Traced):
    def bill(self, url, loop, *options):
        done = get(url, "--json", *options, prefix=self.prefix, env={"SLUICE_LOOP": loop})
        self.assertEqual(done.code, 0, done.err)
        return done.objects()[0]["bill"]

    def test_every_path(self):
        server = serve(self.addCleanup, self.folder)
        for loop in LOOPS:
            for path in ("auto", *RECEIVE_PATHS, "discard"):
                with self.subTest(loop=loop, path=path):
                    skip_unless_possible(path, self.work)
                    copy = self.work / f"{loop}-{path}"  # a new one: of an old one nothing may come
                    output = [] if path == "discard" else ["-o", copy]
                    bill = self.bill(server.url("file"), loop, "--path", path, *output)
                    self.assertEqual(bill["bytes"], SIZE)
                    self.assert_counted(bill, between_readings(read_trace(self.trace)))


class Serve(Traced):
    def setUp(self):
        super().setUp()
        # -D: the server is our child and strace is not.
        self.prefix.insert(1, "-D")

    def bill(self, loop, *options):
        written = self.work / "bill"
        server = serve(
            self.addCleanup,
            self.folder,
            *("--bill", written, *options),
            logs=False,
            prefix=self.prefix,
            env={"SLUICE_LOOP": loop},
        )
        answer = server.request("/file")
        self.assertTrue(answer.body == content(SIZE), "the body differs")
        server.stop()
        ended = re.compile(r"\+\+\+ exited", re.M)
        wait_until(lambda: ended.search(self.trace.read_text(errors="replace")), "the trace's end")
        return json.loads(written.read_text()), server.pid

    def test_every_path(self):
        for loop in LOOPS:
            for path in ("auto", *SEND_PATHS):
                for prepare in (warm, evict):
                    with self.subTest(loop=loop, path=path, prepare=prepare.__name__):
                        skip_unless_direct(path, self.folder)
                        prepare(self.file)
                        bill, main = self.bill(loop, "--path", path)
                        calls = between_readings(read_trace(self.trace))
                        self.assertEqual(bill["bytes"], SIZE)
                        # The main thread waits for the others, and for the signal to stop.
                        self.assert_counted(bill, [c for c in calls if c.thread != main])


WANTS = {"Prefer": "sluice-bill"}
WELL_KNOWN = "/.well-known/sluice/bill/"


class BothSides(unittest.TestCase):
    def setUp(self):
        self.folder, self.work = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.file = make_file(self.folder / "file", SIZE)

    def fetch(self, url, *options):
        done = get(url, "--json", "-o", self.work / "output", *options)
        self.assertEqual(done.code, 0, done.err)
        return done.objects()[0]

    def test_get_shows_the_servers_side(self):
        for path in ("auto", *SEND_PATHS):
            with self.subTest(path=path):
                skip_unless_direct(path, self.folder)
                server = serve(self.addCleanup, self.folder, "--path", path)
                bill = self.fetch(server.url("file"))["server_bill"]
                line = server.wait_log("GET /file")
                self.assertEqual(bill["bytes"], SIZE)
                self.assertEqual({p["path"]: p["bytes"] for p in bill["paths"]}, line.paths)
                self.assertEqual(sum(bill["system_calls_by_name"].values()), bill["system_calls"])
                self.assertIs(bill["is_alone"], True)
                self.assertEqual(bill["page_cache_before_bytes"] is None,
                                 bill["page_cache_after_bytes"] is None)

    def test_every_way_to_receive(self):
        server = serve(self.addCleanup, self.folder)
        self.assertEqual(self.fetch(server.url("file"), "--no-sync")["server_bill"]["bytes"], SIZE)
        done = get(server.url("file"), "--json", "--path", "discard")
        self.assertEqual(done.objects()[0]["server_bill"]["bytes"], SIZE)
        done = get(server.url("file"), "-o", "-")
        self.assertEqual(done.err.count(f"{SIZE} bytes in"), 2, done.err)
        self.assertTrue(done.out == content(SIZE))
        done = get(server.url("file"), "-q", "-o", self.work / "quiet")
        self.assertEqual((done.code, done.err), (0, ""))

    def test_a_small_file_and_an_empty_one(self):
        make_file(self.folder / "small", 1000)
        make_file(self.folder / "empty", 0)
        server = serve(self.addCleanup, self.folder)
        self.assertEqual(self.fetch(server.url("small"))["server_bill"]["bytes"], 1000)
        self.assertIsNone(self.fetch(server.url("empty"))["server_bill"])

    def test_other_servers_are_not_bothered(self):
        for start in (start_nginx, start_python_server):
            with self.subTest(server=start.__name__):
                port = start(self.addCleanup, self.folder)
                answer = self.fetch(f"http://127.0.0.1:{port}/file")
                self.assertIsNone(answer["server_bill"])
                self.assertTrue(same(self.file, self.work / "output"))

    def test_who_does_not_ask_is_not_told(self):
        server = serve(self.addCleanup, self.folder)
        for headers in ({}, {"Prefer": "respond-async"}, {**WANTS, "Connection": "close"}):
            self.assertIsNone(server.request("/file", headers=headers).headers["Sluice-Bill"])
        self.assertIsNone(server.request("/file", "HEAD", WANTS).headers["Sluice-Bill"])
        self.assertIsNone(server.request("/missing", headers=WANTS).headers["Sluice-Bill"])

    def test_only_its_own_connection_finds_a_bill(self):
        server = serve(self.addCleanup, self.folder, "--workers", "1")
        with server.connect() as one, server.connect() as other:
            one.ask("/file", headers={**WANTS, "Range": "bytes=0-999"})
            answer = one.answer()
            self.assertEqual(answer.headers["Preference-Applied"], "sluice-bill")
            self.assertEqual(answer.headers["Vary"], "Prefer")
            path = answer.headers["Sluice-Bill"]
            self.assertRegex(path, re.escape(WELL_KNOWN) + "[0-9a-f]{32}$")
            other.ask(path)
            self.assertEqual(other.answer().status, 404)
            one.ask(path[:-1] + ("0" if path[-1] != "0" else "1"))
            self.assertEqual(one.answer().status, 404)
            one.ask(path)
            bill = one.answer()
            self.assertEqual((bill.status, bill.headers["Cache-Control"]), (200, "no-store"))
            self.assertEqual(json.loads(bill.body)["bytes"], 1000)
            one.ask("/file", headers={**WANTS, "Range": "bytes=5-9"})
            second = one.answer().headers["Sluice-Bill"]
            self.assertNotEqual(second, path)
            one.ask(path)
            self.assertEqual(one.answer().status, 404)  # only the last one is kept
            one.ask(second)
            self.assertEqual(json.loads(one.answer().body)["bytes"], 5)

    def test_files_of_that_name_are_served(self):
        name = WELL_KNOWN + 32 * "a"
        (self.folder / name[1:]).parent.mkdir(parents=True)
        make_file(self.folder / name[1:], 77)
        server = serve(self.addCleanup, self.folder)
        with server.connect() as connection:
            connection.ask(name, headers=WANTS)
            answer = connection.answer()
            self.assertTrue(answer.body == content(77))
            connection.ask(answer.headers["Sluice-Bill"])
            self.assertEqual(json.loads(connection.answer().body)["bytes"], 77)

    def test_others_meanwhile_are_said(self):
        server = serve(self.addCleanup, self.folder, "--workers", "1", "--path", "readwrite")
        with server.connect(receive_buffer=4096) as slow:
            slow.ask("/file", headers=WANTS)
            head = slow.head()
            server.request("/file", headers={"Range": "bytes=0-0"})
            body = slow.file.read(SIZE)
            self.assertEqual(len(body), SIZE)
            slow.ask(head.headers["Sluice-Bill"])
            self.assertIs(json.loads(slow.answer().body)["is_alone"], False)

    def test_a_server_that_lies_about_its_bill(self):
        bill = b'{"bytes": -1}'
        for answer in (
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(bill), bill),
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n{}",
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            b"rubbish",
            b"",
        ):
            with self.subTest(answer=answer):
                self.assertIsNone(self.fetch(self.lying(answer))["server_bill"])
                self.assertEqual((self.work / "output").read_bytes(), b"body")

    def lying(self, answer):
        """A server whose file says `body`, and whose bill is this answer."""
        listening = socket.create_server(("127.0.0.1", 0))
        listening.settimeout(WAIT)
        self.addCleanup(listening.close)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSluice-Bill: %b\r\n\r\nbody"

        def run():
            client = listening.accept()[0]
            with client, client.makefile("rb") as lines:
                client.settimeout(WAIT)
                while lines.readline() not in (b"\r\n", b""):
                    pass
                client.sendall(head % (WELL_KNOWN + 32 * "b").encode())
                if lines.readline():
                    client.sendall(answer)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return f"http://127.0.0.1:{listening.getsockname()[1]}/lie"


if __name__ == "__main__":
    unittest.main()
