# SPDX-License-Identifier: MIT
"""`sluice serve` and nginx side by side, on files that change while they are sent: the client gets
the same or better from serve. Where it does not, the failure says what each one got."""

import os
import subprocess
import threading
import unittest

from other_servers import pausing_proxy, start_nginx
from support import (
    MIB,
    Raw,
    content,
    finish,
    make_file,
    program,
    serve,
    settle,
    start_sluice,
    temp_folder,
)

SIZE = 16 * MIB + 123  # more than the sockets on the way hold
CUT, OLD = 2 * MIB, content(SIZE)

# What a client got, the worst first.
MIXED, TOLD, RIGHT = "a mixture that looks whole", "a cut, and told", "whole and right"
RANKS = (MIXED, TOLD, RIGHT)


def grow(file):
    with open(file, "ab") as opened:
        for _ in range(10):
            opened.write(b"one more line\n" * 1000)
            opened.flush()


def truncate(file):
    os.truncate(file, CUT)


def empty(file):
    os.truncate(file, 0)


def replace(file):
    make_file(file.with_name("new"), SIZE, seed=2).rename(file)


def delete(file):
    file.unlink()


def rewrite(file, size=SIZE):
    with open(file, "r+b") as opened:
        opened.write(content(size, seed=2))


def rewrite_longer(file):
    rewrite(file, SIZE + MIB)


def rewrite_shorter(file):
    file.write_bytes(content(CUT, seed=2))


# What serve must give at least.
CHANGES = {
    grow: RIGHT,
    replace: RIGHT,
    delete: RIGHT,
    truncate: TOLD,
    empty: TOLD,
    rewrite: TOLD,
    rewrite_shorter: TOLD,
    rewrite_longer: MIXED,  # it passes for one that grew
}


class Command:
    """A client that writes a file and says in its exit status whether it is whole."""

    def __init__(self, process, file):
        self.process, self.file = process, file

    def outcome(self, new):
        if self.wait() != 0:
            return TOLD
        return RIGHT if self.file.read_bytes() in (OLD, new) else MIXED


class Curl(Command):
    def __init__(self, test, url, file):
        command = [program("curl"), "--silent", "--output", file, url]
        super().__init__(subprocess.Popen(command), file)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)

    def wait(self):
        return self.process.wait(60)


class Get(Command):
    def __init__(self, _, url, file):
        super().__init__(start_sluice("get", "-o", file, url), file)

    def wait(self):
        return finish(self.process).code


class Slow:
    """A browser of sorts: believes the length."""

    def __init__(self, test, url, _):
        port, self.target = url.removeprefix("http://127.0.0.1:").split("/", 1)
        self.connection = Raw(int(port))
        test.addCleanup(self.connection.close)
        self.body, self.length = b"", None
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        self.connection.ask(f"/{self.target}", headers={"Connection": "close"})
        self.length = int(self.connection.head().headers["Content-Length"])
        self.body = self.connection.rest()

    def outcome(self, new):
        self.thread.join(60)
        if len(self.body) != self.length:
            return TOLD
        return RIGHT if self.body in (OLD, new) else MIXED


# nginx sends on what is written meanwhile, and `get`, which asks it at the end whether the file is
# still the same, starts over. What serve cuts short takes another call of `get`.
EXCEPT = {(rewrite, Get)}


class BesideNginx(unittest.TestCase):
    def setUp(self):
        self.folder, self.scratch = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        self.ports = {
            "nginx": start_nginx(self.addCleanup, self.folder),
            "serve": serve(self.addCleanup, self.folder).port,
        }
        for change in CHANGES:
            settle(make_file(self.folder / change.__name__, SIZE))

    def outcomes(self, change):
        """By server and client; all of them are half-way when the file changes."""
        file, clients, proxies = self.folder / change.__name__, {}, []
        for server, port in self.ports.items():
            for kind in (Curl, Get, Slow):
                proxies.append(pausing_proxy(self.addCleanup, port))
                name = f"{change.__name__}-{server}-{kind.__name__}"
                url = proxies[-1].url(f"/{file.name}")
                clients[server, kind] = kind(self, url, self.scratch / name)
        for proxy in proxies:
            proxy.wait()
        change(file)
        for proxy in proxies:
            proxy.go_on()
        new = file.read_bytes() if file.exists() else OLD
        return {key: client.outcome(new) for key, client in clients.items()}

    def check(self, change):
        outcomes = self.outcomes(change)
        for (server, kind), outcome in outcomes.items():
            if server != "serve":
                continue
            told = f"{change.__name__}, {kind.__name__}: {outcomes}"
            self.assertGreaterEqual(RANKS.index(outcome), RANKS.index(CHANGES[change]), told)
            if (change, kind) not in EXCEPT:
                beside = outcomes["nginx", kind]
                self.assertGreaterEqual(RANKS.index(outcome), RANKS.index(beside), told)

    def test_files_that_change_while_they_are_sent(self):
        for change in CHANGES:
            with self.subTest(change.__name__):
                self.check(change)


if __name__ == "__main__":
    unittest.main()
