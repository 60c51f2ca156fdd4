# SPDX-License-Identifier: MIT
"""`sluice serve DIR` where the name DIR comes to lead to another directory."""

import contextlib
import os
import subprocess
import unittest

from support import (
    LOOPS,
    MIB,
    OPENAT2,
    content,
    make_file,
    ordinary_user,
    refusing,
    serve,
    skip_unless_root,
    start_sluice,
    temp_folder,
    wait_until,
)

LARGE = 24 * MIB + 123
LITTLE = 65536


def switch(link, target):
    """As `ln -sfn` and deploys do it."""
    new = link.with_name("new-link")
    new.symlink_to(target)
    new.rename(link)


def readlink(path):
    with contextlib.suppress(FileNotFoundError):
        return os.readlink(path)
    return ""


class Moved(unittest.TestCase):
    def setUp(self):
        self.around = temp_folder(self.addCleanup)
        for name in ("one", "two"):
            (self.around / name).mkdir()
            (self.around / name / "file").write_text(name)
        self.link = self.around / "served"
        self.link.symlink_to("one")

    def start(self, *arguments, **how):
        """One server for each loop: to wait for a change takes them a second, so they share it."""
        self.servers = [
            serve(self.addCleanup, *arguments, env={"SLUICE_LOOP": loop}, **how) for loop in LOOPS
        ]
        self.wait("one")

    def got(self, server):
        answer = server.request("/file")
        return answer.body.decode() if answer.status == 200 else answer.status

    def wait(self, expected, times=1):
        """The content comes, on so many new connections in a row: one worker has each of them."""
        for server in self.servers:
            wait_until(
                lambda: all(self.got(server) == expected for _ in range(times)),
                f"{expected} is served",
            )

    def holds(self, server, name):
        """Whether it has that directory open, or a file in it, after one more request."""
        self.got(server)
        opened = (readlink(entry) for entry in os.scandir(f"/proc/{server.pid}/fd"))
        return any(target.startswith(str(self.around / name)) for target in opened)

    def assert_told(self, text, times=1):
        """Who asks meanwhile gets the old one."""
        for server in self.servers:
            wait_until(
                lambda: self.got(server) == "one" and text in server.errors(), f"told: {text}"
            )
            for _ in range(10):
                self.assertEqual(self.got(server), "one")
            self.assertEqual(server.errors().count(text), times)

    def test_a_link_that_is_switched(self):
        self.start(self.link, "--workers", "1")
        kept = [server.connect() for server in self.servers]
        for name in ("two", "one"):
            switch(self.link, name)
            self.wait(name)
            for connection in kept:
                connection.ask("/file")
                self.assertEqual(connection.answer().body.decode(), name)
        for connection in kept:
            connection.close()
        for server in self.servers:
            self.assertEqual(server.stop().count("now a different directory"), 2)

    def test_also_while_it_is_asked_all_the_time(self):
        self.start(self.link, "--workers", "1")
        switch(self.link, "two")
        for server in self.servers:
            with server.connect() as connection:

                def asked():
                    connection.ask("/file")
                    return connection.answer().body

                wait_until(lambda: asked() == b"two", "the other is served")
                self.assertEqual({asked() for _ in range(100)}, {b"two"})

    def test_several_workers(self):
        self.start(self.link, "--workers", "3")
        switch(self.link, "two")
        self.wait("two", 30)
        for server in self.servers:
            wait_until(lambda: not self.holds(server, "one"), "the old one is let go of")
            self.assertEqual(server.stop().count("now a different directory"), 1)

    def test_a_relative_name(self):
        self.start("served", "--workers", "1", cwd=self.around)
        switch(self.link, "two")
        self.wait("two")

    def test_a_directory_that_is_renamed_and_made_again(self):
        directory = self.around / "one"
        self.start(directory, "--workers", "1")
        directory.rename(self.around / "old")
        (self.around / "two").rename(directory)
        self.wait("two")

    def test_one_that_is_gone_for_a_while(self):
        directory, aside = self.around / "one", self.around / "aside"
        self.start(directory, "--workers", "2")
        directory.rename(aside)
        self.assert_told("No such file or directory: still serving")
        (self.around / "two").rename(directory)
        self.wait("two", 10)
        directory.rename(self.around / "two")
        for server in self.servers:
            wait_until(
                lambda: self.got(server) == "two" and server.errors().count("still serving") == 2,
                "it is told again",
            )
        aside.rename(directory)
        self.wait("one", 10)

    def test_what_is_no_directory_is_not_served(self):
        self.start(self.link, "--workers", "1")
        for target, words in (("one/file", "Not a directory"), ("served", "symbolic links")):
            switch(self.link, target)
            self.assert_told(words)
        switch(self.link, "two")
        self.wait("two")

    def test_one_that_may_not_be_entered(self):
        prefix = ordinary_user(self.around)
        if not prefix and os.geteuid() == 0:
            self.skipTest("root may enter everything")
        (self.around / "closed" / "inner").mkdir(parents=True)
        (self.around / "closed").chmod(0)
        self.start(self.link, "--workers", "1", prefix=prefix)
        switch(self.link, "closed/inner")
        self.assert_told("Permission denied")
        (self.around / "closed").chmod(0o755)
        (self.around / "closed" / "inner" / "file").write_text("two")
        self.wait("two")

    def test_one_that_is_removed_for_good(self):
        directory = self.around / "one"
        self.start(directory, "--workers", "1")
        (directory / "file").unlink()
        directory.rmdir()
        for server in self.servers:
            self.assertEqual(self.got(server), 404)
        (self.around / "two").rename(directory)
        self.wait("two")

    def test_what_has_begun_ends_with_the_old_one(self):
        make_file(self.around / "one" / "large", LARGE)
        make_file(self.around / "two" / "large", LARGE, seed=2)
        self.start(self.link, "--workers", "1")
        bodies, kept = [], [server.connect(receive_buffer=LITTLE) for server in self.servers]
        for connection in kept:
            connection.ask("/large")
            connection.head()
            bodies.append(connection.file.read(MIB))
        switch(self.link, "two")
        self.wait("two")
        for connection, body in zip(kept, bodies):
            body += connection.file.read(LARGE - MIB)
            self.assertTrue(body == content(LARGE), "not the old one's bytes")
            connection.ask("/large")
            self.assertTrue(connection.answer().body == content(LARGE, 2), "not the new one's")
            connection.close()

    def test_a_file_system_that_is_mounted_over_it(self):
        skip_unless_root("to mount")
        directory = self.around / "one"
        self.start(directory, "--workers", "1")
        command = ["mount", "-t", "tmpfs", "none", directory]
        if subprocess.run(command, capture_output=True).returncode != 0:
            self.skipTest("cannot mount a tmpfs here")
        try:
            (directory / "file").write_text("mounted")
            self.wait("mounted")
        finally:
            subprocess.run(["umount", "--lazy", directory], check=True)
        self.wait("one")

    def test_without_openat2(self):
        prefix = refusing(OPENAT2)
        process = start_sluice("--version", prefix=prefix)
        process.communicate(timeout=20)
        if process.returncode == 125:
            self.skipTest("no seccomp filter can be set here to refuse openat2")
        self.start(self.link, "--workers", "1", prefix=prefix)
        switch(self.link, "two")
        self.wait("two")


if __name__ == "__main__":
    unittest.main()
