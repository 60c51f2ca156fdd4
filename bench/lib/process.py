# SPDX-License-Identifier: MIT
"""Children: started in a session of their own, waited for exactly, ended by their own id."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time


class Failure(Exception):
    """What went wrong with one peer, in words for the person who runs the benchmark."""


class Interrupted(BaseException):
    """The user wants to stop; args[0] is the signal."""


class Interrupts:
    """
    Raises Interrupted at the first signal that asks us to end, but never between a child's start
    and the moment from which somebody ends it.
    """
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

    def __init__(self):
        self.held = False
        self.pending = None

    def catch(self):
        for number in self.numbers:
            signal.signal(number, self.arrive)

    def ignore(self):
        for number in self.numbers:
            signal.signal(number, signal.SIG_IGN)

    def arrive(self, number, _frame=None):
        self.pending = number
        if not self.held:
            self.ignore()
            raise Interrupted(number)

    def hold(self):
        self.held = True

    def release(self):
        self.held = False
        if self.pending:
            self.arrive(self.pending)


interrupts = Interrupts()


def environment():
    """The caller's, without proxies and without translated messages."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return {**kept, "LC_ALL": "C"}


@contextlib.contextmanager
def running(argv, log, stdin=subprocess.DEVNULL, stdout=None, cwd=None):
    """A child for the length of the block; what it wrote is in the file `log`."""
    process = None
    interrupts.hold()
    try:
        with open(log, "ab") as output:
            process = subprocess.Popen(argv, stdin=stdin, stdout=stdout or output, stderr=output,
                                       cwd=cwd, start_new_session=True, env=environment())
        interrupts.release()
        yield process
    finally:
        interrupts.held = False
        if process:
            stop(process)


def ended(process, seconds):
    """Whether the child ends within that time. It stays unreaped, so that its id stays its own."""
    if process.returncode is not None:
        return True
    fd = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(fd)


def stop(process):
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    ended(process, 5)
    # Before the child is reaped: until then nobody else can get its group's number.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def finish(process, seconds, log):
    """Waits for the child's own end and demands success."""
    name = os.path.basename(process.args[0])
    if not ended(process, seconds):
        raise Failure(f"{name} did not end within {seconds:.0f} s{tail(log)}")
    if process.wait() != 0:
        raise Failure(f"{name} failed with status {process.returncode}{tail(log)}")


def tail(log):
    """The last thing a child said, to end a message with."""
    with open(log, errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    return f": {lines[-1][:300]}" if lines else ""


def output_of(argv):
    """What a command prints to either stream, whatever its exit status."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=10, env=environment(), check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(process, port, log, seconds=10):
    """Looks instead of connecting: a probing connection would be nc's one and only."""
    deadline = time.monotonic() + seconds
    while not is_listening(port):
        if ended(process, 0.001):
            raise Failure(f"{os.path.basename(process.args[0])} did not start{tail(log)}")
        if time.monotonic() > deadline:
            raise Failure(f"nothing listens on port {port} after {seconds} s{tail(log)}")


def is_listening(port):
    address = int.from_bytes(socket.inet_aton("127.0.0.1"), sys.byteorder)
    wanted = [f"{address:08X}:{port:04X}", "0A"]
    with open("/proc/net/tcp") as file:
        return any(line.split()[1:4:2] == wanted for line in file)
