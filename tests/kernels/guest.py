#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command under another Linux kernel.

The kernel is Debian's user-mode-linux: a process, without KVM and without emulation. The command runs as
root in this directory, with this environment, on this machine's own root file system, which is writable.
Its output, its errors and its exit status are those of this program; its input is empty. 124: it took too
long; 125: there is no such kernel here, or it died.

What to know: it has one CPU. System calls and page faults cost twenty times as much as usual. The root
file system (hostfs) has no O_DIRECT, so put files on a disk: -d 2G is an empty one, /dev/ubda.

Kernels are kept in /var/cache/sluice-kernels; remove them whenever you like.
"""

import argparse
import collections
import contextlib
import fcntl
import os
import pathlib
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

SUITES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie", "new": "sid"}
CACHE = pathlib.Path("/var/cache/sluice-kernels")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LOADER = b"/lib64/ld-linux-x86-64.so.2"
LIBRARIES = re.compile(r"(ld-linux-x86-64|libc|libm|librt|libutil|libpthread)[-.].*so.*")
FETCH_SECONDS = 300

# The guest's first process. The host's scratch directory is at /run/guest, whatever gets mounted where.
INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs mnt /mnt
mkdir -p /dev/pts /dev/shm /lib/modules /run/guest
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t hostfs -o {modules} modules /lib/modules
mount -t hostfs -o {scratch} scratch /run/guest
ip link set lo up
stty -opost </dev/tty1
stty -opost </dev/tty2
sh /run/guest/command </dev/null >/dev/tty1 2>/dev/tty2
echo $? >/run/guest/status
sync
sleep 0.1 # until the consoles are empty
echo o >/proc/sysrq-trigger
sleep 10
"""


class Unavailable(Exception):
    """There is no such kernel here."""


class Died(Exception):
    """The kernel ended before the command did."""


# Fetching


def apt_source():
    """The Debian mirror that this system uses."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    uris = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    for uri in uris:
        if re.search(r"/debian/?$", uri):
            return uri
    raise Unavailable("this system's sources of packages name no mirror of Debian")


def download(suite, folder):
    """Unpacks what a kernel needs of a release of Debian. The system's own lists stay as they are."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "sources").write_text(f"deb [signed-by={KEYRING}] {apt_source()} {suite} main\n")
    settings = {
        "Dir::Etc::SourceList": folder / "sources",
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache::PkgCache": "",
        "Dir::Cache::SrcPkgCache": "",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    packages = [f"{name}/{suite}" for name in ("user-mode-linux", "libc6")]
    for command in ([*apt, "update"], [*apt, "download", *packages]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=FETCH_SECONDS)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True, capture_output=True)


def arrange(folder, home):
    """The kernel runs with its own release's C library, which it finds in the directory it starts in."""
    root = folder / "root"
    (home / "lib").mkdir(parents=True)
    for file in root.glob("**/x86_64-linux-gnu/*.so*"):
        if LIBRARIES.fullmatch(file.name):
            shutil.copy(file, home / "lib")
    shutil.copy(home / "lib" / "ld-linux-x86-64.so.2", home / "ld.so")
    program = (root / "usr/bin/linux.uml").read_bytes()
    (home / "linux").write_bytes(program.replace(LOADER, b"./ld.so".ljust(len(LOADER), b"\0")))
    for name in ("linux", "ld.so"):
        (home / name).chmod(0o755)
    shutil.move(root / "usr/lib/uml/modules", home / "modules")


