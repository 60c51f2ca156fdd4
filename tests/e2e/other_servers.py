# SPDX-License-Identifier: MIT
"""Servers that are not sluice: real ones, and one of which a test scripts every byte."""

import contextlib
import functools
import http.server
import re
import socket
import subprocess
import threading

from support import MIB, WAIT, program, temp_folder, wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


NGINX = """
daemon off; master_process off; worker_processes 1;
pid {scratch}/pid; error_log {scratch}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; default_type application/octet-stream;
    client_body_temp_path {scratch}/a; proxy_temp_path {scratch}/b; fastcgi_temp_path {scratch}/c;
    uwsgi_temp_path {scratch}/d; scgi_temp_path {scratch}/e;
    server {{
        listen 127.0.0.1:{port}; root {folder};
        location /moved/ {{ rewrite ^/moved/(.*)$ /$1 redirect; }}
    }}
}}
"""


def start_nginx(add_cleanup, folder):
    """Serves a folder and returns the port; /moved/NAME redirects to /NAME."""
    scratch, port = temp_folder(add_cleanup), free_port()
    config = scratch / "nginx.conf"
    config.write_text(NGINX.format(scratch=scratch, port=port, folder=folder))
    command = [program("nginx"), "-c", config, "-p", scratch, "-e", scratch / "error.log"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    add_cleanup(process.wait, WAIT)
    add_cleanup(process.terminate)
    wait_until(lambda: answers(port), "nginx listens")
    return port


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def start_python_server(add_cleanup, folder):
    """Python's own http.server, which knows neither ranges nor entity tags. Returns the port."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    class QuietServer(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            pass

    server = QuietServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    add_cleanup(server.server_close)
    add_cleanup(server.shutdown)
    return server.server_address[1]


class Request:
    def __init__(self, head):
        line, _, block = head.partition("\r\n")
        self.method, self.target, _ = line.split(" ", 2)
        pairs = (field.split(":", 1) for field in block.split("\r\n") if field)
        self.headers = {name.lower(): value.strip() for name, value in pairs}


class Peer:
    """The server's end of one connection, as a script sees it."""

    def __init__(self, connection, number, requests):
        self.socket, self.number, self.requests = connection, number, requests
        self.file = connection.makefile("rb")

    def request(self):
        """The next request, or None when the client is gone."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.file.readline()
            if not line:
                return None
            head += line
        request = Request(head[:-4].decode("latin-1"))
        self.requests.append(request)
        return request

    def send(self, data):
        self.socket.sendall(data)

    def wait_for_the_client_to_leave(self):
        while self.file.read1(MIB):
            pass


class Scripted:
    """Runs `script(peer)` once per connection, which is closed when the script returns."""

    def __init__(self, script):
        self.script, self.requests, self.peers = script, [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, target="/file.bin"):
        return f"http://127.0.0.1:{self.port}{target}"

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(2 * WAIT)
                peer = Peer(connection, len(self.peers), self.requests)
                self.peers.append(peer)
                threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer):
        with contextlib.suppress(OSError), peer.socket, peer.file:
            self.script(peer)
            peer.socket.shutdown(socket.SHUT_WR)

    def close(self):
        # shutdown, because close alone leaves a thread in accept(2) waiting
        for each in (self.listener, *(peer.socket for peer in self.peers)):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def scripted(add_cleanup, script):
    server = Scripted(script)
    add_cleanup(server.close)
    return server


def answer_head(status="200 OK", **headers):
    """A response head; in a header's name _ stands for -, and None leaves the header out."""
    fields = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{block}\r\n".encode("latin-1")


def whole_answer(body, etag='"v1"', **headers):
    return answer_head(Content_Length=len(body), ETag=etag, **headers) + body


def range_answer(request, body, etag='"v1"'):
    """What a good server answers: the range where If-Range allows it, else everything."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    condition = request.headers.get("if-range", etag)
    if not match or condition != etag:
        return whole_answer(body, etag)
    first, end = int(match[1]), int(match[2]) + 1 if match[2] else len(body)
    place = f"bytes {first}-{end - 1}/{len(body)}"
    head = answer_head(
        "206 Partial Content", Content_Length=end - first, Content_Range=place, ETag=etag
    )
    return head + body[first:end]


class StallingProxy(Scripted):
    """Stands before a server; its next connection falls silent after some bytes of the answer."""

    def __init__(self, port, stall_after):
        self.target = port
        self.stalled = threading.Event()
        self.stall_next(stall_after)
        super().__init__(self._relay)

    def stall_next(self, stall_after):
        self.stall_after = stall_after
        self.stalled.clear()

    def _relay(self, peer):
        with socket.create_connection(("127.0.0.1", self.target), timeout=WAIT) as server:
            threading.Thread(target=self._forward, args=(peer, server), daemon=True).start()
            budget, self.stall_after = self.stall_after, 1 << 62
            while budget and (data := server.recv(min(budget, MIB))):
                peer.send(data)
                budget -= len(data)
            if not budget:
                self.stalled.set()
                peer.wait_for_the_client_to_leave()

    @staticmethod
    def _forward(peer, server):
        with contextlib.suppress(OSError, ValueError):
            while data := peer.socket.recv(MIB):
                server.sendall(data)


def stalling_proxy(add_cleanup, port, stall_after):
    proxy = StallingProxy(port, stall_after)
    add_cleanup(proxy.close)
    return proxy


class PausingProxy(StallingProxy):
    """Holds back what comes after some bytes of each answer until it is to go on. It takes no more
    from the server meanwhile, so that the server stops, too."""

    BUFFER = 65536

    def __init__(self, port, pause_after):
        self.paused, self.may_go_on = threading.Event(), threading.Event()
        super().__init__(port, pause_after)

    def _relay(self, peer):
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.BUFFER)
            server.settimeout(WAIT)
            server.connect(("127.0.0.1", self.target))
            threading.Thread(target=self._forward, args=(peer, server), daemon=True).start()
            budget = self.stall_after
            while budget > 0 and (data := server.recv(budget)):
                peer.send(data)
                budget -= len(data)
            self.paused.set()
            self.may_go_on.wait(WAIT)
            while data := server.recv(MIB):
                peer.send(data)

    def wait(self):
        if not self.paused.wait(WAIT):
            raise AssertionError(f"{self.stall_after} bytes did not come")

    def go_on(self):
        self.may_go_on.set()


def pausing_proxy(add_cleanup, port, pause_after=MIB):
    proxy = PausingProxy(port, pause_after)
    add_cleanup(proxy.close)
    add_cleanup(proxy.go_on)
    return proxy
