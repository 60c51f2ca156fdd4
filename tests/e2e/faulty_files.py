# SPDX-License-Identifier: MIT
"""A file system that fails where a test says so: one flat folder over FUSE, whose files live in
another folder. The kernel's own page cache, direct I/O and io_uring work on it as on any other.

A fault is (name, operation, kind, first, end, error): a "read" or "write" that touches [first, end)
of a file with such a name, or an "fsync", answers with that error; kind is "direct" for those of
descriptors with O_DIRECT, "cached" for the others, "any" for both.
"""

import ctypes
import errno
import fnmatch
import json
import os
import struct
import subprocess
import sys
import unittest

from support import WAIT, skip_unless_root, temp_folder, wait_until

BUFFER = (1 << 20) + (64 << 10)
IN_HEADER = struct.Struct("=IIQQIIIHH")
OUT_HEADER = struct.Struct("=IiQ")
ATTRIBUTES = struct.Struct("=6Q10I")
LOOKUP, FORGET, GETATTR, SETATTR, UNLINK, RENAME, OPEN, READ = 1, 2, 3, 4, 10, 12, 14, 15
WRITE, STATFS, RELEASE, FSYNC, INIT, OPENDIR, READDIR = 16, 17, 18, 20, 26, 27, 28
RELEASEDIR, FSYNCDIR, CREATE, INTERRUPT, DESTROY, BATCH_FORGET, RENAME2 = 29, 30, 35, 36, 38, 42, 45
WITHOUT_ANSWER = (FORGET, BATCH_FORGET, INTERRUPT)
ASYNC_READ, BIG_WRITES, ASYNC_DIO, MAX_PAGES = 1, 1 << 5, 1 << 15, 1 << 22
SET_MODE, SET_SIZE = 1, 8


def faulty(add_cleanup, *faults, backing=None):
    """Mounts one and returns its folder, or skips."""
    return start(add_cleanup, __file__, backing or temp_folder(add_cleanup), json.dumps(faults))


def start(add_cleanup, script, backing, *arguments):
    """Mounts what a script serves and returns the folder, or skips."""
    folder = temp_folder(add_cleanup)
    start_on(add_cleanup, folder, script, backing, *arguments)
    return folder


