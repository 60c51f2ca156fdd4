# SPDX-License-Identifier: MIT
"""What reviews found in `sluice get`: files that only look whole, clocks that run while nobody can
move, parts that are left or lost."""

import os
import signal
import stat
import time
import unittest

from other_servers import answer_head, range_answer, scripted, whole_answer
from support import (
    MIB,
    content,
    finish,
    get,
    make_file,
    ordinary_user,
    serve,
    start_sluice,
    temp_folder,
    wait_until,
    wait_until_still,
)

SIZE = 6 * MIB + 345
CUT = 3 * MIB + 777
BODY = content(SIZE)
OTHER = content(SIZE, seed=2)


def chunked_range(request, end):
    """A 206 with the right place, whose last chunk comes too early or not at all."""
    first = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
    place = f"bytes {first}-{SIZE - 1}/{SIZE}"
    head = answer_head(
        "206 Partial Content", Transfer_Encoding="chunked", Content_Range=place, ETag='"v1"'
    )
    data = BODY[first : first + MIB]
    return head + b"%x\r\n" % len(data) + data + end


class Getting(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file.bin"
        self.part = self.here / "file.bin.part"
        self.state = self.here / "file.bin.part.state"

    def server(self, *answers):
        """Each makes the bytes for one request after another, the last one ever again."""
        numbers = iter(range(1 << 30))

        def script(peer):
            request = peer.request()
            if request:
                peer.send(answers[min(next(numbers), len(answers) - 1)](request))

        return scripted(self.addCleanup, script)

    def get(self, url, *options, **how):
        return get(url, "-o", self.file, "--timeout", "20", *options, **how)

    def assert_cut(self, url, **how):
        done = self.get(url, **how)
        self.assertEqual(done.code, 1, done.err)
        self.assertTrue(self.part.exists())

    def assert_completes(self, url, body=BODY, **how):
        done = self.get(url, "--json", **how)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == body, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["file.bin"])
        return done.objects()[0]


def cut_answer(request):
    return whole_answer(BODY)[: CUT + 200]


def good_answer(request):
    return range_answer(request, BODY)


class LooksWhole(Getting):
    def test_a_chunked_range_that_ends_early(self):
        for name, end in (("said to end", b"\r\n0\r\n\r\n"), ("broken off", b"\r\n")):
            with self.subTest(name):
                server = self.server(cut_answer, lambda r, e=end: chunked_range(r, e), good_answer)
                self.assert_cut(server.url())
                self.assert_cut(server.url())
                self.assertIn("range", server.requests[1].headers)
                self.assertFalse(self.file.exists())
                self.assertGreater(self.assert_completes(server.url())["resumed_from_bytes"], 0)
                self.file.unlink()

    def test_a_state_without_its_part_and_then_a_kill(self):
        for count in (0, 4096, MIB):
            with self.subTest(count):
                url = self.stalls_second(count).url()
                self.assert_cut(url)
                self.part.unlink()
                self.assertTrue(self.state.exists())
                self.kill_when_stalled(url)
                self.assert_completes(url)
                self.file.unlink()

    def stalls_second(self, count):
        """Cut at first; then silent after this much of the body; then good."""

        def script(peer):
            request = peer.request()
            if peer.number == 1:
                answer = range_answer(request, BODY)
                peer.send(answer[: answer.index(b"\r\n\r\n") + 4 + count])
                return peer.wait_for_the_client_to_leave()
            peer.send((cut_answer, None, good_answer)[peer.number](request))

        return scripted(self.addCleanup, script)

    def kill_when_stalled(self, url):
        process = start_sluice("get", url, "-o", self.file)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(self.part.exists, "there is a part")
        wait_until_still(process)  # the part has taken what was sent
        process.kill()
        process.wait()

    def test_the_tag_of_another_url(self):
        latest = ["/ver/a"]
        bodies = {"/ver/a": BODY, "/ver/b": OTHER}

        def script(peer):
            while request := peer.request():
                if request.target == "/latest":
                    peer.send(answer_head("302 Found", Location=latest[0], Content_Length=0))
                    continue
                answer = range_answer(request, bodies[request.target], '"1"')
                peer.send(answer[: CUT + 200] if request.target == "/ver/a" else answer)
                if request.target == "/ver/a":
                    return

        url = scripted(self.addCleanup, script).url("/latest")
        self.assert_cut(url)
        latest[0] = "/ver/b"
        self.assertEqual(self.assert_completes(url, OTHER)["resumed_from_bytes"], 0)


