# SPDX-License-Identifier: MIT
"""Where `sluice get -o` writes: through descriptors and devices, and never in place of one."""

import os
import signal
import subprocess
import threading
import unittest

from other_servers import range_answer, scripted, whole_answer
from support import (
    KIB,
    MIB,
    SLUICE,
    WAIT,
    content,
    finish,
    get,
    mount,
    program,
    skip_unless_root,
    sluice,
    start_sluice,
    temp_folder,
    wait_until,
)

BODY = content(MIB + 17)

# A /dev of its own, so that a mistake costs this machine nothing.
OWN_DEV = """mount -t tmpfs none /dev && ln -s /proc/self/fd /dev/fd && ln -s fd/1 /dev/stdout &&
 mknod -m 666 /dev/null c 1 3 && exec "$@" """


class Outputs(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.url = scripted(self.addCleanup, lambda peer: peer.send(self.answer(peer.request()))).url()

    def answer(self, request):
        return whole_answer(BODY)

    def assert_says(self, done, says):
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, rf"^sluice: [^\n]*{says}[^\n]*\n$")


class Descriptors(Outputs):
    NAMES = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1")

    def get(self, name, **how):
        """With the rights to do harm, and nothing to do it to."""
        prefix = ()
        if os.geteuid() == 0:
            prefix = [program("unshare"), "-m", "sh", "-c", OWN_DEV, "sh"]
        return get(self.url, "-q", "-o", name, prefix=prefix, cwd=self.here, **how)

    def test_a_file_that_is_standard_output(self):
        for name in self.NAMES:
            with self.subTest(name), open(self.here / "file", "wb") as file:
                done = self.get(name, stdout=file)
                self.assertEqual(done.code, 0, done.err)
                self.assertTrue((self.here / "file").read_bytes() == BODY, "the copy differs")
                self.assertEqual(os.listdir(self.here), ["file"])

    def test_behind_what_is_there(self):
        for name in self.NAMES:
            for mode in ("ab", "r+b"):
                with self.subTest(name, mode=mode):
                    (self.here / "file").write_bytes(b"before")
                    with open(self.here / "file", mode, buffering=0) as file:
                        file.seek(6)
                        self.assertEqual(self.get(name, stdout=file).code, 0)
                    self.assertTrue((self.here / "file").read_bytes() == b"before" + BODY)

    def test_a_pipe(self):
        for name in self.NAMES:
            with self.subTest(name):
                self.assertTrue(self.get(name).out == BODY, "the copy differs")

    def test_a_link_of_one_s_own(self):
        (self.here / "link").symlink_to("/dev/stdout")
        self.assertTrue(self.get("link").out == BODY, "the copy differs")
        self.assertTrue((self.here / "link").is_symlink())

    def test_another_descriptor(self):
        with open(self.here / "file", "wb") as file:
            name = f"/dev/fd/{file.fileno()}"
            self.assertEqual(self.get(name, pass_fds=[file.fileno()]).code, 0)
        self.assertTrue((self.here / "file").read_bytes() == BODY, "the copy differs")

    def test_one_that_is_not_open_or_only_to_read(self):
        self.assertEqual(self.get("/dev/fd/99").code, 1)
        (self.here / "file").write_bytes(b"old")
        with open(self.here / "file", "rb") as file:
            done = self.get(f"/dev/fd/{file.fileno()}", pass_fds=[file.fileno()])
            self.assert_says(done, f"descriptor {file.fileno()} is not open for writing")

    def test_with_json(self):
        for name in ("-", "/dev/stdout"):
            self.assertEqual(get(self.url, "--json", "-o", name).code, 2)

    def test_nothing_is_made_or_replaced_in_dev_and_proc(self):
        skip_unless_root("to have a /dev of its own")
        script = OWN_DEV.replace("exec", "echo old > /dev/file; ln -s file /dev/link;")
        for name in ("/dev/new", "/dev/file", "/dev/link", "/proc/new", "/proc/1/new", "/sys/new"):
            with self.subTest(name):
                show = "; code=$?; ls -A /dev; cat /dev/file /dev/link; exit $code"
                command = ["unshare", "-m", "sh", "-c", script + show, "sh"]
                done = get(self.url, "-o", name, prefix=command)
                self.assert_says(done, r"no file is made or replaced in /(dev|proc|sys)")
                self.assertEqual(done.out.split()[-2:], [b"old", b"old"])
                self.assertNotIn(b"part", done.out)


class Pipes(Outputs):
    def setUp(self):
        super().setUp()
        self.fifo = self.here / "fifo"
        os.mkfifo(self.fifo)

    def test_a_reader_that_comes_late(self):
        process = start_sluice("get", "-q", self.url, "-o", self.fifo)
        self.addCleanup(process.kill)
        taken = []
        read = lambda: taken.append(self.fifo.read_bytes())
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self.assertEqual(finish(process).code, 0)
        reader.join(WAIT)
        self.assertTrue(taken[0] == BODY, "the copy differs")
        self.assertTrue(self.fifo.is_fifo())

    def test_a_reader_that_leaves(self):
        process = start_sluice("get", "-q", self.url, "-o", self.fifo)
        self.addCleanup(process.kill)
        with open(self.fifo, "rb", buffering=0) as reader:
            reader.read(10)
        self.assert_says(finish(process), "nobody reads any more: Broken pipe")

    def test_standard_output_closed(self):
        command = f"'{SLUICE}' get -q '{self.url}' -o - | head -c 10 >/dev/null"
        script = ["bash", "-c", command + "; exit ${PIPESTATUS[0]}"]
        done = subprocess.run(script, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, rb"^sluice: [^\n]*nobody reads any more[^\n]*\n$")

    def test_no_reader_and_an_interrupt(self):
        process = start_sluice("get", "-q", self.url, "-o", self.fifo)
        self.addCleanup(process.kill)
        # The signal is caught by now: /proc says so.
        wait_until(lambda: catches(process.pid, signal.SIGINT), "it catches signals")
        process.send_signal(signal.SIGINT)
        self.assert_says(finish(process), "interrupted")
        self.assertTrue(self.fifo.is_fifo())


