# SPDX-License-Identifier: MIT
"""Large answers share a worker, also while there are small ones, which go before them."""

import socket
import threading
import unittest

from support import MIB, WAIT, make_file, serve, temp_folder, warm

CLIENTS = 12
SIZE = 192 * MIB


class Fairness(unittest.TestCase):
    def test_all_large_ones_go_on_beside_small_ones(self):
        folder = temp_folder(self.addCleanup)
        warm(make_file(folder / "large", SIZE))
        make_file(folder / "small", 4096)
        server = serve(self.addCleanup, folder, "--workers", "1", "--path", "mmap")
        got, over = [0] * CLIENTS, threading.Event()

        def fetch(number):
            with server.connect() as client:
                client.socket.settimeout(WAIT)
                scrap = bytearray(MIB)
                client.ask("/large", headers={"Connection": "close"})
                while not over.is_set():
                    count = client.socket.recv_into(scrap, MIB, socket.MSG_TRUNC)
                    got[number] += count
                    if not count:
                        over.set()

        threads = [threading.Thread(target=fetch, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        while not over.wait(0.02):
            self.assertEqual(server.request("/small").status, 200)
        for thread in threads:
            thread.join()
        # They start one after the other, and threads of one process are no exact clients.
        self.assertGreater(min(got), max(got) / 10, [count // MIB for count in got])


if __name__ == "__main__":
    unittest.main()
