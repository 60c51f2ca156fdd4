# SPDX-License-Identifier: MIT
"""`sluice get` interrupted, killed or cut off, and run again."""

import os
import signal
import unittest

import journals
from other_servers import (
    answer_head,
    range_answer,
    scripted,
    stalling_proxy,
    start_nginx,
    start_python_server,
    whole_answer,
)
from support import (
    MIB,
    RECEIVE_PATHS,
    content,
    finish,
    get,
    make_file,
    serve,
    settle,
    skip_unless_possible,
    start_sluice,
    temp_folder,
    wait_until,
    wait_until_still,
)

SIZE = 12 * MIB + 345
STALL = 5 * MIB + 777
OVERLAP = 64 << 10  # that is asked for again
BODY = content(SIZE)


class Resuming(unittest.TestCase):
    def setUp(self):
        self.here = temp_folder(self.addCleanup)
        self.file = self.here / "file.bin"
        self.part = self.here / "file.bin.part"
        self.state = self.here / "file.bin.part.state"

    def get(self, url, *options):
        done = get(url, "-o", self.file, "--json", "--timeout", "20", *options)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(os.listdir(self.here), ["file.bin"])
        return done

    def stop(self, url, stalled, sign, *options):
        """Starts a transfer, waits until its server falls silent, and sends a signal."""
        process = start_sluice("get", url, "-o", self.file, *options)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(stalled, "the server falls silent")
        wait_until(self.part.exists, "there is a part")
        wait_until_still(process)  # the part has taken what was sent
        process.send_signal(sign)
        return process

    def interrupt(self, url, stalled, *options):
        done = finish(self.stop(url, stalled, signal.SIGINT, *options))
        self.assertEqual(done.code, 1, done.err)
        self.assertIn("file.bin.part", done.err)
        self.assertFalse(self.file.exists())
        self.assertTrue(self.part.exists())
        journals.read(self.state)
        return done


class TwoAtOnce(Resuming):
    def test_the_second_leaves_the_first_in_peace(self):
        folder = temp_folder(self.addCleanup)
        settle(make_file(folder / "file.bin", SIZE))
        server = serve(self.addCleanup, folder)
        proxy = stalling_proxy(self.addCleanup, server.port, STALL)
        first = start_sluice("get", proxy.url(), "-o", self.file)
        self.addCleanup(first.communicate)
        self.addCleanup(first.kill)
        wait_until(proxy.stalled.is_set, "the server falls silent")
        wait_until(self.part.exists, "there is a part")
        second = get(proxy.url(), "-o", self.file)
        self.assertEqual(second.code, 1, second.err)
        self.assertRegex(second.err, r"^sluice: [^\n]*file\.bin\.part[^\n]*\n$")
        first.send_signal(signal.SIGINT)
        self.assertEqual(finish(first).code, 1)
        self.assertGreater(self.get(proxy.url()).objects()[0]["resumed_from_bytes"], 0)


