# SPDX-License-Identifier: MIT
"""Web servers that people have, each with as little configuration as it takes. start(add_cleanup, folder)
serves a folder and returns the port, or skips."""

import os
import pathlib
import subprocess

from other_servers import answers, free_port, start_nginx, start_python_server
from support import WAIT, program, temp_folder, wait_until

LIGHTTPD = """
server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
mimetype.assign = ("" => "application/octet-stream")
"""

APACHE = """
ServerName localhost
ServerRoot "{scratch}"
PidFile "{scratch}/pid"
ErrorLog "{scratch}/error.log"
Listen 127.0.0.1:{port}
{modules}
DocumentRoot "{folder}"
<Directory "{folder}">
	Require all granted
</Directory>
{user}
"""
APACHE_MODULES = ("mpm_event", "authz_core", "unixd")


def _run(add_cleanup, port, *command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    add_cleanup(process.wait, WAIT)
    add_cleanup(process.terminate)
    wait_until(lambda: answers(port) or process.poll() is not None, f"{command[0]} listens")
    if process.poll() is not None:
        raise AssertionError(f"{command[0]} ended with {process.returncode}")
    return port


def start_lighttpd(add_cleanup, folder):
    scratch, port = temp_folder(add_cleanup), free_port()
    config = scratch / "lighttpd.conf"
    config.write_text(LIGHTTPD.format(folder=folder, port=port))
    return _run(add_cleanup, port, program("lighttpd"), "-D", "-f", config)


def start_caddy(add_cleanup, folder):
    scratch, port = temp_folder(add_cleanup), free_port()
    # It keeps its own affairs in the home directory.
    command = [program("env"), f"HOME={scratch}", program("caddy"), "file-server"]
    return _run(add_cleanup, port, *command, "--root", folder, "--listen", f"127.0.0.1:{port}")


def start_apache(add_cleanup, folder):
    scratch, port = temp_folder(add_cleanup), free_port()
    apache = program("apache2")
    places = (pathlib.Path("/usr/lib/apache2/modules"), pathlib.Path("/usr/lib64/httpd/modules"))
    place = next((each for each in places if each.exists()), places[0])
    files = {name: place / f"mod_{name}.so" for name in APACHE_MODULES}  # some are built in
    modules = "\n".join(
        f"LoadModule {name}_module {file}" for name, file in files.items() if file.exists()
    )
    user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    config = scratch / "apache.conf"
    config.write_text(
        APACHE.format(scratch=scratch, port=port, folder=folder, modules=modules, user=user)
    )
    return _run(add_cleanup, port, apache, "-D", "FOREGROUND", "-f", config)


SERVERS = {
    "nginx": start_nginx,
    "lighttpd": start_lighttpd,
    "caddy": start_caddy,
    "apache": start_apache,
    "python": start_python_server,
}
WITHOUT_RANGES = ("python",)