class Clocks(Getting):
    def test_a_process_that_was_stopped(self):
        step = SIZE // 30 + 1

        def script(peer):
            peer.request()
            answer = whole_answer(BODY)
            for start in range(0, len(answer), step):
                peer.send(answer[start : start + step])
                time.sleep(0.1)

        url = scripted(self.addCleanup, script).url()
        process = start_sluice("get", url, "-o", self.file, "--timeout", "1")
        self.addCleanup(process.kill)
        wait_until(self.part.exists, "there is a part")
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        process.send_signal(signal.SIGCONT)
        done = finish(process)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")

    def test_a_reader_that_pauses(self):
        process = start_sluice("get", self.server(good_answer).url(), "-o", "-", "--timeout", "1")
        self.addCleanup(process.kill)
        time.sleep(2.2)
        done = finish(process)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(done.out == BODY, "the copy differs")


class Command(Getting):
    def test_a_bill_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            done = self.get(self.server(good_answer).url(), "--json", stdout=full)
        self.assertEqual(done.code, 1, done.err)

    def test_two_urls_for_one_name(self):
        server = self.server(good_answer)
        done = get(server.url("/a/file.bin"), server.url("/b/file.bin"), cwd=self.here)
        self.assertEqual(done.code, 2, done.err)
        self.assertEqual(os.listdir(self.here), [])
        self.assertEqual(server.requests, [])

    def test_an_empty_name(self):
        done = get(self.server(good_answer).url(), "-o", "", cwd=self.here)
        self.assertEqual(done.code, 2, done.err)
        self.assertEqual(os.listdir(self.here), [])


class Modes(Getting):
    def mode(self):
        return stat.S_IMODE(self.file.stat().st_mode)

    def make_old(self, mode):
        self.file.write_bytes(b"old")
        self.file.chmod(mode)

    def test_the_mode_of_what_is_replaced_is_kept(self):
        self.make_old(0o640)
        self.assert_completes(self.server(good_answer).url())
        self.assertEqual(self.mode(), 0o640)

    def test_a_read_only_destination_can_be_continued(self):
        user = ordinary_user(self.here)
        if user:
            os.chown(self.here, 65534, 65534)
        self.make_old(0o444)
        if user:
            os.chown(self.file, 65534, 65534)
        url = self.server(cut_answer, good_answer).url()
        self.assert_cut(url, prefix=user)
        self.assertEqual(self.file.read_bytes(), b"old")
        self.assertGreater(self.assert_completes(url, prefix=user)["resumed_from_bytes"], 0)
        self.assertEqual(self.mode(), 0o444)


@unittest.skipUnless(os.path.isdir("/dev/shm"), "there is no /dev/shm to write into memory")
class Memory(unittest.TestCase):
    def test_direct_leaves_no_part(self):
        folder = temp_folder(self.addCleanup)
        here = temp_folder(self.addCleanup, "/dev/shm")
        make_file(folder / "file.bin", SIZE)
        server = serve(self.addCleanup, folder)
        done = get(server.url("file.bin"), "--path", "direct", cwd=here)
        self.assertIn(done.code, (0, 1), done.err)
        # Whether memory takes O_DIRECT is the kernel's to say.
        self.assertEqual(os.listdir(here), ["file.bin"] if done.code == 0 else [])
        if done.code == 0:
            self.assertTrue((here / "file.bin").read_bytes() == BODY, "the copy differs")


if __name__ == "__main__":
    unittest.main()
