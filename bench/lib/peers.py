# SPDX-License-Identifier: MIT
"""
Who is measured: one small class per peer. A peer says what it needs, starts its server, and moves
the source to a target. It knows nothing of clocks.
"""

import contextlib
import getpass
import json
import os
import re
import shutil
import subprocess
import time

from process import Failure, ended, finish, free_port, output_of, running, tail, wait_listening


class Site:
    """Where one measurement lives: a private directory with the source and what the peers write."""

    def __init__(self, root, size):
        self.root, self.size = root, size
        self.directory = os.path.join(root, "source")
        self.source = os.path.join(self.directory, "file")
        self.patience = 60 + size / 20e6
        os.mkdir(self.directory)

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text, mode=0o600):
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(fd, "w") as file:
            file.write(text)
        return self.path(name)

    def run(self, argv):
        """A receiving client, from its start to its end."""
        log = self.write("client.log", "")
        with running(argv, log) as client:
            try:
                finish(client, self.patience, log)
            except Failure as failure:
                raise Failure(f"{failure}{self.server_said()}") from None

    def server_said(self):
        words = tail(self.path("server.log")) if os.path.exists(self.path("server.log")) else ""
        return f" (the server{words})" if words else ""


def find(tool):
    """As a full path, because sshd insists; sbin is not in everybody's PATH."""
    return shutil.which(tool) or shutil.which(tool, path="/usr/local/sbin:/usr/sbin:/sbin")


class Peer:
    tools = ()
    syncs = False
    checked = True

    def missing(self):
        """Why this peer cannot take part, or None."""
        absent = [tool for tool in self.tools if not find(tool)]
        return f"{' and '.join(absent)} not installed" if absent else None

    def version(self):
        return ""

    def serving(self, site):
        """A context: the server runs inside it; its value is what receive() needs to reach it."""
        return contextlib.nullcontext()

    def receive(self, site, address, target, state):
        """Moves the file. Returns the seconds to count where the caller's clock is not the one."""
        raise NotImplementedError


def curl(url, target):
    return [find("curl"), "-q", "-fsS", "--noproxy", "*", "-o", target, url]


# sluice

