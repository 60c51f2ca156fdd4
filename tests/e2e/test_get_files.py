# SPDX-License-Identifier: MIT
"""What `sluice get` does to files: parts that are replaced meanwhile, disks that are full, and the
permissions of what is replaced."""

import os
import stat
import subprocess
import threading
import unittest

import journals
from other_servers import range_answer, scripted
from support import (
    MIB,
    WAIT,
    content,
    finish,
    get,
    mount,
    ordinary_user,
    program,
    skip_unless_root,
    start_sluice,
    temp_folder,
    wait_until,
)

BODY = content(3 * MIB + 21)
OTHER = content(2 * MIB + 5, 2)
HALF = 2 * MIB
STRANGE = b"a stranger's" * 1000


class Files(unittest.TestCase):
    def setUp(self):
        self.use(temp_folder(self.addCleanup))
        self.cut = {}  # target: after how many bytes of the body the connection ends
        self.waits, self.may_go = set(), threading.Event()  # "head" or "body" of these waits
        self.asked, self.has_half = threading.Event(), threading.Event()
        self.server = scripted(self.addCleanup, self.script)
        self.addCleanup(self.may_go.set)

    def use(self, here):
        self.here = here
        self.file, self.part = here / "out", here / "out.part"
        self.state = here / "out.part.state"

    def script(self, peer):
        request = peer.request()
        body = OTHER if request.target == "/two" else BODY
        answer = range_answer(request, body, f'"{request.target}"')
        head = answer.index(b"\r\n\r\n") + 4
        answer = answer[: head + self.cut.get(request.target, len(answer))]
        self.asked.set()
        if "head" in self.waits:
            self.may_go.wait(WAIT)
        peer.send(answer[: head + MIB])
        self.has_half.set()
        if "body" in self.waits:
            self.may_go.wait(WAIT)
        peer.send(answer[head + MIB :])

    def start(self, target="/one", **how):
        process = start_sluice("get", "-q", self.server.url(target), "-o", self.file, **how)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def get(self, target="/one", *options, **how):
        return get(self.server.url(target), "-o", self.file, *options, **how)

    def assert_cut(self, **how):
        self.cut["/one"] = HALF
        done = self.get(**how)
        self.assertEqual(done.code, 1, done.err)
        self.assertIn("out.part has the first", done.err)
        self.cut.clear()

    def assert_completes(self, resumes, **how):
        done = self.get("/one", "--json", **how)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(done.objects()[0]["resumed_from_bytes"] > 0, resumes)

    def assert_fails(self, done, says):
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, says)

    def move_stranger_to(self, path):
        stranger = self.here / "stranger"
        stranger.write_bytes(STRANGE)
        stranger.rename(path)


class Meanwhile(Files):
    def test_the_part_is_replaced_before_the_answer(self):
        for name, change in (
            ("moved over it", lambda: self.move_stranger_to(self.part)),
            ("written over it", lambda: self.part.write_bytes(STRANGE)),
        ):
            with self.subTest(name):
                self.assert_cut()
                self.waits, before = {"head"}, set(os.listdir(self.here))
                self.asked.clear()
                self.may_go.clear()
                process = self.start()
                self.asked.wait(WAIT)
                change()
                self.may_go.set()
                self.assert_fails(finish(process), r"out\.part was changed or replaced meanwhile")
                self.assertEqual(self.part.read_bytes(), STRANGE)
                self.assertEqual(set(os.listdir(self.here)), before)
                self.waits = set()
                self.assert_completes(resumes=False)
                self.assertEqual(self.part.read_bytes(), STRANGE)
                for path in (self.file, self.part, self.state):
                    path.unlink()

    def test_another_download_of_the_name_before_the_answer(self):
        self.assert_cut()
        self.asked.clear()
        self.waits = {"head"}
        process = self.start()
        self.asked.wait(WAIT)
        self.assert_fails(self.get("/two"), "out.part: another process is writing it")
        self.may_go.set()
        self.assertEqual(finish(process).code, 0)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")

    def half_way(self, *changes):
        """A get of which a part is there, what changes then, and how it ends."""
        self.waits = {"body"}
        self.has_half.clear()
        self.may_go.clear()
        process = self.start()
        self.has_half.wait(WAIT)
        wait_until(self.state.exists, "there is a state")
        for change in changes:
            change()
        self.may_go.set()
        self.waits = set()
        return finish(process)

    def test_the_part_is_removed_and_begun_anew(self):
        second = []

        def begin_anew():
            self.waits, self.cut["/two"] = set(), MIB
            second.append(self.get("/two"))

        self.file.write_bytes(b"old")
        first = self.half_way(self.part.unlink, self.state.unlink, begin_anew)
        self.assert_fails(first, r"out\.part was changed, moved or replaced")
        self.assert_fails(second[0], r"out\.part has the first")
        self.assertEqual(self.file.read_bytes(), b"old")
        self.cut.clear()
        done = self.get("/two", "--json")
        self.assertGreater(done.objects()[0]["resumed_from_bytes"], 0)
        self.assertTrue(self.file.read_bytes() == OTHER, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["out"])

    def test_something_else_has_its_name(self):
        makers = {
            "file": lambda: self.move_stranger_to(self.part),
            "directory": lambda: (self.part.unlink(), self.part.mkdir()),
            "FIFO": lambda: (self.part.unlink(), os.mkfifo(self.part)),
            "nothing": self.part.unlink,
            "moved away": lambda: self.part.rename(self.here / "mine"),
        }
        for kind, make in makers.items():
            with self.subTest(kind):
                self.file.write_bytes(b"old")
                done = self.half_way(make)
                self.assert_fails(done, r"out\.part was changed, moved or replaced")
                self.assertEqual(self.file.read_bytes(), b"old")
                self.assertFalse(self.state.exists())
                for path in self.here.iterdir():
                    path.rmdir() if path.is_dir() else path.unlink()

    def test_the_part_is_cut(self):
        done = self.half_way(lambda: os.truncate(self.part, 10))
        self.assertIn(done.code, (0, 1))  # what is written behind it makes it long again

    def test_something_else_has_the_name_of_the_state(self):
        self.assertEqual(self.half_way(lambda: self.move_stranger_to(self.state)).code, 0)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(self.state.read_bytes(), STRANGE)
        self.assertEqual(sorted(os.listdir(self.here)), ["out", "out.part.state"])

    def test_the_name_becomes_what_is_never_replaced(self):
        for kind, make in (("directory", self.file.mkdir), ("FIFO", lambda: os.mkfifo(self.file))):
            with self.subTest(kind):
                done = self.half_way(make)
                self.assert_fails(done, r"out is (a directory|no regular file).*out\.part has the first")
                self.assertFalse(self.file.is_file())
                self.file.rmdir() if kind == "directory" else self.file.unlink()
                self.assert_completes(resumes=True)
                self.assertEqual(os.listdir(self.here), ["out"])
                self.file.unlink()

    def test_the_part_gets_the_name_itself(self):
        self.assertEqual(self.half_way(lambda: os.link(self.part, self.file)).code, 0)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["out"])

    def test_the_directory_is_renamed(self):
        inner = self.here / "inner"
        inner.mkdir()
        self.use(inner)
        self.assertEqual(self.half_way(lambda: inner.rename(inner.with_name("moved"))).code, 0)
        self.assertTrue((inner.with_name("moved") / "out").read_bytes() == BODY)


