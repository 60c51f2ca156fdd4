# SPDX-License-Identifier: MIT
"""What programs that are linked with libsluice rely on: its symbols, and the layout of its structs.

Both are kept in tests/abi/. A change that was meant is written there by
`tests/e2e/test_abi.py --write`; within a soname only additions are good.
"""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import BUILD, ROOT, temp_folder

HEADER = (ROOT / "include" / "sluice.h").read_text()
KEPT = ROOT / "tests" / "abi"
COMPILER = os.environ.get("CC", "cc").split()


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stderr}")
    return done.stdout


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def structs():
    """Name and members of each struct that the header defines."""
    for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", without_comments(HEADER), re.DOTALL | re.MULTILINE):
        members = [
            re.search(r"(\w+)(\[\w+\])?$", declarator.strip())[1]
            for declaration in body.split(";") if declaration.strip()
            for declarator in declaration.split(",")
        ]
        yield name, members


def enumerators():
    return [name for body in re.findall(r"^enum \w+ \{(.*?)^\};", without_comments(HEADER), re.DOTALL | re.MULTILINE)
            for name in re.findall(r"\w+", body)]


def layout(folder):
    """One line each: sizes of structs, offsets of members, values of enumerators."""
    lines = []
    for name, members in structs():
        lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
        lines += [f'printf("{name}.{member} %zu\\n", offsetof(struct {name}, {member}));' for member in members]
    lines += [f'printf("{name} %d\\n", {name});' for name in enumerators()]
    source = folder / "layout.c"
    source.write_text("#include <sluice.h>\n#include <stdio.h>\nint main(void)\n{\n" + "\n".join(lines) + "\n}\n")
    run(*COMPILER, "-I", ROOT / "include", source, "-o", folder / "layout")
    return run(folder / "layout")


def symbols():
    listed = run("nm", "--dynamic", "--defined-only", "--with-symbol-versions", BUILD / "src" / "libsluice.so")
    return "".join(sorted(f"{name}\n" for kind, name in re.findall(r"^\w+ (\w) (\S+)$", listed, re.MULTILINE)
                          if kind != "A"))


def is_sanitized():
    return "__asan_init" in run("nm", "--dynamic", "--undefined-only", BUILD / "src" / "libsluice.so")


class Abi(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)
        self.maxDiff = None

    def test_symbols(self):
        self.assertEqual(symbols(), (KEPT / "symbols").read_text())

    def test_every_declared_function_is_exported(self):
        declared = re.findall(r"^SLUICE_API .*?\b(sluice_\w+)\(", HEADER, re.MULTILINE)
        self.assertEqual([f"{name}@@SLUICE_0.1" for name in sorted(declared)], symbols().split())

    def test_layout(self):
        if platform.machine() not in ("x86_64", "aarch64"):
            self.skipTest("the layout that is kept is that of 64-bit machines")
        self.assertEqual(layout(self.folder), (KEPT / "layout").read_text())

    def test_soname(self):
        dynamic = run("readelf", "--dynamic", BUILD / "src" / "libsluice.so")
        major, minor = re.search(r'SLUICE_VERSION +"(\d+)\.(\d+)', HEADER).groups()
        name = f"{major}.{minor}" if major == "0" else major
        self.assertIn(f"[libsluice.so.{name}]", dynamic)


class Languages(unittest.TestCase):
    """The header in other dialects, linked with the library."""

    def check(self, compiler, name, *flags):
        if not shutil.which(compiler[0]):
            self.skipTest(f"no {compiler[0]} here")
        if is_sanitized():
            self.skipTest("a sanitized library is not for other programs")
        folder = temp_folder(self.addCleanup)
        source = folder / name
        source.write_text("""
            #include <sluice.h>
            #include <stdio.h>
            #include <string.h>

            static bool on_progress(void *argument, const struct sluice_progress *progress)
            {
                (void)argument;
                return progress->done_bytes == 0;
            }

            int main(void)
            {
                struct sluice_get_options options;
                struct sluice_get_result *result;
                struct sluice_error error;

                memset(&options, 0, sizeof(options));
                options.size = sizeof(options);
                options.progress = on_progress;
                if (sluice_get("what://is/this", &options, &result, &error) == 0 ||
                    error.kind != SLUICE_ERROR_USAGE)
                    return 1;
                sluice_get_result_free(result);
                if (sluice_version_number() != SLUICE_VERSION_NUMBER)
                    return 2;
                puts(sluice_version());
                return 0;
            }
        """)
        library = BUILD / "src"
        run(*compiler, *flags, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ROOT / "include", source,
            "-o", folder / "program", "-L", library, "-lsluice", f"-Wl,-rpath,{library}")
        version = re.search(r'SLUICE_VERSION +"([^"]+)"', HEADER)[1]
        self.assertEqual(run(folder / "program"), f"{version}\n")

    def test_c(self):
        self.check(COMPILER, "program.c", "-std=c99")

    def test_cpp(self):
        self.check(["c++"], "program.cpp", "-std=c++11")


if __name__ == "__main__":
    if "--write" in sys.argv:
        with tempfile.TemporaryDirectory() as place:
            (KEPT / "layout").write_text(layout(pathlib.Path(place)))
        (KEPT / "symbols").write_text(symbols())
    else:
        unittest.main()
