# SPDX-License-Identifier: MIT
"""A seeded play of gets, kills, full disks and foreign files around one name: whatever happens, a get
that ends with 0 has brought the file, and what is not sluice's is never harmed.

SLUICE_PLAY_SECONDS (of each test) and SLUICE_PLAY_SEED make it longer, and another one.
"""

import contextlib
import os
import random
import signal
import time
import unittest

from other_servers import range_answer, scripted
from support import KIB, MIB, RECEIVE_PATHS, content, get, mount, start_sluice, temp_folder

SECONDS = float(os.environ.get("SLUICE_PLAY_SECONDS", "3"))
SEED = int(os.environ.get("SLUICE_PLAY_SEED", "1"))
BODIES = {"/one": content(2 * MIB + 345, 1), "/two": content(1 * MIB + 77, 2)}
PLACES = ("out.part", "out.part.state")
GETS = 3  # at once


class Foreign:
    """A file of somebody else. Its descriptor outlasts whatever happens to its name."""

    def __init__(self, path, number, kind):
        self.path, self.kind = path, kind
        self.content = content(random.Random(number).randrange(1, 3 * MIB), 1000 + number)
        fresh = path.with_name("foreign")
        if kind == "file":
            fresh.write_bytes(self.content)
            self.file = open(fresh, "rb")
        elif kind == "FIFO":
            os.mkfifo(fresh)
        else:
            fresh.symlink_to("nowhere")
        self.status = os.lstat(fresh)
        fresh.rename(path)

    def look(self):
        """What is wrong with it, or None."""
        try:
            now = os.lstat(self.path)
        except FileNotFoundError:
            return f"{self.path.name}, a foreign {self.kind}, is gone"
        if (now.st_ino, now.st_mode) != (self.status.st_ino, self.status.st_mode):
            return f"{self.path.name}, a foreign {self.kind}, was replaced"
        if self.kind == "file" and os.pread(self.file.fileno(), 4 * MIB, 0) != self.content:
            return f"{self.path.name}, a foreign file, was written to"
        return None

    def forget(self):
        if self.kind == "file":
            self.file.close()