class AgainstRealServers(Resuming):
    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        settle(make_file(cls.folder / "file.bin", SIZE))

    def behind_proxy(self, port):
        proxy = stalling_proxy(self.addCleanup, port, STALL)
        return proxy.url(), proxy.stalled.is_set

    def assert_continues(self, port, *options):
        url, stalled = self.behind_proxy(port)
        self.interrupt(url, stalled, *options)
        printed = self.get(url, *options).objects()[0]
        resumed = printed["resumed_from_bytes"]
        self.assertEqual(printed["status"], 206)
        self.assertGreater(resumed, 0)
        self.assertLessEqual(resumed, STALL)
        self.assertEqual(printed["bill"]["bytes"], SIZE - resumed)

    def test_from_sluice_by_each_path(self):
        server = serve(self.addCleanup, self.folder)
        for path_name in ("auto", *RECEIVE_PATHS):
            with self.subTest(path_name):
                skip_unless_possible(path_name, self.here)
                self.assert_continues(server.port, "--path", path_name)
                self.file.unlink()

    def test_from_nginx(self):
        self.assert_continues(start_nginx(self.addCleanup, self.folder))

    def test_from_a_server_without_ranges_starts_over(self):
        url, stalled = self.behind_proxy(start_python_server(self.addCleanup, self.folder))
        process = self.stop(url, stalled, signal.SIGINT)
        self.assertEqual(finish(process).code, 1)
        self.assertEqual(self.get(url).objects()[0]["resumed_from_bytes"], 0)

    def test_sigterm_is_like_sigint(self):
        url, stalled = self.behind_proxy(serve(self.addCleanup, self.folder).port)
        self.assertEqual(finish(self.stop(url, stalled, signal.SIGTERM)).code, 1)
        self.assertGreater(self.get(url).objects()[0]["resumed_from_bytes"], 0)

    def test_killed_and_run_again(self):
        server = serve(self.addCleanup, self.folder)
        for path_name in ("auto", *RECEIVE_PATHS):
            with self.subTest(path_name):
                skip_unless_possible(path_name, self.here)
                url, stalled = self.behind_proxy(server.port)
                self.stop(url, stalled, signal.SIGKILL, "--path", path_name).wait()
                self.assertFalse(self.file.exists())
                self.get(url, "--path", path_name)
                self.file.unlink()

    def test_an_existing_file_stays_until_the_new_one_is_whole(self):
        url, stalled = self.behind_proxy(serve(self.addCleanup, self.folder).port)
        self.file.write_bytes(b"old")
        self.assertEqual(finish(self.stop(url, stalled, signal.SIGINT)).code, 1)
        self.assertEqual(self.file.read_bytes(), b"old")
        self.get(url)

    def test_a_file_that_changed_starts_over_and_says_so(self):
        folder = temp_folder(self.addCleanup)
        changed = settle(make_file(folder / "file.bin", SIZE, seed=7))
        url, stalled = self.behind_proxy(serve(self.addCleanup, folder).port)
        self.interrupt(url, stalled)
        changed.write_bytes(BODY)
        done = self.get(url)
        self.assertRegex(done.err, "(?i)changed|start(s|ed|ing)? (again|over)")
        self.assertEqual(done.objects()[0]["resumed_from_bytes"], 0)


class Scripted(Resuming):
    def first_half(self, etag='"v1"', after=range_answer):
        """A server whose first connection breaks at STALL; then `after(request, BODY)` answers."""

        def script(peer):
            while request := peer.request():
                if peer.number == 0:
                    return peer.send(whole_answer(BODY, etag)[: STALL + 200])
                peer.send(after(request, BODY))

        server = scripted(self.addCleanup, script)
        done = get(server.url(), "-o", self.file)
        self.assertEqual(done.code, 1, done.err)
        return server

    def assert_starts_over(self, server):
        self.assertEqual(self.get(server.url()).objects()[0]["resumed_from_bytes"], 0)


