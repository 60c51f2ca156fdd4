# SPDX-License-Identifier: MIT
"""Servers to compare: sluice and nginx, each behind the same small face, pinned or in a cgroup."""

import contextlib
import getpass
import os
from dataclasses import dataclass

from peers import SluiceServer, find
from process import free_port, running, wait_listening


@dataclass
class Server:
    url: str
    pid: int

    def pids(self):
        """The process and its children: nginx's worker is one."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            return [self.pid, *map(int, file.read().split())]


@contextlib.contextmanager
def sluice(site, command, *options, prefix=()):
    log = site.write("server.log", "")
    argv = [*prefix, command, "serve", site.directory, "--listen", "127.0.0.1:0", *options]
    with running(argv, log) as process:
        yield Server(SluiceServer.announced(process, log), process.pid)


NGINX = """
daemon off;
{user}
worker_processes {workers};
pid "{root}/nginx.pid";
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=60s;
    open_file_cache_valid 60s;
    client_body_temp_path "{root}/nginx-body";
    proxy_temp_path "{root}/nginx-proxy";
    fastcgi_temp_path "{root}/nginx-fastcgi";
    uwsgi_temp_path "{root}/nginx-uwsgi";
    scgi_temp_path "{root}/nginx-scgi";
    server {{ listen 127.0.0.1:{port}; root "{directory}"; }}
}}
"""


@contextlib.contextmanager
def nginx(site, workers=1, prefix=()):
    port, log = free_port(), site.write("nginx.log", "")
    # The directory is private; workers that drop to "nobody" could not read it.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    config = site.write("nginx.conf", NGINX.format(root=site.root, directory=site.directory, port=port,
                                                   user=user, workers=workers))
    argv = [*prefix, find("nginx"), "-p", site.root, "-e", log, "-c", config]
    with running(argv, log) as process:
        wait_listening(process, port, log)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