def fetch(kernel):
    """Returns the directory of a kernel, which is fetched where it is not there yet."""
    if platform.machine() != "x86_64":
        raise Unavailable(f"user-mode-linux is for x86-64, and this is {platform.machine()}")
    if os.geteuid() != 0:
        raise Unavailable("needs root to start a guest kernel")
    for tool in ("apt-get", "dpkg-deb", "unshare", "setpriv"):
        if not shutil.which(tool):
            raise Unavailable(f"{tool} is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    home = CACHE / kernel
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if home.exists():
            return home
        with tempfile.TemporaryDirectory(dir=CACHE) as name:
            folder = pathlib.Path(name)
            try:
                download(SUITES[kernel], folder)
                arrange(folder, folder / "home")
            except (OSError, subprocess.SubprocessError) as error:
                errors = getattr(error, "stderr", None) or b""
                last = errors.decode(errors="replace").strip().splitlines()[-1:]
                raise Unavailable(f"cannot fetch kernel {kernel}: {' '.join(last) or error}") from None
            (folder / "home").rename(home)
    return home


# Running


def pump(source, take):
    def go():
        with source:
            while data := source.read(1 << 16):
                take(data)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    return thread


def boot(home, scratch, options, seconds, streams):
    """Runs the kernel to its end, and returns how that was. A PID namespace of its own, that dies with
    this process: nothing outlives it."""
    read_end, messages = os.pipe()
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"]
    command += ["timeout", "--signal", "KILL", str(seconds), "env", "LD_LIBRARY_PATH=./lib", "./linux"]
    command += ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", f"init={scratch}/init"]
    command += ["panic=1", "noreboot", f"uml_dir={scratch}/", *options]
    command += [f"con0=null,fd:{messages}", "con=null", "con1=null,fd:1", "con2=null,fd:2"]
    # Pipes: it makes whatever it is given non-blocking, and takes no regular files.
    with subprocess.Popen(
        command,
        cwd=home,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=[messages],
    ) as process:
        os.close(messages)
        sources = (process.stdout, process.stderr, open(read_end, "rb", buffering=0))
        pumps = [pump(source, take) for source, take in zip(sources, streams)]
        try:
            return process.wait()
        finally:
            process.kill()
            for each in pumps:
                each.join()


def run(kernel, command, out, err, seconds=600, memory="2G", disks=(), verbose=False):
    """Runs a command, hands its output and errors on as they come, and returns its exit status."""
    home = fetch(kernel)
    tail = collections.deque(maxlen=20)  # of the kernel's own messages

    def on_message(data):
        tail.append(data)
        if verbose:
            err(data)

    with tempfile.TemporaryDirectory(prefix="sluice-guest-", dir="/var/tmp") as name:
        scratch = pathlib.Path(name)
        options = [f"mem={memory}"]
        options += ["seccomp=on"] if kernel == "new" else []  # faster than by ptrace
        options += [] if verbose else ["quiet"]
        for letter, size in zip("abcdefgh", disks):
            subprocess.run(["truncate", "-s", size, scratch / f"disk-{letter}"], check=True)
            options.append(f"ubd{letter}={scratch}/disk-{letter}")
        settings = [f"{name}={value}" for name, value in os.environ.items()]
        line = shlex.join(["env", "-i", "-C", os.getcwd(), *settings, *map(str, command)])
        (scratch / "command").write_text(line + "\n")
        (scratch / "init").write_text(INIT.format(modules=home / "modules", scratch=scratch))
        (scratch / "init").chmod(0o755)
        ended = boot(home, scratch, options, seconds, (out, err, on_message))
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((scratch / "status").read_text())
    if ended == 137:
        raise TimeoutError(f"still running after {seconds} s")
    messages = b"".join(tail).decode(errors="replace")
    raise Died(f"kernel {kernel} ended ({ended}) before the command did; its last messages:\n{messages}")


def writer(file):
    def write(data):
        file.write(data)
        file.flush()

    return write


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fetch", action="store_true", help="only fetch the kernel")
    parser.add_argument("-k", choices=SUITES, default="6.1", help="kernel (%(default)s)")
    parser.add_argument("-t", type=int, default=600, metavar="SECONDS", help="(%(default)s)")
    parser.add_argument("-m", default="2G", metavar="MEMORY", help="(%(default)s)")
    parser.add_argument("-d", action="append", default=[], metavar="SIZE", help="a disk, empty")
    parser.add_argument("-v", action="store_true", help="show the kernel's messages, too")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if bool(args.command) == args.fetch:
        parser.error("give a command, or --fetch")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if args.fetch:
            return print(fetch(args.k))
        out, err = writer(sys.stdout.buffer), writer(sys.stderr.buffer)
        return run(args.k, args.command, out, err, args.t, args.m, args.d, args.v)
    except (Unavailable, Died, TimeoutError) as error:
        print(f"guest.py: {error}", file=sys.stderr)
        return 124 if isinstance(error, TimeoutError) else 125


if __name__ == "__main__":
    sys.exit(main())
