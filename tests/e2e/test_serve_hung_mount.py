# SPDX-License-Identifier: MIT
"""`sluice serve` with a file system below its folder that does not answer any more: who asks for
something else is served, who waits for it is told, and the server stops."""

import json
import select
import signal
import unittest

import faulty_files
from support import LOOPS, MIB, content, evict, make_file, serve, temp_folder

LARGE = 24 * MIB + 123
LITTLE = 65536
MANY = 12  # more than there are helper threads


def mount(add_cleanup, folder, backing):
    return faulty_files.start_on(add_cleanup, folder, faulty_files.__file__, backing, "[]")


class Hung(unittest.TestCase):
    def setUp(self):
        self.folder, backing = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        (self.folder / "mount").mkdir()
        (self.folder / "link").symlink_to("mount/small1")
        for number in range(MANY):
            (backing / f"small{number}").write_bytes(b"small")
        make_file(backing / "large", LARGE)
        self.process = mount(self.addCleanup, self.folder / "mount", backing)

    def servers(self, folder, *options):
        for loop in LOOPS:
            env = {"SLUICE_LOOP": loop}
            yield serve(self.addCleanup, folder, "--workers", "1", *options, env=env)

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def asked(self, server, *targets, **how):
        """Connections on which nothing has been read yet."""
        connections = [server.connect(**how) for _ in targets]
        for connection, target in zip(connections, targets):
            self.addCleanup(connection.close)
            connection.ask(target)
        return connections

    def assert_serves_others(self, server):
        name = f"new-{server.port}"
        evict(make_file(self.folder / name, LARGE, seed=3))
        self.assertTrue(server.request(f"/{name}").body == content(LARGE, 3), "the body differs")
        self.assertEqual(server.request("/nothing").status, 404)

    def assert_stop(self, servers):
        """Together: one may wait in the kernel for what the other has locked there."""
        for server in servers:
            server.process.send_signal(signal.SIGTERM)
        for server in servers:
            server.finish()

    def test_others_are_served_and_the_server_stops(self):
        # Not by direct: the kernel does not let go of a thread that reads so.
        servers = list(self.servers(self.folder, "--path", "readwrite"))
        small = [f"/mount/small{number}" for number in range(MANY)]
        reading, waiting = {}, {}
        for server in servers:
            self.assertEqual(server.request(small[0]).body, b"small")
            reading[server] = self.asked(server, *["/mount/large"] * 5, receive_buffer=LITTLE)
            for connection in reading[server]:
                connection.head()
                connection.file.read(MIB)
        self.hang()
        for server in servers:
            for connection in reading[server]:
                connection.socket.settimeout(0.2)
                with self.assertRaises(TimeoutError):
                    while connection.socket.recv(MIB):
                        pass
            waiting[server] = self.asked(server, "/mount/", "/link", *small)
        for server in servers:
            self.assert_serves_others(server)
        for server in servers:
            for connection in waiting[server]:
                self.assertEqual(connection.answer().status, 503)
            self.assertIn("does not answer", server.wait_log("/mount/small1 ").note)
            self.assertEqual(server.request(small[1]).status, 503)
            self.assert_serves_others(server)
            for connection in reading[server]:
                connection.reset()
        self.assert_stop(servers)

    def test_a_listing_does_not_ask_what_is_mounted_there(self):
        (self.folder / "link").unlink()
        servers = list(self.servers(self.folder))
        self.hang()
        for server in servers:
            listed = server.request("/", headers={"Accept": "application/json"})
            entries = json.loads(listed.body)["entries"]
            self.assertEqual([entry["name"] for entry in entries], ["mount"])

    def test_it_goes_on_when_the_file_system_answers_again(self):
        for server in self.servers(self.folder):
            (reading,) = self.asked(server, "/mount/large", receive_buffer=LITTLE)
            reading.head()
            got = reading.file.read(MIB)
            self.hang()
            (waiting,) = self.asked(server, "/mount/small2")
            self.process.send_signal(signal.SIGCONT)
            self.assertEqual(waiting.answer().body, b"small")
            got += reading.file.read(LARGE - MIB)
            self.assertTrue(got == content(LARGE), "the body differs")
            self.assertEqual(server.request("/mount/small0").status, 200)

    def test_a_folder_that_hangs_itself(self):
        servers = list(self.servers(self.folder / "mount"))
        for server in servers:
            self.assertEqual(server.request("/small0").status, 200)
        self.hang()
        waiting = [self.asked(server, "/small0")[0] for server in servers]
        for connection in waiting:
            self.assertEqual(connection.answer().status, 503)
        self.assert_stop(servers)

    def test_a_directory_that_comes_to_lead_there(self):
        """Who finds it out waits; the others are served what was there before."""
        link, before = self.folder / "served", self.folder / "before"
        before.mkdir()
        (before / "small0").write_bytes(b"old")
        link.symlink_to("before")
        servers = list(self.servers(link))
        for server in servers:
            self.assertEqual(server.request("/small0").body, b"old")
        self.hang()
        link.unlink()
        link.symlink_to("mount")
        waiting = [server.connect() for server in servers]
        for server, connection in zip(servers, waiting):
            self.addCleanup(connection.close)
            connection.ask("/small0")
            while select.select([connection.socket], [], [], 1)[0]:
                self.assertEqual(connection.answer().body, b"old")
                connection.ask("/small0")
            for _ in range(20):
                self.assertEqual(server.request("/small0").body, b"old")
        self.process.send_signal(signal.SIGCONT)
        for server, connection in zip(servers, waiting):
            self.assertEqual(connection.answer().body, b"small")
            self.assertEqual(server.request("/small0").body, b"small")


class Answering(unittest.TestCase):
    """The same file system while all is well."""

    def test_files_that_change(self):
        folder, backing = temp_folder(self.addCleanup), temp_folder(self.addCleanup)
        mount(self.addCleanup, folder, backing)
        server = serve(self.addCleanup, folder)

        def grow(file):
            with file.open("ab") as opened:
                opened.write(b"more")

        def write(file):
            with file.open("r+b") as opened:
                opened.write(b"other")

        for change, is_whole in ((grow, True), (write, False)):
            with self.subTest(change.__name__), server.connect(receive_buffer=LITTLE) as connection:
                file = make_file(backing / change.__name__, LARGE)
                connection.ask(f"/{change.__name__}", headers={"Connection": "close"})
                connection.head()
                got = connection.file.read(MIB)
                change(file)
                got += connection.rest()
                self.assertEqual(len(got) == LARGE, is_whole, len(got))
                self.assertTrue(content(LARGE).startswith(got), "not the file's bytes")


if __name__ == "__main__":
    unittest.main()
