# SPDX-License-Identifier: MIT
"""sluice tune: advice for any machine, and values set and restored where nobody is harmed.

What changes values runs in a mount namespace of its own, with a folder of files in the place of
/proc/sys/vm and of /run, so that the machine under the test keeps its settings.
"""

import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import unittest

from browser import Browser
from support import (file_system, finish, ordinary_user, program, skip_unless_root, sluice,
                     start_sluice, temp_folder, wait_until)

BIG = ("--cores", "64", "--memory", "512G", "--disk", "nvme:6G", "--network", "100G", "--swap", "none")
FIVE = ("vm.dirty_background_ratio", "vm.dirty_ratio", "vm.dirty_expire_centisecs", "vm.dirty_writeback_centisecs",
        "vm.swappiness")
FIRST = {
    "dirty_background_bytes": "0",
    "dirty_background_ratio": "10",
    "dirty_bytes": "0",
    "dirty_ratio": "90",  # more than any rule leaves alone
    "dirty_expire_centisecs": "3000",
    "dirty_writeback_centisecs": "0",
    "swappiness": "60",
}


class Tune(unittest.TestCase):
    def fails(self, code, words, *arguments, **how):
        done = sluice("tune", *arguments, **how)
        self.assertEqual(done.code, code, (arguments, done.err))
        self.assertEqual(done.out, b"")
        for word in words.split():
            self.assertIn(word, done.err)
        self.assertEqual(len(done.err.splitlines()), 1)
        return done.err

    def advice(self, *arguments):
        done = sluice("tune", "--json", *arguments)
        self.assertEqual((done.code, done.err), (0, ""))
        return json.loads(done.out)


class AnotherMachine(Tune):
    def test_facts(self):
        told = self.advice(*BIG)
        lines = {line["name"]: line for line in told["advice"]}
        self.assertFalse(told["is_this_machine"])
        self.assertIsNone(told["machine"])
        self.assertEqual(told["changes"], 0)
        self.assertEqual(told["facts"]["disk_bytes_per_second"], 6 * 10**9)
        self.assertEqual(told["facts"]["memory_bytes"], 512 << 30)
        dirty, background = int(lines["vm.dirty_bytes"]["advised"]), int(lines["vm.dirty_background_bytes"]["advised"])
        self.assertLess(background, dirty)
        self.assertLessEqual(dirty, 12 * 10**9)
        self.assertFalse(lines["vm.swappiness"]["has_effect"])
        for name, percent in (("vm.dirty_ratio", dirty / told["facts"]["available_bytes"] * 100),
                              ("vm.dirty_background_ratio", background / told["facts"]["available_bytes"] * 100)):
            self.assertEqual(lines[name]["instead"], name.replace("ratio", "bytes"))
            self.assertAlmostEqual(lines[name]["available_percent"], percent)
            self.assertEqual(int(lines[name]["advised"]), max(1, round(percent)))
        for line in lines.values():
            self.assertIsNone(line["current"], line)
            self.assertTrue(line["reason"] and line["source"], line)

    def test_text_says_the_same(self):
        text = sluice("tune", *BIG).out.decode()
        for line in self.advice(*BIG)["advice"]:
            self.assertIn(line["name"], text)
            self.assertIn(line["instead"] or line["advised"] if line["has_effect"] else "does nothing", text)

    def test_five_always(self):
        """For any machine, in each form; what is not to be set is a comment in the file."""
        folder = temp_folder(self.addCleanup)
        for facts in (BIG, ("--memory", "2G", "--disk", "virtual:500M", "--swap", "hdd"), ("--disk", "hdd"),
                      ("--cores", "4", "--memory", "8G", "--disk", "hdd:100M", "--swap", "zram")):
            with self.subTest(facts):
                told = self.advice(*facts, "--write", folder / "x.conf")
                lines = {line["name"]: line for line in told["advice"]}
                text, file = sluice("tune", *facts).out.decode(), (folder / "x.conf").read_text()
                settings = [line.split(" = ")[0] for line in file.splitlines() if line and line[0] != "#"]
                self.assertEqual(len(lines), len(told["advice"]))
                for name in FIVE:
                    line = lines[name]
                    self.assertIn(f"\n{name}\n", text)
                    self.assertRegex(file, rf"(?m)^(# .*)?{name}\b")
                    is_set = line["advised"] and line["has_effect"] and not line["instead"]
                    self.assertEqual(settings.count(name), bool(is_set), name)
                    if line["instead"]:
                        self.assertIn(line["instead"], settings)
                        self.assertIn(f"{line['available_percent']:.3g} %", line["reason"])
        self.assertLessEqual(max(map(len, text.splitlines()[1:])), 100)

    def test_wait(self):
        short, long = (self.advice(*BIG, "--wait", wait)["advised_dirty_bytes"] for wait in ("0.5", "4s"))
        self.assertAlmostEqual(long / short, 8, delta=0.2)

    def test_round_trip(self):
        near, far = (self.advice(*BIG, "--round-trip", time)["advice"] for time in ("100us", "20ms"))
        self.assertNotEqual(near[-1]["advised"], far[-1]["advised"])
        self.assertNotIn("assumed", far[-1]["reason"])

    def test_no_rate_no_advice(self):
        told = self.advice("--disk", "hdd")
        self.assertIsNone(told["advised_dirty_bytes"])
        self.assertIn("--disk", told["advice"][0]["reason"])

    def test_write(self):
        folder = temp_folder(self.addCleanup)
        file = folder / "60-sluice.conf"
        for _ in range(2):  # the second one replaces the first
            done = sluice("tune", *BIG, "--write", file)
            self.assertEqual(done.code, 0, done.err)
        lines = file.read_text().splitlines()
        values = [line for line in lines if line and not line.startswith("#")]
        self.assertLessEqual(max(map(len, lines)), 100)
        self.assertIn("vm.dirty_bytes = 11945377792", values)
        self.assertTrue(all(" = " in value for value in values), values)
        self.assertFalse([value for value in values if "read_ahead" in value])
        self.assertEqual(os.listdir(folder), [file.name])

    def test_write_that_fails(self):
        folder = temp_folder(self.addCleanup)
        for file in (folder / "missing" / "x.conf", folder):
            self.fails(1, f"write {file}", *BIG, "--write", file)
        self.assertEqual(os.listdir(folder), [])