def catches(pid, sign):
    with open(f"/proc/{pid}/status") as status:
        caught = next(line for line in status if line.startswith("SigCgt"))
    return int(caught.split()[1], 16) >> (sign - 1) & 1


class Links(Outputs):
    def get(self, name):
        return get(self.url, "-q", "-o", name, cwd=self.here)

    def test_a_link_is_replaced_and_what_it_leads_to_is_not(self):
        (self.here / "file").write_bytes(b"old")
        for name in ("file", "nothing"):
            with self.subTest(name):
                link = self.here / "link"
                link.unlink(missing_ok=True)
                link.symlink_to(name)
                self.assertEqual(self.get("link").code, 0)
                self.assertFalse(link.is_symlink())
                self.assertTrue(link.read_bytes() == BODY, "the copy differs")
        self.assertEqual((self.here / "file").read_bytes(), b"old")
        self.assertFalse((self.here / "nothing").exists())

    def test_links_to_a_device_and_to_a_directory(self):
        (self.here / "null").symlink_to("/dev/null")
        self.assertEqual(self.get("null").code, 0)
        self.assertTrue((self.here / "null").is_symlink())
        (self.here / "directory").symlink_to(".")
        self.assert_says(self.get("directory"), "is a directory")
        self.assertTrue((self.here / "directory").is_symlink())

    def test_a_device_that_is_full(self):
        self.assert_says(self.get("/dev/full"), "No space left")

    def test_a_block_device(self):
        skip_unless_root("to make a block device")
        image = self.here / "image"
        image.write_bytes(bytes(2 * MIB))
        command = [program("losetup"), "--find", "--show", image]
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(f"no loop device here: {made.stderr.strip()}")
        device = made.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "--detach", device], check=True)
        self.assertEqual(self.get(device).code, 0)
        self.assertTrue(image.read_bytes()[: len(BODY)] == BODY, "the copy differs")


class Names(Outputs):
    def answer(self, request):
        body = BODY if self.is_whole else BODY[: 300 * KIB]
        answer = range_answer(request, BODY)
        return answer if self.is_whole else answer[: -len(BODY)] + body

    def test_a_name_of_every_length_that_a_file_may_have(self):
        for name in ("n" * 240, "n" * 241, "n" * 254 + "m", "ä" * 127, "€" * 85):
            with self.subTest(len(name)):
                self.is_whole = False
                first = get(self.url, "-o", name, cwd=self.here)
                self.assertEqual(first.code, 1, first.err)
                self.assertRegex(first.err, r"part has the first \d+ bytes")
                self.is_whole = True
                done = get(self.url, "--json", "-o", name, cwd=self.here)
                self.assertEqual(done.code, 0, done.err)
                self.assertGreater(done.objects()[0]["resumed_from_bytes"], 0)
                self.assertEqual(os.listdir(self.here), [name])
                (self.here / name).unlink()

    def test_two_long_names_that_begin_alike(self):
        self.is_whole = False
        names = ["n" * 253 + end for end in ("ab", "cd")]
        for name in names:
            self.assertEqual(get(self.url, "-o", name, cwd=self.here).code, 1)
        self.assertEqual(len(os.listdir(self.here)), 4)


class Limits(Outputs):
    def answer(self, request):
        return whole_answer(content(4 * MIB))

    def limited(self, here, *options):
        command = ["bash", "-c", 'ulimit -f 1024; exec "$@"', "bash"]  # KiB
        return sluice("get", self.url, "-o", "file", *options, prefix=command, cwd=here)

    def test_a_limit_on_the_size_of_files(self):
        self.assert_says(self.limited(self.here), "no room for file.part: File too large; see what")
        self.assertEqual(os.listdir(self.here), [])

    def test_on_a_file_system_that_cannot_allocate(self):
        image = self.here / "image"
        with open(image, "wb") as file:
            file.truncate(16 * MIB)
        subprocess.run([program("mkfs.ext2"), "-q", image], check=True)
        here = mount(self.addCleanup, "ext2", "loop", image)
        for path_name in ("auto", "readwrite", "splice"):
            with self.subTest(path_name):
                done = self.limited(here, "--path", path_name)
                self.assert_says(done, "File too large; see what.*file.part has the first")
                done = get(self.url, "-o", "file", "--json", cwd=here)
                self.assertEqual(done.code, 0, done.err)
                self.assertTrue((here / "file").read_bytes() == content(4 * MIB))
                (here / "file").unlink()


if __name__ == "__main__":
    unittest.main()