class AgainstAScript(Scripted):
    def test_what_is_asked(self):
        server = self.first_half()
        resumed = self.get(server.url()).objects()[0]["resumed_from_bytes"]
        self.assertGreater(resumed, 0)
        headers = server.requests[1].headers
        self.assertEqual(headers["if-range"], '"v1"')
        asked = int(headers["range"].removeprefix("bytes=").removesuffix("-"))
        self.assertEqual(asked, resumed - OVERLAP)  # what is here is compared

    def test_a_weak_or_missing_tag_cannot_be_continued(self):
        for etag in ('W/"v1"', None, "unquoted"):
            with self.subTest(etag):
                server = self.first_half(etag)
                self.assert_starts_over(server)
                self.assertNotIn("range", server.requests[-1].headers)

    def test_another_url_starts_over(self):
        self.first_half()

        def script(peer):
            peer.send(range_answer(peer.request(), BODY))

        other = scripted(self.addCleanup, script)
        self.assert_starts_over(other)
        self.assertNotIn("range", other.requests[0].headers)

    def test_200_instead_of_206_costs_nothing_that_is_here(self):
        server = self.first_half(after=lambda request, body: whole_answer(body))
        printed = self.get(server.url()).objects()[0]
        self.assertGreater(printed["resumed_from_bytes"], 0)
        self.assertEqual(printed["bill"]["bytes"], SIZE - printed["resumed_from_bytes"])

    def test_200_with_another_tag_starts_over_and_says_so(self):
        server = self.first_half(after=lambda request, body: whole_answer(body, '"v2"'))
        done = self.get(server.url())
        self.assertRegex(done.err, "(?i)changed|start(s|ed|ing)? (again|over)")
        self.assertEqual(done.objects()[0]["resumed_from_bytes"], 0)

    def test_416_asks_for_all(self):
        def after(request, body):
            if "range" in request.headers:
                return answer_head("416 Range Not Satisfiable", Content_Length=0)
            return whole_answer(body)

        self.get(self.first_half(after=after).url())

    def test_a_refusal_after_a_short_answer_loses_nothing(self):
        refuses = True

        def after(request, body):
            first = int(request.headers.get("range", "bytes=0-")[6:-1])
            if not refuses:
                return range_answer(request, body)
            if len(server.requests) > 2:
                return answer_head("404 Not Found", Content_Length=0)
            last = STALL + 2 * MIB
            place = f"bytes {first}-{last}/{SIZE}"
            head = answer_head(
                "206 Partial Content",
                Content_Length=last + 1 - first,
                Content_Range=place,
                ETag='"v1"',
            )
            return head + body[first : last + 1]

        server = self.first_half(after=after)
        done = get(server.url(), "-o", self.file)
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, r"404.*; file\.bin\.part has the first \d+ bytes: run the same command again")
        refuses = False
        resumed = self.get(server.url()).objects()[0]["resumed_from_bytes"]
        self.assertGreater(resumed, STALL + MIB)

    def test_cut_again_and_again(self):
        cuts = [1, 4095, 4096, 4097, MIB - 1, MIB, MIB + 1, 5 * MIB + 1, SIZE - 1]

        def script(peer):
            answer = range_answer(peer.request(), BODY)
            head = answer.index(b"\r\n\r\n") + 4
            if peer.number < len(cuts):
                answer = answer[: head + min(cuts[peer.number], len(answer) - head - 1)]
            peer.send(answer)

        server = scripted(self.addCleanup, script)
        while len(server.peers) < len(cuts):  # what brings nothing is asked for again at once
            done = get(server.url(), "-o", self.file)
            self.assertEqual(done.code, 1, (len(server.peers), done.err))
        self.get(server.url())