def start_on(add_cleanup, folder, script, backing, *arguments):
    """Mounts it there and returns the script's process; while it is stopped, the mount hangs."""
    skip_unless_root("to mount a file system")
    command = [sys.executable, script, folder, backing, *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    add_cleanup(process.communicate, timeout=WAIT)
    add_cleanup(process.kill)
    add_cleanup(subprocess.run, ["umount", "--lazy", folder], stderr=subprocess.DEVNULL)
    wait_until(lambda: os.path.ismount(folder) or process.poll() is not None, "the mount")
    if process.poll() is not None:
        raise unittest.SkipTest(f"no FUSE here: {process.stderr.read().decode().strip()}")
    return process


class Answer(Exception):
    """An operation that failed."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Files:
    def __init__(self, backing, faults):
        self.backing, self.faults = backing, faults
        self.names, self.numbers = {1: "."}, {".": 1}  # of nodes
        self.handlers = {
            INIT: self.init,
            LOOKUP: lambda node, data: self.entry(self.name(data)),
            GETATTR: lambda node, data: bytes(16) + self.attributes(node),
            SETATTR: self.set_attributes,
            UNLINK: self.unlink,
            RENAME: lambda node, data: self.rename(data[8:]),
            RENAME2: lambda node, data: self.rename(data[16:]),
            OPEN: self.open,
            CREATE: self.create,
            READ: self.read,
            WRITE: self.write,
            FSYNC: self.fsync,
            STATFS: self.statfs,
            RELEASE: lambda node, data: os.close(struct.unpack_from("=Q", data)[0]) or b"",
            OPENDIR: lambda node, data: bytes(16),
            READDIR: self.read_folder,
        }
        for operation in (RELEASEDIR, FSYNCDIR, DESTROY):
            self.handlers[operation] = lambda node, data: b""

    @staticmethod
    def name(data):
        return data.split(b"\0")[0].decode()

    def path(self, node):
        if node not in self.names:
            raise Answer(errno.ENOENT)
        return os.path.join(self.backing, self.names[node])

    def number(self, name):
        if name not in self.numbers:
            self.numbers[name] = max(self.names) + 1
            self.names[self.numbers[name]] = name
        return self.numbers[name]

    def forget(self, name):
        self.names.pop(self.numbers.pop(name, None), None)

    def attributes(self, node):
        s = os.stat(self.path(node))
        times = [divmod(when, 10**9) for when in (s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns)]
        seconds, rest = zip(*times)
        numbers = (node, s.st_size, s.st_blocks, *seconds, *rest, s.st_mode, 1, 0, 0, 0, 4096, 0)
        return ATTRIBUTES.pack(*numbers)

    def entry(self, name):
        os.stat(os.path.join(self.backing, name))
        node = self.number(name)
        return struct.pack("=QQQQII", node, 0, 0, 0, 0, 0) + self.attributes(node)

    def init(self, _, data):
        major, _, ahead, flags = struct.unpack_from("=IIII", data)
        flags &= ASYNC_READ | BIG_WRITES | ASYNC_DIO | MAX_PAGES
        reply = struct.pack("=IIIIHHIIHHI", major, 31, ahead, flags, 16, 12, 1 << 20, 1, 256, 0, 0)
        return reply + bytes(28)

    def set_attributes(self, node, data):
        valid, _, _, size = struct.unpack_from("=IIQQ", data)
        if valid & SET_SIZE:
            os.truncate(self.path(node), size)
        if valid & SET_MODE:
            os.chmod(self.path(node), struct.unpack_from("=I", data, 68)[0] & 0o7777)
        return bytes(16) + self.attributes(node)

    def unlink(self, _, data):
        os.unlink(os.path.join(self.backing, self.name(data)))
        self.forget(self.name(data))
        return b""

    def rename(self, data):
        old, new = (name.decode() for name in data.split(b"\0")[:2])
        os.rename(os.path.join(self.backing, old), os.path.join(self.backing, new))
        self.forget(new)
        node = self.numbers.pop(old, None)
        if node:
            self.names[node], self.numbers[new] = new, node
        return b""

    def open(self, node, data):
        flags = struct.unpack_from("=I", data)[0] & ~os.O_DIRECT
        return struct.pack("=QII", os.open(self.path(node), flags), 0, 0)

    def create(self, _, data):
        flags, mode = struct.unpack_from("=II", data)
        name = self.name(data[16:])
        flags = flags & ~os.O_DIRECT | os.O_CREAT
        handle = os.open(os.path.join(self.backing, name), flags, mode)
        return self.entry(name) + struct.pack("=QII", handle, 0, 0)

    def check(self, node, operation, flags=0, offset=0, length=1):
        kinds = "any", "direct" if flags & os.O_DIRECT else "cached"
        for name, of, kind, first, end, code in self.faults:
            if of == operation and kind in kinds and first < offset + length and offset < end:
                if fnmatch.fnmatch(self.names.get(node, ""), name):
                    raise Answer(code)

    def read(self, node, data):
        handle, offset, size, _, _, flags, _ = struct.unpack_from("=QQIIQII", data)
        self.check(node, "read", flags, offset, size)
        return os.pread(handle, size, offset)

    def write(self, node, data):
        handle, offset, size, _, _, flags, _ = struct.unpack_from("=QQIIQII", data)
        self.check(node, "write", flags, offset, size)
        return struct.pack("=II", os.pwrite(handle, data[40 : 40 + size], offset), 0)

    def fsync(self, node, data):
        self.check(node, "fsync")
        return b""

    def statfs(self, *_):
        return struct.pack("=5Q4I", 1 << 20, 1 << 20, 1 << 20, 1000, 1000, 4096, 255, 4096, 0) + bytes(24)

    def read_folder(self, _, data):
        _, offset, size = struct.unpack_from("=QQI", data)
        out = b""
        for at, name in list(enumerate(sorted(os.listdir(self.backing)), 1))[offset:]:
            text = name.encode()
            item = struct.pack("=QQII", self.number(name), at, len(text), 8) + text
            item += bytes(-len(item) % 8)
            if len(out) + len(item) > size:
                break
            out += item
        return out

    def answer(self, operation, node, data):
        handler = self.handlers.get(operation)
        if not handler:
            return errno.ENOSYS, b""
        try:
            return 0, handler(node, data)
        except Answer as answer:
            return answer.code, b""
        except OSError as error:
            return error.errno, b""


def mount(device, folder):
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"faulty", os.fsencode(folder), b"fuse", 6, options.encode()):
        sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")


def serve(folder, files):
    """Answers until it is unmounted."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        sys.exit(f"/dev/fuse: {error.strerror}")
    mount(device, folder)
    while True:
        try:
            request = os.read(device, BUFFER)
        except InterruptedError:
            continue
        except OSError:  # it was unmounted
            return
        _, operation, unique, node, *_ = IN_HEADER.unpack_from(request)
        if operation in WITHOUT_ANSWER:
            continue
        code, reply = files.answer(operation, node, request[IN_HEADER.size :])
        try:
            os.write(device, OUT_HEADER.pack(OUT_HEADER.size + len(reply), -code, unique) + reply)
        except FileNotFoundError:
            pass  # whoever asked was interrupted


def main(folder, backing, faults):
    serve(folder, Files(backing, json.loads(faults)))


if __name__ == "__main__":
    main(*sys.argv[1:])
