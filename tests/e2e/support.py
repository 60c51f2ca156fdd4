# SPDX-License-Identifier: MIT
"""What the end-to-end tests share.

The command under test, temporary folders on a real disk, files whose content is known, raw
connections and the page cache of a file; other servers are in other_servers.py. Whatever is started
takes the test's own `addCleanup` (or `addClassCleanup`, or unittest's `addModuleCleanup`), so that
nothing outlives the test. Every wait is bounded.
"""

import contextlib
import ctypes
import errno
import filecmp
import functools
import http.client
import json
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build")).absolute()
SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build" / "sluice")).absolute()
FAULTY = BUILD / "tests" / "fault" / "sluice-faulty"  # the command, and paths with bad luck
TEST_DIR = os.environ.get("SLUICE_TEST_DIR", "/var/tmp")

WAIT = 30  # seconds that anything may take before it counts as stuck
LOOPS = (None, "epoll")  # of SLUICE_LOOP
SEND_PATHS = ("readwrite", "mmap", "sendfile", "splice", "zerocopy", "direct")
RECEIVE_PATHS = ("readwrite", "splice", "dontcache", "direct")
KIB = 1 << 10
MIB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")
RWF_DONTCACHE = 0x80


# Waiting


def wait_until(condition, what, seconds=WAIT):
    """Returns the first true answer of condition."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.01)


# Folders and files


def temp_folder(add_cleanup, base=TEST_DIR):
    """A new folder that other users may enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-test-", dir=base))
    folder.chmod(0o755)
    add_cleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.lru_cache(4)