class Full(Files):
    def fill(self):
        with open(self.here / "filler", "wb", buffering=0) as filler:
            for size in (64 << 10, 4096, 1):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError:
                    pass

    def test_what_is_there_outlasts_a_full_disk(self):
        for kind in ("tmpfs", "ext2", "ext4"):
            with self.subTest(kind):
                self.use(self.small(kind))
                self.assert_cut()
                before = self.part.read_bytes()
                self.fill()
                for _ in range(2):
                    self.assert_fails(self.get(), r"no room for out\.part: .*out\.part has the first")
                    self.assertEqual(self.part.read_bytes()[:MIB], before[:MIB])
                (self.here / "filler").unlink()
                self.assert_completes(resumes=True)
                self.assertEqual(sorted(set(os.listdir(self.here)) - {"lost+found"}), ["out"])

    def test_what_came_before_it_was_full(self):
        """ext2 cannot allocate in advance: the disk fills up while bytes come."""
        self.use(self.small("ext2", 3))
        self.assert_fails(self.get(), r"no room for out\.part: .*out\.part has the first \d{6,} bytes")
        self.assertEqual(journals.done_bytes(journals.read(self.state)), self.part.stat().st_size)

    def small(self, kind, size=7):
        if kind == "tmpfs":
            return mount(self.addCleanup, "tmpfs", f"size={size}m")
        image = temp_folder(self.addCleanup) / "image"
        with open(image, "wb") as file:
            file.truncate(size * MIB)
        options = ["-m", "0"] + (["-O", "^has_journal"] if kind == "ext4" else [])
        subprocess.run([program(f"mkfs.{kind}"), "-q", *options, image], check=True)
        return mount(self.addCleanup, kind, "loop", image)


class Access(Files):
    def mode(self, path):
        return stat.S_IMODE(path.stat().st_mode)

    def while_it_comes(self, **how):
        """What the part is like while bytes come; the get is done afterwards."""
        self.waits = {"body"}
        self.has_half.clear()
        self.may_go.clear()
        process = self.start(**how)
        self.has_half.wait(WAIT)
        wait_until(self.state.exists, "there is a state")
        status = self.part.stat()
        self.assertEqual(self.mode(self.state), 0o600)
        self.may_go.set()
        done = finish(process)
        self.assertEqual(done.code, 0, done.err)
        return status

    def test_what_is_private_stays_so(self):
        for mode in (0o600, 0o640, 0o400, 0o755, 0o666, 0o4711):
            with self.subTest(oct(mode)):
                self.file.write_bytes(b"old")
                self.file.chmod(mode)
                part = self.while_it_comes()
                self.assertEqual(stat.S_IMODE(part.st_mode), mode & 0o777 | 0o600)
                self.assertEqual(self.mode(self.file), mode & 0o777)
                self.file.unlink()

    def test_a_new_file_follows_the_umask(self):
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.assertEqual(stat.S_IMODE(self.while_it_comes().st_mode), 0o640)
        self.assertEqual(self.mode(self.file), 0o640)

    def test_the_superuser_keeps_owner_and_group(self):
        skip_unless_root("to own files of others")
        self.file.write_bytes(b"old")
        self.file.chmod(0o640)
        os.chown(self.file, 65534, 65534)
        self.while_it_comes()
        status = self.file.stat()
        self.assertEqual((status.st_uid, status.st_gid), (65534, 65534))
        self.assertEqual(self.mode(self.file), 0o640)

    def test_a_group_that_cannot_be_kept_hands_nothing_to_another(self):
        user = ordinary_user(self.here)
        if not user:
            self.skipTest("needs root to make a file of another group")
        self.here.chmod(0o777)
        self.file.write_bytes(b"old")
        self.file.chmod(0o664)
        part = self.while_it_comes(prefix=user)
        self.assertEqual(stat.S_IMODE(part.st_mode), 0o644)
        self.assertEqual(self.mode(self.file), 0o644)


if __name__ == "__main__":
    unittest.main()
