# SPDX-License-Identifier: MIT
"""The machine: its CPU time, its page cache, its quiet, its disk, and the facts to report."""

import ctypes
import functools
import mmap
import os
import platform
import random
import socket
import time

HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CHUNK = 8 << 20
CACHESTAT = 451

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                      ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]


# CPU time

def cpu_seconds():
    """(busy, steal) of all CPUs since boot. Busy includes interrupts, not what the host took."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(
            int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq) / HZ, steal / HZ


# Page cache

def cachestat(fd):
    """(resident, not yet on disk) in bytes, or None where the kernel will not say."""
    span = (ctypes.c_uint64 * 2)(0, 0)
    answer = (ctypes.c_uint64 * 5)()
    number, file, flags = map(ctypes.c_long, (CACHESTAT, fd, 0))
    if libc.syscall(number, file, ctypes.byref(span), ctypes.byref(answer), flags) != 0:
        return None
    cached, dirty, writeback = answer[0:3]
    return cached * PAGE, (dirty + writeback) * PAGE


def mincore(fd):
    size = os.fstat(fd).st_size
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    try:
        pages = ctypes.create_string_buffer(-(-size // PAGE))
        if libc.mincore(address, size, pages) != 0:
            raise OSError(ctypes.get_errno(), "mincore")
        return sum(byte & 1 for byte in pages.raw) * PAGE
    finally:
        libc.munmap(address, size)


def cached_bytes(path):
    with open(path, "rb") as file:
        answer = cachestat(file.fileno())
        return answer[0] if answer else mincore(file.fileno())


def unwritten_bytes(path):
    """What an fsync would still have to write; 0 where only mincore answers, which cannot tell."""
    with open(path, "rb") as file:
        answer = cachestat(file.fileno())
        return answer[1] if answer else 0


def cache_source(directory):
    with open(os.path.join(directory, ".cachestat"), "wb") as file:
        answer = cachestat(file.fileno())
    os.unlink(file.name)
    return "cachestat" if answer else "mincore"


def warm(path):
    with open(path, "rb", buffering=0) as file:
        buffer = bytearray(min(CHUNK, max(PAGE, os.path.getsize(path))))
        while file.readinto(buffer):
            pass


def release_sent_pages():
    """
    Packets freed by another core than their sender's wait there for the next packet, and until then
    hold on to the file pages that sendfile put in them. So every core gets a packet.
    """
    cores = os.sched_getaffinity(0)
    try:
        for core in cores:
            os.sched_setaffinity(0, {core})
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as itself:
                itself.bind(("127.0.0.1", 0))
                itself.sendto(b"x", itself.getsockname())
    finally:
        os.sched_setaffinity(0, cores)


def drop(path):
    """Once is not always enough: pages that something still holds are skipped."""
    with open(path, "rb") as file:
        for _ in range(20):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if cached_bytes(path) == 0:
                return
            release_sent_pages()
            time.sleep(0.05)


def sync_file_and_directory(path):
    for name, flags in (path, os.O_RDONLY), (os.path.dirname(path), os.O_DIRECTORY):
        fd = os.open(name, flags)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


# Quiet

def memory_bytes(*names):
    """The sum of these lines of /proc/meminfo."""
    with open("/proc/meminfo") as file:
        fields = dict(line.split(":") for line in file)
    return sum(int(fields[name].split()[0]) << 10 for name in names)


def dirty_bytes():
    return memory_bytes("Dirty", "Writeback")


def available_bytes():
    return memory_bytes("MemAvailable")


def disk_activity(disk):
    """(requests in flight, ms busy so far), which also shows the discards after a deletion."""
    try:
        with open(f"/sys/dev/block/{disk}/stat") as file:
            fields = file.read().split()
        return int(fields[8]), int(fields[9])
    except OSError:
        return 0, 0


def wait_quiet(disk, limit=10, step=0.25):
    """(whether quiet came in time, busy share of the CPUs in the last look)."""
    deadline = time.monotonic() + limit
    while True:
        cpu, ticks, start = cpu_seconds()[0], disk_activity(disk)[1], time.monotonic()
        time.sleep(step)
        share = (cpu_seconds()[0] - cpu) / (time.monotonic() - start) / os.cpu_count()
        flying, now = disk_activity(disk)
        if share < 0.05 and not flying and now - ticks < 10 and dirty_bytes() < 10_000_000:
            return True, share
        if time.monotonic() > deadline:
            return False, share


REPORTED = "/sys/module/page_reporting/parameters/reported_kib"
REPORT_INTERVAL = 2.5  # seconds, between two passes of the kernel's page reporting


def wait_reported(limit=40):
    """
    A virtual machine hands memory that was freed back to its host a GiB at a time and stands still for
    20 to 30 ms meanwhile: after the eviction of gigabytes, wait until that has ended.
    """
    if not os.path.exists(REPORTED):
        return
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        with open(REPORTED) as file:
            before = int(file.read())
        time.sleep(REPORT_INTERVAL * 1.5)
        with open(REPORTED) as file:
            if int(file.read()) == before:
                return


# Files

@functools.cache
def random_block():
    return memoryview(os.urandom(64 << 20))


def write_random(path, size):
    """
    A random block again and again, each time turned by one page and one byte: no two pages of the
    file are equal, so neither compression nor deduplication below us has anything to gain.
    """
    block, start = random_block(), random.randrange(64 << 20)
    with open(path, "wb") as file:
        for turn in range(-(-size // len(block))):
            split = (start + turn * 4097) % len(block)
            for piece in block[split:], block[:split]:
                file.write(piece[:size - file.tell()])
        file.flush()
        os.fsync(file.fileno())


def is_identical(source, target):
    """Compares with what is on the disk, not with what the target left in memory."""
    drop(target)
    if os.path.getsize(source) != os.path.getsize(target):
        return False
    with open(source, "rb", buffering=0) as a, open(target, "rb", buffering=0) as b:
        while True:
            chunk = a.read(CHUNK)
            if chunk != b.read(CHUNK):
                return False
            if not chunk:
                return True


# Facts

def mount_of(path):
    """(device, type, options) of the file system that holds the path."""
    path, best = os.path.realpath(path), ("", "?", "?", "?")
    with open("/proc/self/mountinfo") as file:
        for line in file:
            left, right = line.split(" - ")
            point = left.split()[4].encode().decode("unicode_escape")
            inside = point == "/" or path == point or path.startswith(point + "/")
            if inside and len(point) >= len(best[0]):
                kind, device = right.split()[:2]
                best = (point, device, kind, left.split()[5])
    return best[1:]


def disk_of(path):
    device = os.stat(path).st_dev
    return f"{os.major(device)}:{os.minor(device)}"


def read_line(path, fallback="?"):
    try:
        with open(path) as file:
            return file.readline().strip()
    except OSError:
        return fallback


def cpu_model():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def damon_runs():
    """Whether a kernel thread may be taking idle page cache away while we measure."""
    return any(read_line(f"/proc/{pid}/comm").startswith("kdamond")
               for pid in os.listdir("/proc") if pid.isdecimal())


def facts(directory):
    device, kind, options = mount_of(directory)
    return {
        "kernel": platform.release(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * PAGE,
        "congestion_control": read_line("/proc/sys/net/ipv4/tcp_congestion_control"),
        "file_system": kind,
        "device": device,
        "mount_options": options,
        "page_cache_seen_by": cache_source(directory),
        "damon_runs": damon_runs(),
        "source_content": "random, no two pages equal",
    }