class WrongUse(Tune):
    def test_facts(self):
        for words, *arguments in (
            ("--cores 1", "--cores", "0"),
            ("--cores", "--cores", "many"),
            ("--memory 512G", "--memory", "lots"),
            ("--disk hdd nvme", "--disk", "tape:1G"),
            ("--disk rate", "--disk", "nvme:fast"),
            ("--network bits", "--network", "fast"),
            ("--network round-trip", "--network", "10G:-1"),
            ("--swap zram", "--swap", "yes"),
            ("--wait", "--wait", "0"),
            ("--wait", "--wait", "-1"),
            ("--wait", "--wait", "1e9"),
            ("--round-trip", "--round-trip", "far"),
            ("hdd raid", "--disk", "hdd:6G"),
            ("cores memory", "--cores", "1000", "--memory", "64M"),
        ):
            with self.subTest(arguments):
                self.fails(2, words, *arguments)

    def test_combinations(self):
        for words, *arguments in (
            ("exclude one another", "--apply", "--revert"),
            ("exclude one another", "--prove", "--apply"),
            ("another", "--apply", *BIG),
            ("another", "--prove", *BIG),
            ("--revert", "--revert", *BIG),
            ("--revert", "--revert", "--write", "x"),
            ("--prove", "--html", "x.html"),
            ("nonsense", "--nonsense"),
            ("word", "word"),
            ("--write", "--write"),
        ):
            with self.subTest(arguments):
                self.fails(2, words, *arguments)

    def test_folder(self):
        self.fails(1, "/no/such/folder", "--folder", "/no/such/folder")
        if file_system("/dev/shm") == "tmpfs":
            self.fails(1, "memory --folder", "--folder", "/dev/shm")


class ThisMachine(Tune):
    def test_measured(self):
        folder = temp_folder(self.addCleanup)
        if file_system(folder) in ("tmpfs", "ramfs", "overlayfs"):
            self.skipTest(f"{folder} is not on a disk ({file_system(folder)})")
        told = self.advice("--folder", folder)
        self.assertTrue(told["is_this_machine"])
        self.assertTrue(told["facts"]["is_disk_measured"])
        self.assertGreater(told["facts"]["disk_bytes_per_second"], 0)
        self.assertLessEqual(set(FIVE), {line["name"] for line in told["advice"]})
        now = {line["current_name"]: line["current"] for line in told["advice"]}
        for name in ("vm.dirty_expire_centisecs", "vm.dirty_writeback_centisecs"):
            value = pathlib.Path("/proc/sys", name.replace(".", "/")).read_text().strip()
            self.assertEqual(now[name], value)
        self.assertEqual(os.listdir(folder), [])

    def test_folder_that_cannot_be_written(self):
        folder = temp_folder(self.addCleanup)
        prefix = ordinary_user(folder)
        if not prefix and os.geteuid() == 0:
            self.skipTest("cannot be an ordinary user here")
        folder.chmod(0o555)
        self.fails(1, f"{folder} --folder denied", "--folder", folder, prefix=prefix)

    def test_no_root(self):
        folder = temp_folder(self.addCleanup)
        prefix = ordinary_user(folder)
        if not prefix and os.geteuid() == 0:
            self.skipTest("cannot be an ordinary user here")
        self.fails(1, "needs root sudo", "--prove", "--folder", "/", prefix=prefix)