class NotOurs(Scripted):
    """What is not as an earlier call left it stays as it is, and the download takes other names."""

    def setUp(self):
        super().setUp()
        self.server = self.first_half()

    def lies_here(self):
        found = {each.name: each.read_bytes() for each in self.here.iterdir()}
        found.pop("file.bin", None)
        return found

    def assert_left_alone(self, says=r"file.bin.part is not ours"):
        before = self.lies_here()
        done = get(self.server.url(), "-o", self.file, "--json", "--timeout", "20")
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual(done.objects()[0]["resumed_from_bytes"], 0)
        self.assertRegex(done.err, rf"(?m)^sluice: {says}.*: it stays as it is, and file\.bin\.2\.part is used$")
        self.assertEqual(self.lies_here(), before)
        self.file.unlink()

    def test_a_part_without_a_state(self):
        self.state.unlink()
        self.assert_left_alone()

    def test_a_file_moved_there(self):
        stranger = make_file(self.here / "stranger", SIZE, seed=9)
        stranger.rename(self.part)
        self.assert_left_alone()

    def test_a_file_written_over_it(self):
        for kind, change in (
            ("whole", lambda: self.part.write_bytes(content(SIZE, 9))),
            ("shorter", lambda: self.part.write_bytes(b"not ours" * 1000)),
            ("at the start", lambda: self.write_at(0)),
            ("cut", lambda: os.truncate(self.part, MIB)),
        ):
            with self.subTest(kind):
                self.server = self.first_half()
                change()
                self.assert_left_alone()
                self.part.unlink()
                self.state.unlink()

    def write_at(self, offset):
        with open(self.part, "r+b") as part:
            part.seek(offset)
            part.write(b"not ours")

    def test_a_copy_of_the_part(self):
        copy = self.here / "copy"
        copy.write_bytes(self.part.read_bytes())
        copy.rename(self.part)
        self.assert_left_alone()

    def test_a_part_with_another_name(self):
        os.link(self.part, self.here / "mine")
        self.assert_left_alone()

    def test_a_state_that_is_no_state(self):
        for text in ("{", "[]", "null", "{}", '{"etag": 5}', "\x00" * 100, "[" * 100_000, " " * MIB):
            with self.subTest(text[:10]):
                self.state.write_text(text)
                self.assert_left_alone("file.bin.part.state")

    def test_a_state_that_is_empty(self):
        self.state.write_bytes(b"")
        self.assert_left_alone()

    def test_a_state_of_another_version(self):
        state = journals.read(self.state)
        for version in (0, 3, -1, "2", 2.0, None):
            with self.subTest(version):
                journals.write(self.state, {**state, "version": version})
                self.assert_left_alone(r"file.bin.part.state is not ours \(it is no journal of a version")

    def test_a_state_with_a_member_missing(self):
        state = journals.read(self.state)
        for name in state:
            if name != "checksum":
                with self.subTest(name):
                    journals.write(self.state, {key: state[key] for key in state if key != name})
                    self.assert_left_alone("file.bin.part.state")

    def test_a_state_that_claims_what_cannot_be(self):
        state = journals.read(self.state)
        blocks = SIZE // journals.BLOCK + 1
        for done in (
            [[0, blocks + 1]],
            [[0, 1 << 60]],
            [[-1, 5]],
            [[5, 5]],
            [[7, 5]],
            [[0, 5], [5, 9]],
            [[4, 9], [0, 2]],
            [[0, 5.0]],
            [[0, 5, 7]],
            [0, 5],
            "0-5",
        ):
            with self.subTest(done):
                journals.write(self.state, {**state, "done_blocks": done})
                self.assert_left_alone("file.bin.part.state")

    def test_a_damaged_state(self):
        whole = self.state.read_bytes()
        for place in (whole.index(b"["), whole.index(b"checksum") + 12, whole.index(b"part_inode") + 14):
            with self.subTest(place):
                damaged = bytearray(whole)
                damaged[place + 1] ^= 1
                self.state.write_bytes(damaged)
                self.assert_left_alone("file.bin.part.state")

    def test_nodes_of_every_kind(self):
        makers = {
            "directory": os.mkdir,
            "FIFO": os.mkfifo,
            "dangling link": lambda path: os.symlink("nothing", path),
            "link": lambda path: os.symlink("stranger", path),
            "link to itself": lambda path: os.symlink(path, path),
            "other name of a file": lambda path: os.link(self.here / "stranger", path),
        }
        make_file(self.here / "stranger", 5000, seed=9)
        for place in (self.part, self.state):
            for kind, make in makers.items():
                with self.subTest(kind, place=place.name):
                    self.part.unlink(missing_ok=True)
                    self.state.unlink(missing_ok=True)
                    make(place)
                    before = os.lstat(place)
                    done = get(self.server.url(), "-o", self.file, "--timeout", "20")
                    self.assertEqual(done.code, 0, done.err)
                    self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
                    self.assertRegex(done.err, rf"{place.name} is not ours \(it (is not|has another)")
                    after = os.lstat(place)
                    self.assertEqual((after.st_ino, after.st_mode), (before.st_ino, before.st_mode))
                    stranger = (self.here / "stranger").read_bytes()
                    self.assertTrue(stranger == content(5000, 9), "a file elsewhere was written to")
                    place.rmdir() if kind == "directory" else place.unlink()
                    self.file.unlink()

    def test_more_of_them_than_there_are_names(self):
        names = [f"file.bin{number}.part" for number in ("", ".2", ".3")]
        for name in names:
            (self.here / name).write_bytes(b"a stranger's")
        before = self.lies_here()
        done = get(self.server.url(), "-o", self.file, "--timeout", "20")
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, r"file\.bin\.part is not ours.*move them away")
        self.assertEqual(self.lies_here(), before)

    def test_a_second_pair_is_continued(self):
        self.part.write_bytes(b"a stranger's")
        server = self.first_half()
        resumed = get(server.url(), "-o", self.file, "--json").objects()[0]["resumed_from_bytes"]
        self.assertGreater(resumed, 0)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        names = ["file.bin", "file.bin.part", "file.bin.part.state"]
        self.assertEqual(sorted(os.listdir(self.here)), names)