class Play:
    def __init__(self, here, server, seed, fills):
        self.here, self.server, self.random = here, server, random.Random(seed)
        self.out, self.fills, self.number = here / "out", fills, seed * 1_000_000
        self.running, self.foreign, self.wrong, self.counts = [], {}, [], {}

    def start(self):
        if len(self.running) == GETS:
            return
        url = self.random.choice(list(BODIES))
        options = self.random.choice(([], ["--no-sync"], ["--keep-cached"], "path"))
        if options == "path":
            options = ["--path", self.random.choice(RECEIVE_PATHS)]
        process = start_sluice("get", "-q", self.server.url(url), "-o", self.out, *options)
        process.wants, process.others = url, {get.wants for get in self.running}
        for other in self.running:
            other.others.add(url)
        self.running.append(process)

    def stop(self):
        if self.running:
            sign = self.random.choice((signal.SIGINT, signal.SIGKILL))
            self.random.choice(self.running).send_signal(sign)

    def displace(self, path):
        """The player may do what it likes with a name: what it knew of it is over."""
        known = self.foreign.pop(path.name, None)
        if known:
            self.note(known.look())
            known.forget()

    def put(self):
        path = self.here / self.random.choice(PLACES)
        self.displace(path)
        self.number += 1
        kind = self.random.choice(("file", "file", "file", "FIFO", "link"))
        with contextlib.suppress(OSError):  # no room for it
            self.foreign[path.name] = Foreign(path, self.number, kind)

    def remove(self):
        path = self.here / self.random.choice(PLACES)
        self.displace(path)
        path.unlink(missing_ok=True)

    def move_away(self):
        path = self.here / self.random.choice(PLACES)
        self.displace(path)
        with contextlib.suppress(OSError):
            path.rename(path.with_name("away." + path.name))

    def move_back(self):
        path = self.here / self.random.choice(PLACES)
        self.displace(path)
        with contextlib.suppress(OSError):
            path.with_name("away." + path.name).rename(path)

    def write_over(self):
        """In place, which nobody can tell from a get's own writing while one is under way."""
        path = self.here / self.random.choice(PLACES)
        if self.running or path.name in self.foreign or not path.is_file():
            return
        with contextlib.suppress(OSError), open(path, self.random.choice(("wb", "r+b"))) as file:
            file.write(content(self.random.randrange(1, 2 * MIB), 99))

    def touch_disk(self):
        filler = self.here / "filler"
        if filler.exists():
            filler.unlink()
        elif self.fills:
            with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
                for size in (64 * KIB, 4 * KIB, 1):
                    with contextlib.suppress(OSError):
                        while True:
                            file.write(bytes(size))

    def wait(self):
        time.sleep(self.random.choice((0.001, 0.01, 0.05, 0.2)))

    def note(self, what):
        if what:
            self.wrong.append(what)

    def look(self):
        for known in self.foreign.values():
            self.note(known.look())
        for process in [each for each in self.running if each.poll() is not None]:
            self.running.remove(process)
            errors = process.communicate()[1]
            self.counts[process.returncode] = self.counts.get(process.returncode, 0) + 1
            if process.returncode not in (0, 1, -signal.SIGINT, -signal.SIGKILL):
                self.note(f"exit status {process.returncode}: {errors!r}")
            if process.returncode == 0:
                self.check_file(process)

    def check_file(self, process):
        """It may be that of a get beside it by now, and then it is whole, too."""
        brought = self.out.read_bytes()
        allowed = {process.wants, *process.others}
        if not any(brought == BODIES[url] for url in allowed):
            self.note(f"exit status 0 for {process.wants}, and a wrong file of {len(brought)} bytes")

    def run(self, seconds):
        actions = [self.start] * 8 + [self.wait] * 8 + [self.stop] * 3 + [self.put, self.remove]
        actions += [self.move_away, self.move_back, self.write_over, self.touch_disk]
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.wrong:
            self.random.choice(actions)()
            self.look()
        for process in self.running:
            process.kill()
            process.wait()
        self.look()
        if (self.here / "filler").exists():
            self.touch_disk()
        for path in self.here.glob("away.*"):
            path.unlink()


class Playing(unittest.TestCase):
    def play(self, here, fills):
        moods = random.Random(SEED)

        def script(peer):
            request = peer.request()
            if not request:
                return
            answer = range_answer(request, BODIES[request.target], f'"{request.target}"')
            if moods.random() < 0.4:
                time.sleep(moods.choice((0.01, 0.1, 0.5)))
            if moods.random() < 0.5:
                answer = answer[: moods.randrange(len(answer))]
            pause = moods.choice((0, 0, 0.002, 0.02, 0.3 if SECONDS > 30 else 0))
            for start in range(0, len(answer), 64 * KIB):
                peer.send(answer[start : start + 64 * KIB])
                time.sleep(pause)

        server = scripted(self.addCleanup, script)
        play = Play(here, server, SEED, fills)
        play.run(SECONDS)
        self.assertEqual(play.wrong, [], f"seed {SEED}; {play.counts}")
        if SECONDS > 30:
            print(f"# seed {SEED}: gets by exit status {play.counts}", flush=True)
        self.assert_no_dead_end(play)

    def assert_no_dead_end(self, play):
        for url, body in BODIES.items():

            def good(peer, body=body):
                request = peer.request()
                peer.send(range_answer(request, body, f'"{request.target}"'))

            server = scripted(self.addCleanup, good)
            done = get(server.url(url), "-o", play.out)
            self.assertEqual(done.code, 0, done.err)
            self.assertTrue(play.out.read_bytes() == body, "the copy differs")
        for known in play.foreign.values():
            self.assertIsNone(known.look())
            known.forget()
        self.assertEqual([name for name in os.listdir(play.here) if "~" in name], [])

    def test_on_a_disk(self):
        self.play(temp_folder(self.addCleanup), fills=False)

    def test_on_a_small_one_that_fills_up(self):
        self.play(mount(self.addCleanup, "tmpfs", "size=9m"), fills=True)


if __name__ == "__main__":
    unittest.main()