class OwnSettings(Tune):
    """In a mount namespace: files for /proc/sys/vm, an empty /run."""

    def setUp(self):
        skip_unless_root("for a mount namespace")
        self.folder = temp_folder(self.addCleanup)
        if file_system(self.folder) in ("tmpfs", "ramfs", "overlayfs"):
            self.skipTest(f"{self.folder} is not on a disk ({file_system(self.folder)})")
        self.vm, self.run_folder = self.folder / "vm", self.folder / "run"
        self.vm.mkdir()
        self.run_folder.mkdir()
        for name, value in FIRST.items():
            (self.vm / name).write_text(value + "\n")
        unshare = program("unshare")
        script = (f"mount --bind {shlex.quote(str(self.vm))} /proc/sys/vm && "
                  f"mount --bind {shlex.quote(str(self.run_folder))} /run && ")
        self.namespace = lambda more="": [unshare, "--mount", "sh", "-c", script + more + 'exec "$@"', "sh"]
        done = subprocess.run([*self.namespace(), "true"], capture_output=True, text=True)
        if done.returncode:
            self.skipTest(f"no mount namespace here: {done.stderr.strip()}")

    def tune(self, *arguments, more="", prefix=()):
        return sluice("tune", "--folder", self.folder, *arguments, prefix=[*self.namespace(more), *prefix])

    def values(self):
        return {name: (self.vm / name).read_text().strip() for name in FIRST}

    def in_force(self):
        """Plain files do not exclude one another: of each pair what was written last."""
        return {name: value for name, value in self.values().items() if "_bytes" not in name}


class Settings(OwnSettings):
    def test_apply_and_revert(self):
        done = self.tune("--apply", "--json")
        self.assertEqual((done.code, done.err), (0, ""))
        told = json.loads(done.out)
        self.assertTrue(told["is_applied"])
        changed = {line["name"]: line["advised"] for line in told["advice"] if line["is_change"]}
        self.assertIn("vm.dirty_writeback_centisecs", changed)
        for name, value in changed.items():
            if name.startswith("vm."):
                self.assertEqual(self.values()[name[3:]], value)
        self.assertEqual(os.listdir(self.run_folder / "sluice"), ["tune.state"])
        done = self.tune("--revert")
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertIn("vm.dirty_writeback_centisecs = 0 is restored", done.out.decode())
        self.assertEqual(self.in_force(), {name: value for name, value in FIRST.items() if "_bytes" not in name})
        self.assertEqual(os.listdir(self.run_folder / "sluice"), [])
        done = self.tune("--revert")
        self.assertEqual(done.code, 1)
        self.assertIn("nothing to revert", done.err)

    def test_read_only(self):
        """As in a container."""
        done = self.tune("--apply", more="mount -o remount,bind,ro /proc/sys/vm && ")
        self.assertEqual(done.code, 1)
        self.assertIn("read-only", done.err)
        self.assertIn("on the host", done.err)
        self.assertEqual(self.values(), FIRST)
        self.assertNotIn("sluice", os.listdir(self.run_folder))

    def test_no_root(self):
        prefix = ordinary_user(self.folder)
        done = self.tune("--apply", prefix=prefix)
        self.assertEqual(done.code, 1)
        self.assertIn("needs root", done.err)
        self.assertEqual(self.values(), FIRST)

    def test_one_value_that_cannot_be_set(self):
        """Nothing is half applied."""
        (self.vm / "dirty_writeback_centisecs").unlink()
        (self.vm / "dirty_writeback_centisecs").symlink_to("/proc/sys/kernel/ostype")
        done = self.tune("--apply")
        self.assertEqual(done.code, 1)
        self.assertIn("vm.dirty_writeback_centisecs", done.err)
        (self.vm / "dirty_writeback_centisecs").unlink()
        (self.vm / "dirty_writeback_centisecs").write_text("0\n")
        self.assertEqual(self.values(), FIRST)

    def test_state_that_cannot_be_saved(self):
        (self.run_folder / "sluice").write_text("")
        done = self.tune("--apply")
        self.assertEqual(done.code, 1)
        self.assertIn("/run/sluice", done.err)
        self.assertEqual(self.values(), FIRST)

    def test_file_that_cannot_be_written(self):
        done = self.tune("--apply", "--write", self.folder / "missing" / "x.conf")
        self.assertEqual(done.code, 1)
        self.assertIn("x.conf", done.err)
        self.assertEqual(self.values(), FIRST)

    def test_damaged_state(self):
        (self.run_folder / "sluice").mkdir()
        (self.run_folder / "sluice" / "tune.state").write_text("{")
        for option in ("--apply", "--revert"):
            done = self.tune(option)
            self.assertEqual(done.code, 1)
            self.assertIn("damaged", done.err)
        self.assertEqual(self.values(), FIRST)