class OtherJournals(Scripted):
    def setUp(self):
        super().setUp()
        self.cut = len(BODY)
        self.server = scripted(self.addCleanup, self.script)
        self.get_cut(STALL)

    def script(self, peer):
        answer = range_answer(peer.request(), BODY)
        peer.send(answer[: answer.index(b"\r\n\r\n") + 4 + self.cut])

    def get_cut(self, after):
        self.cut = after
        done = get(self.server.url(), "-o", self.file)
        self.assertEqual(done.code, 1, done.err)
        self.cut = len(BODY)

    def test_the_first_version_is_continued(self):
        journals.write_first_version(self.state)
        resumed = self.get(self.server.url()).objects()[0]["resumed_from_bytes"]
        self.assertEqual(resumed, STALL // journals.BLOCK * journals.BLOCK)

    def test_the_first_version_becomes_the_second(self):
        journals.write_first_version(self.state)
        self.get_cut(MIB)
        self.assertEqual(journals.read(self.state)["version"], 2)
        resumed = self.get(self.server.url()).objects()[0]["resumed_from_bytes"]
        self.assertGreater(resumed, STALL)

    def test_a_first_version_that_does_not_fit_stays(self):
        journals.write_first_version(self.state)
        state = journals.read(self.state)
        for change in ({"done_bytes": SIZE + 1}, {"done_bytes": -1}, {"sample": "0" * 16}):
            with self.subTest(change):
                journals.write(self.state, {**state, **change})
                before = self.state.read_bytes()
                done = get(self.server.url(), "-o", self.file)
                self.assertEqual(done.code, 0, done.err)
                self.assertIn("is not ours", done.err)
                self.assertEqual(self.state.read_bytes(), before)
                self.file.unlink()

    def assert_fills_gaps(self, stretches, asked):
        """Of blocks that are there. The first request reaches back, to compare."""
        state = journals.read(self.state)
        block, end = journals.BLOCK, stretches[-1][1]
        samples = b"".join(BODY[(to - 1) * block : to * block] for _, to in stretches)
        several = {"done_blocks": stretches, "sample": f"{journals.digest(samples):016x}"}
        journals.write(self.state, {**state, **several})
        here = sum(to - start for start, to in stretches) * block
        self.assertEqual(self.get(self.server.url()).objects()[0]["resumed_from_bytes"], here)
        ranges = [each.headers["range"] for each in self.server.requests[1:]]
        self.assertEqual(ranges, [*asked, f"bytes={end * block}-"])

    def test_gaps_between_stretches_are_filled(self):
        overlap = OVERLAP // journals.BLOCK
        block = journals.BLOCK
        self.assert_fills_gaps(
            [[0, 256], [512, 600], [601, STALL // block]],
            [f"bytes={(256 - overlap) * block}-{512 * block - 1}", f"bytes={600 * block}-{601 * block - 1}"],
        )

    def test_the_start_is_missing(self):
        self.assert_fills_gaps([[10, STALL // journals.BLOCK]], [f"bytes=0-{10 * journals.BLOCK - 1}"])


class OursWithoutUse(Scripted):
    def setUp(self):
        super().setUp()
        self.server = self.first_half()

    def test_without_the_part(self):
        self.part.unlink()
        self.assert_starts_over(self.server)

    def test_a_kill_while_the_part_was_aside(self):
        self.part.rename(self.here / "file.bin.part.aside")
        self.assertGreater(self.get(self.server.url()).objects()[0]["resumed_from_bytes"], 0)

    def test_a_kill_while_the_state_was_aside(self):
        self.part.unlink()
        self.state.rename(self.here / "file.bin.part.aside")
        self.assert_starts_over(self.server)

    def test_something_else_that_has_the_name_aside(self):
        (self.here / "file.bin.part.aside").write_bytes(b"a stranger's")
        self.assertEqual(get(self.server.url(), "-o", self.file).code, 0)
        self.assertTrue(self.file.read_bytes() == BODY, "the copy differs")
        self.assertEqual((self.here / "file.bin.part.aside").read_bytes(), b"a stranger's")
        self.assertFalse(self.part.exists() or self.state.exists())

    def test_an_empty_part(self):
        os.truncate(self.part, 0)
        self.assert_starts_over(self.server)

    def test_an_empty_part_and_an_empty_state(self):
        os.truncate(self.part, 0)
        os.truncate(self.state, 0)
        self.assert_starts_over(self.server)

    def test_a_state_that_claims_more_than_there_is(self):
        state = journals.read(self.state)
        for number in (SIZE, 1 << 62):
            with self.subTest(number):
                os.truncate(self.part, 0)
                claims = {"done_blocks": [[0, SIZE // journals.BLOCK]], "size_bytes": number}
                journals.write(self.state, {**state, **claims})
                self.assert_starts_over(self.server)
                self.file.unlink()
                self.server = self.first_half()


if __name__ == "__main__":
    unittest.main()