class SluiceServer(Peer):
    def __init__(self, command):
        self.command = command

    def missing(self):
        if not os.access(self.command, os.X_OK):
            return f"{self.command} is not there; build it or name it with --sluice"
        return super().missing()

    def version(self):
        said = output_of([self.command, "--version"]).partition("\n")[0]
        return said.removeprefix("sluice ") if said.startswith("sluice ") else ""

    @contextlib.contextmanager
    def serving(self, site):
        log = site.write("server.log", "")
        argv = [self.command, "serve", site.directory, "--listen", "127.0.0.1:0"]
        with running(argv, log) as server:
            yield self.announced(server, log) + "/file"

    @staticmethod
    def announced(server, log, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            over = ended(server, 0.01)
            with open(log, errors="replace") as file:
                found = re.search(r"serving .* on (http://127\.0\.0\.1:\d+)/?\n", file.read())
            if found:
                return found[1]
            if over:
                raise Failure(f"sluice serve did not start{tail(log)}")
        raise Failure(f"sluice serve did not say where it listens{tail(log)}")


class Sluice(SluiceServer):
    name, title, syncs = "sluice", "sluice", True

    def receive(self, site, address, target, state):
        site.run([self.command, "get", address, "-q", "-o", target])


class SluiceCurl(SluiceServer):
    name, title, tools = "sluice-curl", "sluice → curl", ("curl",)

    def receive(self, site, address, target, state):
        site.run(curl(address, target))


# nginx

NGINX = """
daemon off;
{user}
worker_processes auto;
pid "{root}/nginx.pid";
events {{ worker_connections 64; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path "{root}/nginx-body";
    proxy_temp_path "{root}/nginx-proxy";
    fastcgi_temp_path "{root}/nginx-fastcgi";
    uwsgi_temp_path "{root}/nginx-uwsgi";
    scgi_temp_path "{root}/nginx-scgi";
    server {{ listen 127.0.0.1:{port}; root "{directory}"; }}
}}
"""


class Nginx(Peer):
    def version(self):
        return output_of([find("nginx"), "-v"]).partition("nginx/")[2].strip()

    @contextlib.contextmanager
    def serving(self, site):
        port, log = free_port(), site.write("server.log", "")
        # The source's directory is private; workers that drop to "nobody" could not read it.
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
        config = site.write("nginx.conf", NGINX.format(root=site.root, directory=site.directory,
                                                       port=port, user=user))
        argv = [find("nginx"), "-p", site.root, "-e", log, "-c", config]
        with running(argv, log) as server:
            wait_listening(server, port, log)
            yield f"http://127.0.0.1:{port}/file"


class NginxCurl(Nginx):
    name, title, tools = "nginx-curl", "nginx → curl", ("nginx", "curl")

    def receive(self, site, address, target, state):
        site.run(curl(address, target))


class NginxAria2(Nginx):
    name, title, tools = "nginx-aria2", "nginx → aria2 ×4", ("nginx", "aria2c")

    def receive(self, site, address, target, state):
        directory, name = os.path.split(target)
        site.run([find("aria2c"), "--no-conf", "-q", "-x4", "-s4", "-k1M",
                  "--file-allocation=falloc", "-d", directory, "-o", name, address])


# rsync

RSYNCD = """
use chroot = no
{user}
log file = {root}/server.log
lock file = {root}/rsyncd.lock
reverse lookup = no
[source]
path = {directory}
read only = yes
"""


class Rsync(Peer):
    name, title, tools = "rsync", "rsync daemon", ("rsync",)

    def version(self):
        return " ".join(output_of([find("rsync"), "--version"]).split()[2:3])

    @contextlib.contextmanager
    def serving(self, site):
        port, log = free_port(), site.write("server.log", "")
        # As root it would become "nobody", who cannot read the source's private directory.
        user = f"uid = 0\ngid = {os.getegid()}" if os.geteuid() == 0 else ""
        config = site.write("rsyncd.conf", RSYNCD.format(root=site.root, directory=site.directory,
                                                         user=user))
        argv = [find("rsync"), "--daemon", "--no-detach", f"--config={config}",
                "--address=127.0.0.1", f"--port={port}"]
        with running(argv, log) as server:
            wait_listening(server, port, log)
            yield f"rsync://127.0.0.1:{port}/source/file"

    def receive(self, site, address, target, state):
        site.run([find("rsync"), "--no-compress", "--whole-file", "--inplace", address, target])


# nc

class Netcat(Peer):
    name, title, tools = "nc", "nc", ("nc",)

    def missing(self):
        absent = super().missing()
        if not absent and "OpenBSD" not in output_of([find("nc"), "-h"]):
            return "this nc is not netcat-openbsd"
        return absent

    def receive(self, site, address, target, state):
        """Here the receiver listens, so the sender's start is inside the time, too."""
        port, log = free_port(), site.write("client.log", "")
        sender_log = site.write("server.log", "")
        with open(target, "wb") as output, open(site.source, "rb") as source, \
             running([find("nc"), "-d", "-l", "127.0.0.1", str(port)], log,
                     stdout=output) as receiver:
            wait_listening(receiver, port, log)
            with running([find("nc"), "-N", "127.0.0.1", str(port)], sender_log, stdin=source):
                finish(receiver, site.patience, log)


# scp

SSHD = """
ListenAddress 127.0.0.1
Port {port}
HostKey "{root}/ssh-host-key"
AuthorizedKeysFile "{root}/ssh-user-key.pub"
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""

SSH = """
Host *
    IdentityFile "{root}/ssh-user-key"
    IdentitiesOnly yes
    BatchMode yes
    HostKeyAlias source
    UserKnownHostsFile "{root}/ssh-known-hosts"
    StrictHostKeyChecking yes
"""


class Scp(Peer):
    name, title, tools = "scp", "scp", ("scp", "sshd", "ssh-keygen")

    def version(self):
        return output_of([find("ssh"), "-V"]).partition(",")[0]

    @contextlib.contextmanager
    def serving(self, site):
        port, log = free_port(), site.write("server.log", "")
        self.make_keys(site)
        site.write("ssh_config", SSH.format(root=site.root))
        config = site.write("sshd_config", SSHD.format(root=site.root, port=port))
        with self.privilege_directory(), \
             running([find("sshd"), "-D", "-e", "-f", config], log) as server:
            wait_listening(server, port, log)
            yield port

    @staticmethod
    def make_keys(site):
        if os.path.exists(site.path("ssh-known-hosts")):
            return
        for name in "ssh-host-key", "ssh-user-key":
            subprocess.run([find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "",
                            "-f", site.path(name)], check=True)
        with open(site.path("ssh-host-key.pub")) as key:
            site.write("ssh-known-hosts", f"source {key.read()}")

    @staticmethod
    @contextlib.contextmanager
    def privilege_directory(directory="/run/sshd"):
        """Debian's sshd demands it as root, and only its service makes it."""
        made = os.geteuid() == 0 and not os.path.exists(directory)
        if made:
            os.mkdir(directory, 0o755)
        try:
            yield
        finally:
            if made:
                os.rmdir(directory)

    def receive(self, site, address, target, state):
        site.run([find("scp"), "-q", "-F", site.path("ssh_config"), "-P", str(address),
                  f"{getpass.getuser()}@127.0.0.1:{site.source}", target])


# The limit

class Fio(Peer):
    """
    What the disk gives when nothing is in the way. The buffers are filled once, with random bytes,
    and written again and again: cheapest for the CPU without letting a disk below us skip zeros.
    """
    name, title, tools, syncs, checked = "fio", "limit (fio)", ("fio",), True, False

    def version(self):
        return output_of([find("fio"), "--version"]).strip().removeprefix("fio-")

    def receive(self, site, address, target, state):
        report = site.path("fio.json")
        argv = [find("fio"), "--output-format=json", f"--output={report}", f"--size={site.size}",
                "--ioengine=io_uring", "--direct=1", "--bs=1M", "--iodepth=8",
                "--scramble_buffers=0"]
        argv += self.job("write", target) + ["--fallocate=native", "--end_fsync=1"]
        if state == "cold":
            argv += self.job("read", site.source)
        site.run(argv)
        return self.seconds(report)

    @staticmethod
    def job(kind, path):
        return [f"--name={kind}", f"--rw={kind}", "--filename=" + path.replace(":", "\\:")]

    @staticmethod
    def seconds(report):
        """The longest job, its last fsync included, fio's own start-up and preallocation not."""
        with open(report) as file:
            text = file.read()
        jobs = json.loads(text[text.index("{"):])["jobs"]
        failed = [job["jobname"] for job in jobs if job["error"]]
        if failed:
            raise Failure(f"fio's job {failed[0]} failed")
        return max(job["job_runtime"] for job in jobs) / 1000


# In playing order: those whose ratios matter most are neighbours, so that little can drift between.
NAMES = [peer.name for peer in (Fio, Sluice, NginxCurl, SluiceCurl, NginxAria2, Rsync, Netcat, Scp)]


def everyone(sluice):
    return [Fio(), Sluice(sluice), NginxCurl(), SluiceCurl(sluice), NginxAria2(), Rsync(), Netcat(),
            Scp()]