class Proof(OwnSettings):
    """The experiment with settings that are only files: its bursts are real, its effect is none."""

    def setUp(self):
        super().setUp()
        free = shutil.disk_usage(self.folder).free
        if free < 8 << 30:
            self.skipTest(f"only {free >> 20} MiB are free in {self.folder}")
        for name, value in {"dirty_ratio": "1", "dirty_background_ratio": "1"}.items():
            (self.vm / name).write_text(value + "\n")
        self.first = self.values()

    # A slow disk told would make it another machine: a short time makes the burst small.
    SMALL = ("--prove", "--wait", "10ms")

    def test_whole(self):
        page = self.folder / "proof.html"
        done = self.tune(*self.SMALL, "--json", "--html", page)
        self.assertEqual((done.code, done.err), (0, ""))
        told = json.loads(done.out)
        proof = told["proof"]
        self.assertIn(proof["verdict"], ("holds", "no such effect", "nothing to change"))
        self.assertGreater(proof["burst_bytes"], 0)
        for side in filter(None, (proof["before"], proof["after"])):
            self.assertGreater(side["fsync_count"], 0)
            self.assertGreater(side["rate_bytes_per_second"]["median"], 0)
            self.assertGreaterEqual(side["longest_fsync_seconds"], side["fsync_p99_seconds"])
            self.assertGreater(len(side["samples"]), 3)
            self.assertGreaterEqual(side["simulation"]["distance_ratio"], 0)
            self.assertGreater(len(side["simulation"]["curve"]), 3)
        self.check_page(page, proof)
        self.assertEqual(self.in_force(), {name: value for name, value in self.first.items() if "_bytes" not in name})
        self.assertEqual(sorted(os.listdir(self.folder)), ["proof.html", "run", "vm"])

    def check_page(self, page, proof):
        """Where there is a browser: both curves of each side are drawn, and nothing goes wrong."""
        self.assertIn(b'data-kind="prove"', page.read_bytes())
        try:
            browser = Browser(self.addCleanup)
        except unittest.SkipTest:
            return
        browser.open(page.as_uri())
        counts = browser.run("""
            return ["measured", "simulated", "threshold", "wake"].map((kind) =>
                document.querySelectorAll(`figure .curves .${kind}`).length);""")
        sides = [side for side in (proof["before"], proof["after"]) if side]
        wake_ups = sum(len(side["simulation"]["wake_up_seconds"]) for side in sides)
        self.assertEqual(counts, [len(sides), len(sides), 2 * len(sides), wake_ups])
        self.assertEqual([entry for entry in browser.log("browser") if entry["level"] == "SEVERE"], [])

    def start(self, prefix=()):
        """Until the first value has been changed."""
        process = start_sluice("tune", "--folder", self.folder, *self.SMALL, prefix=[*self.namespace(), *prefix])
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)

        def is_changing():
            if process.poll() is not None:
                self.skipTest("no value had to be changed on this machine")
            return (self.run_folder / "sluice" / "tune.state").exists()

        wait_until(is_changing, "a value is changed, or it ends", 180)
        return process

    def test_alone(self):
        """Nobody else sets or restores values while it measures."""
        process = self.start()
        done = self.tune("--revert")
        self.assertEqual(done.code, 1)
        self.assertIn("another sluice tune is running", done.err)
        process.send_signal(signal.SIGINT)
        finish(process)
        self.assertEqual(os.listdir(self.run_folder / "sluice"), [])

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                process = self.start()
                process.send_signal(number)
                done = finish(process)
                self.assertEqual(done.code, 1)
                self.assertIn("interrupted", done.err)
                self.assertEqual(self.in_force()["dirty_writeback_centisecs"], "0")
                self.assertEqual(os.listdir(self.run_folder / "sluice"), [])

    def test_ignored_signals(self):
        """As from a parent that ignores the end of its children, and under nohup."""
        ignoring = ("import os, signal, sys\n"
                    "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                    "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
                    "os.execv(sys.argv[1], sys.argv[1:])")
        process = self.start([sys.executable, "-c", ignoring])
        process.send_signal(signal.SIGHUP)
        done = finish(process)
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertEqual(os.listdir(self.run_folder / "sluice"), [])

    def test_killed(self):
        process = self.start()
        process.kill()
        process.wait()
        done = self.tune("--prove")
        self.assertEqual(done.code, 1)
        self.assertIn("--revert first", done.err)
        done = self.tune("--revert")
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertEqual(self.in_force(), {name: value for name, value in self.first.items() if "_bytes" not in name})


if __name__ == "__main__":
    unittest.main()