def content(size, seed=1):
    """Random bytes, the same for the same seed; each MiB carries its number, so none can swap."""
    block = random.Random(seed).randbytes(min(size, MIB))
    stamps = (struct.pack("<QQ", seed, number) for number in range(-(-size // MIB)))
    return b"".join(stamp + block[len(stamp) :] for stamp in stamps)[:size]


def make_file(path, size, seed=1):
    path = pathlib.Path(path)
    path.write_bytes(content(size, seed))
    return path


def settle(file):
    """Makes a file look old; from now on its ETag is strong."""
    status = os.stat(file)
    if status.st_mtime > time.time() - 5:
        os.utime(file, (status.st_atime, status.st_mtime - 5))
    return wait_until_old(file)


def wait_until_old(file):
    """So old that its ETag is strong."""
    status = os.stat(file)
    strong = max(status.st_mtime + 2, status.st_ctime) + 0.1
    wait_until(lambda: time.time() > strong, f"{file} is old enough")
    return file


filecmp.BUFSIZE = MIB


def same(one, other):
    return filecmp.cmp(one, other, shallow=False)


def file_system(folder):
    command = ["stat", "-f", "-c", "%T", folder]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def why_not_direct(folder):
    """Why O_DIRECT cannot work in this folder, or None where it should."""
    if file_system(folder) in ("tmpfs", "ramfs"):
        return f"{folder} is in memory ({file_system(folder)}): it has no O_DIRECT"
    probe = pathlib.Path(folder) / "o-direct-probe"
    probe.touch()
    try:
        os.close(os.open(probe, os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        return f"{folder} has no O_DIRECT: {error.strerror}"
    finally:
        probe.unlink()
    return None


def why_no_dontcache(folder):
    """Why RWF_DONTCACHE cannot work in this folder, or None where it does."""
    probe = pathlib.Path(folder) / "dontcache-probe"
    probe.touch()
    try:
        with open(probe, "rb") as file:
            os.preadv(file.fileno(), [bytearray(1)], 0, RWF_DONTCACHE)
    except OSError as error:
        return f"{folder} has no RWF_DONTCACHE: {error.strerror}"
    finally:
        probe.unlink()
    return None


def skip_unless_possible(path_name, folder):
    """Of a receive path."""
    reason = why_no_dontcache(folder) if path_name == "dontcache" else None
    if reason:
        raise unittest.SkipTest(reason)
    skip_unless_direct(path_name, folder)


def skip_unless_direct(path_name, folder):
    reason = why_not_direct(folder) if path_name == "direct" else None
    if reason:
        raise unittest.SkipTest(reason)


def skip_unless_root(why):
    if os.geteuid() != 0:
        raise unittest.SkipTest(f"needs root {why}")


def mount(add_cleanup, kind, options, source="none"):
    """Mounts a file system and returns its folder, or skips."""
    skip_unless_root(f"to mount {kind}")
    folder = temp_folder(add_cleanup)
    command = ["mount", "-t", kind, "-o", options, source, folder]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"cannot mount {kind} here: {done.stderr.strip()}")
    add_cleanup(subprocess.run, ["umount", "--lazy", folder], check=True)
    folder.chmod(0o755)
    return folder


# Programs


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise unittest.SkipTest(f"{name} is not installed")
    return found


def ordinary_user(folder):
    """A command prefix under which permissions count: as root, another user; else nothing."""
    if os.geteuid() != 0:
        return []
    prefix = [program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    for kind, path in (("-x", SLUICE), ("-x", folder)):
        if subprocess.run([*prefix, "test", kind, path]).returncode != 0:
            raise unittest.SkipTest(f"an ordinary user cannot reach {path}")
    return prefix


REFUSE = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code, *calls = map(int, sys.argv[1].split(","))
rules = [(0x20, 0, 0, 0)]  # load the number of the call
for left, call in zip(range(len(calls), 0, -1), calls):
    rules.append((0x15, left, 0, call))  # one of these: go to the last rule
rules += [(6, 0, 0, 0x7FFF0000), (6, 0, 0, 0x50000 | code)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(code)))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filter, 0, 0):
    sys.exit(125)
os.execvp(sys.argv[2], sys.argv[2:])
"""
CACHESTAT, OPENAT2 = 451, 437  # the same numbers on every architecture
MINCORE, PREADV2 = (27, 327) if platform.machine() == "x86_64" else (232, 286)


def refusing(*calls, code=errno.EPERM):
    """A command prefix under which these system calls fail, as in a container or on an older kernel."""
    return [sys.executable, "-c", REFUSE, ",".join(map(str, [int(code), *calls]))]


def environment(changes):
    """This one, without proxies, and with changes; None leaves a variable out."""
    ours = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    merged = {**ours, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}


@functools.cache
def is_sanitized():
    """Whether the command holds a sanitizer, which keeps freed memory on purpose."""
    return re.search(rb"__(asan|tsan|msan)_init", SLUICE.read_bytes()) is not None


class Done:
    """How a command ended."""

    def __init__(self, code, out, err):
        self.code, self.out = code, out
        self.err = err.decode("utf-8", "backslashreplace")

    def objects(self):
        """What --json printed: one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def start_sluice(*arguments, prefix=(), env=None, binary=SLUICE, **how):
    # A get that fails does so at once, unless a test wants it to be tried again.
    if arguments[:1] == ("get",):
        arguments = ("get", "--tries", "1", *arguments[1:])
    command = [*prefix, binary, *map(os.fspath, arguments)]
    return subprocess.Popen(
        command,
        env=environment(env),
        **{
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **how,
        },
    )


def finish(process, seconds=2 * WAIT):
    """Waits for a command that start_sluice started. It must have chosen its own exit status."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {seconds} s: {process.args}\n{err!r}") from None
    done = Done(process.returncode, out or b"", err or b"")
    if done.code not in (0, 1, 2):
        raise AssertionError(f"exit status {done.code}: {process.args}\n{done.err}")
    return done


def sluice(*arguments, **how):
    return finish(start_sluice(*arguments, **how))


def get(*arguments, **how):
    return sluice("get", *arguments, **how)


def threads(pid):
    """Of each thread its state (R: it runs, or could) and how often it has waited."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):  # threads come and go
            with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
                words = dict(line.split(maxsplit=2)[:2] for line in file if len(line.split()) > 1)
            found[thread] = words["State:"], words["voluntary_ctxt_switches:"]
    return found


def wait_until_still(process):
    """Until it has done all that it can do before something happens outside."""

    def is_still():
        before = threads(process.pid)
        time.sleep(0.05)
        return before == threads(process.pid) and "R" not in [state for state, _ in before.values()]

    wait_until(is_still, f"process {process.pid} has nothing to do")


def spinning_threads(process):
    """Those that never wait: found running at each of many looks."""
    spinning = set(threads(process.pid))
    for _ in range(20):
        time.sleep(0.02)
        now = threads(process.pid)
        spinning = {thread for thread in spinning if now.get(thread, "S")[0] == "R"}
    return spinning


# Connections


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Raw:
    """One connection on which every byte is the test's."""

    def __init__(self, port, host="127.0.0.1", receive_buffer=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(WAIT)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((host, port))
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def reset(self):
        """Goes away rudely: the peer gets a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def done_sending(self):
        with contextlib.suppress(OSError):  # the peer may be gone already
            self.socket.shutdown(socket.SHUT_WR)

    def ask(self, target, method="GET", headers=None):
        self.send(request_bytes(target, method, headers))

    def head(self):
        """The next answer without its body."""
        line = self.file.readline()
        if not line:
            raise EOFError("the connection was closed instead of an answer")
        match = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n", line)
        if not match:
            raise AssertionError(f"not a status line: {line!r}")
        return Answer(int(match[1]), http.client.parse_headers(self.file), b"")

    def answer(self, method="GET"):
        """The next answer, whole; EOFError where the connection ends first."""
        answer = self.head()
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        length = int(answer.headers["Content-Length"])
        answer.body = self.file.read(length)
        if len(answer.body) != length:
            raise EOFError(f"{len(answer.body)} of {length} bytes came")
        return answer

    def rest(self):
        """Everything up to the end of the connection, however it ends."""
        pieces = []
        with contextlib.suppress(ConnectionError):
            while piece := self.file.read1(MIB):
                pieces.append(piece)
        return b"".join(pieces)


def request_bytes(target, method="GET", headers=None):
    target = target.encode() if isinstance(target, str) else target
    lines = {"Host": "localhost", **(headers or {})}
    block = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return method.encode() + b" " + target + b" HTTP/1.1\r\n" + block.encode() + b"\r\n"


# sluice serve

LOG_LINE = re.compile(
    r'(?P<client>\S+) \[(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)\] '
    r'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+) (?P<seconds>\d+\.\d+) '
    r'(?P<paths>\S+) "(?P<note>[^"]*)"( "(?P<user>[^"]*)")?'
)


class LogLine:
    def __init__(self, line):
        match = LOG_LINE.fullmatch(line)
        if not match:
            raise AssertionError(f"not an access log line: {line!r}")
        self.line, self.client, self.request = line, match["client"], match["request"]
        self.status, self.bytes = int(match["status"]), int(match["bytes"])
        self.note, self.user = match["note"], match["user"]
        pairs = [] if match["paths"] == "-" else match["paths"].split(",")
        self.paths = {name: int(count) for name, count in (pair.split("=") for pair in pairs)}


class Server:
    """`sluice serve`, from its first line to its exit status."""

    def __init__(self, folder, *options, listen="127.0.0.1:0", logs=True, **how):
        self.log_file, self.error_file = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        log = ["--access-log", "-"] if logs else []
        arguments = ["serve", folder, "--listen", listen, *log, *options]
        self.process = start_sluice(
            *arguments, stdout=self.log_file, stderr=self.error_file, **how
        )
        self.pid = self.process.pid
        try:
            found = wait_until(self._address, "sluice serve says where it listens")
        except AssertionError:
            self.process.kill()
            self.process.wait()
            raise
        self.scheme, self.host, self.port = found[1], found[2].strip("[]"), int(found[3])

    def _address(self):
        if self.process.poll() is not None:
            raise AssertionError(f"sluice serve ended ({self.process.returncode}): {self.errors()}")
        return re.search(r"^sluice: serving .* on (https?)://(.+):(\d+)/$", self.errors(), re.M)

    def errors(self):
        return _whole(self.error_file)

    def url(self, target=""):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/{urllib.parse.quote(target)}"

    def pin(self):
        """Of a server under TLS with its own key."""
        return wait_until(lambda: re.search(r" --pin (\S+) ", self.errors()), "the pin")[1]

    def connect(self, **how):
        return Raw(self.port, self.host, **how)

    def request(self, target, method="GET", headers=None):
        """One request on its own connection."""
        with self.connect() as connection:
            connection.ask(target, method, headers)
            return connection.answer(method)

    def exchange(self, data):
        """Sends bytes, as far as they are taken, and returns all that comes until the close."""
        with self.connect() as connection:
            with contextlib.suppress(ConnectionError):
                connection.send(data)
            return connection.rest()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def log(self):
        """The access log's finished lines."""
        return [LogLine(line) for line in _whole(self.log_file).split("\n")[:-1]]

    def wait_log(self, text, seconds=WAIT):
        """The newest line whose request holds this text."""
        lines = wait_until(
            lambda: [line for line in self.log() if text in line.request],
            f"an access log line with {text}",
            seconds,
        )
        return lines[-1]

    def stop(self, sign=signal.SIGTERM, seconds=WAIT + 10):
        """Asks it to end; it must, with status 0. One that is stopped already is left alone.
        Returns what it said on standard error."""
        if self.log_file.closed:
            return ""
        self.process.send_signal(sign)
        return self.finish(seconds)

    def finish(self, seconds=WAIT + 10):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = f"none within {seconds} s"
        errors = self.errors()
        self.log_file.close()
        self.error_file.close()
        if code != 0:
            raise AssertionError(f"sluice serve: exit status {code}\n{errors}")
        return errors


def _whole(file):
    """Read past the file's offset, which the server's own writing shares."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode()


def serve(add_cleanup, folder, *options, **how):
    server = Server(folder, *options, **how)
    add_cleanup(server.stop)
    return server


# The page cache

LIBC = ctypes.CDLL(None, use_errno=True)


def cached_pages(path, offset=0, length=0):
    """Of a file range (length 0: to the end), in the page cache: (all, dirty, under write-back)
    pages; or skips."""
    window = (ctypes.c_uint64 * 2)(offset, length)
    counts = (ctypes.c_uint64 * 5)()
    with open(path, "rb") as file:
        failed = LIBC.syscall(CACHESTAT, file.fileno(), window, counts, 0)
    if failed:
        raise unittest.SkipTest(f"no cachestat(2) here: {os.strerror(ctypes.get_errno())}")
    return tuple(counts[:3])


def resident_pages(path, offset=0, length=0):
    return cached_pages(path, offset, length)[0]


def pages(size):
    return -(-size // PAGE)


def warm(path):
    with open(path, "rb") as file:
        while file.read(MIB):
            pass


def despite_reclaim(test):
    """A machine may take pages out of the cache at any moment (reclaim, DAMON), and a test of
    what is there then finds too few: it may try three times. What is wrong stays wrong."""

    @functools.wraps(test)
    def tried(self):
        for last in (False, False, True):
            try:
                return test(self)
            except AssertionError:
                if last:
                    raise

    return tried


def evict(path):
    """Written back and out of the page cache."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_cold(path):
    """Evicts a file and makes sure of it, or skips."""
    evict(path)
    if file_system(path) in ("tmpfs", "ramfs"):
        raise unittest.SkipTest(f"{path} is in memory: it cannot be cold")
    if resident_pages(path):
        raise unittest.SkipTest(f"the kernel keeps {path} in the page cache")
