# SPDX-License-Identifier: MIT
"""Certificates for tests, by the openssl command: good ones, and each of the bad ones."""

import subprocess
import unittest

from support import program, sluice

CONFIG = """
[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
rand_serial = yes
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = optional
"""
CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
HERE = "DNS:localhost,IP:127.0.0.1"


def skip_without_tls():
    if "without TLS" in sluice("serve", ".", "--tls-cert", "none", "--tls-key", "none").err:
        raise unittest.SkipTest("built without TLS")


def openssl(*arguments):
    done = subprocess.run([program("openssl"), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments}: {done.stderr}")


class Authority:
    """A CA, whose certificate is in .file."""

    def __init__(self, folder, name="Test CA", parent=None):
        self.folder = folder
        folder.mkdir()
        self.file, self.key = folder / "ca.pem", folder / "ca.key"
        (folder / "index").write_text("")
        (folder / "config").write_text(CONFIG.format(folder=folder))
        if parent:
            self.file, self.key = parent.issue("ca", common_name=name, extensions=CA, at=folder)
        else:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", self.key, "-out", self.file, "-days", "30", "-subj", f"/CN={name}",
                    "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, name, san=HERE, common_name="here", start=None, end=None, key="ec", extensions="",
              at=None):
        """Two files: a certificate and its key."""
        at = at or self.folder
        certificate, secret, request, more = (at / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        kind = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]}.get(key, [key])
        openssl("req", "-newkey", *kind, "-nodes", "-keyout", secret, "-out", request, "-subj",
                f"/CN={common_name}")
        more.write_text((f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n") + extensions)
        dates = ["-startdate", start or "20200101000000Z", "-enddate", end or "20491231000000Z"]
        openssl("ca", "-batch", "-notext", "-config", self.folder / "config", "-in", request, "-out",
                certificate, "-extfile", more, *dates)
        return certificate, secret
