# SPDX-License-Identifier: MIT
"""`sluice host`: what it says agrees with what other tools say, it knows what is refused, limited or
switched off, and it leaves everything as it was."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from support import (
    BUILD,
    MIB,
    ROOT,
    file_system,
    make_file,
    mount,
    ordinary_user,
    program,
    skip_unless_root,
    sluice,
    start_sluice,
    finish,
    temp_folder,
)

sys.path.insert(0, str(ROOT / "bench" / "lib"))
import cgroup  # noqa: E402

SECTIONS = {"command", "version", "kernel", "cpu", "memory", "disks", "network", "network_error", "tcp"}


def output(*command):
    done = subprocess.run([program(command[0]), *command[1:]], capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"{command[0]} fails here: {done.stderr.strip()}")
    return done.stdout


def line(entry, label):
    """(value, meaning) of one of the lines for people."""
    found = [each for each in entry["lines"] if each["label"] == label]
    assert len(found) == 1, (label, entry["lines"])
    return found[0]["value"], found[0]["meaning"]


class Host(unittest.TestCase):
    def host(self, *options, prefix=()):
        done = sluice("host", "--json", *options, prefix=prefix)
        self.assertEqual((done.code, done.err), (0, ""))
        (found,) = done.objects()
        return found

    def disk(self, path, prefix=()):
        (disk,) = self.host("--disk", path, prefix=prefix)["disks"]
        return disk


class Agreement(Host):
    @classmethod
    def setUpClass(cls):
        done = sluice("host", "--json")
        assert (done.code, done.err) == (0, ""), done.err
        (cls.found,) = done.objects()

    def test_every_section_has_lines_with_a_consequence(self):
        self.assertEqual(set(self.found), SECTIONS)
        entries = [self.found[name] for name in ("kernel", "cpu", "memory", "tcp")]
        for entry in [*entries, *self.found["disks"], *self.found["network"]]:
            self.assertTrue(entry["lines"])
            for each in entry["lines"]:
                self.assertEqual(set(each), {"label", "value", "meaning"})
                self.assertIsInstance(each["value"], str)
            self.assertTrue(any(each["meaning"] for each in entry["lines"]))

    def test_kernel(self):
        self.assertEqual(self.found["kernel"]["release"], os.uname().release)
        self.assertEqual(self.found["kernel"]["architecture"], os.uname().machine)
        names = {"io_uring", "cachestat", "msg_zerocopy", "ktls", "openat2", "landlock", "splice",
                 "sendfile"}
        features = self.found["kernel"]["features"]
        self.assertEqual(set(features), names)
        for name, feature in features.items():
            self.assertEqual(feature["works"] is False, feature["error"] is not None, name)
        if features["io_uring"]["works"]:
            self.assertIn("read", features["io_uring"]["operations"])
            self.assertNotIn("operation", " ".join(features["io_uring"]["operations"][:40]))

    def test_cpus(self):
        self.assertEqual(self.found["cpu"]["allowed"], int(output("nproc")))
        self.assertEqual(self.found["cpu"]["online"], os.sysconf("SC_NPROCESSORS_ONLN"))
        self.assertLessEqual(self.found["cpu"]["usable"], self.found["cpu"]["allowed"])

    def test_memory(self):
        words = output("free", "-b").splitlines()
        total = int(words[1].split()[1])
        memory = self.found["memory"]
        # a virtual machine may be given memory, or have it taken, at any moment
        self.assertAlmostEqual(memory["total_bytes"], total, delta=total / 10)
        self.assertEqual(memory["swap_bytes"], int(words[2].split()[1]))
        self.assertLessEqual(memory["available_bytes"], memory["machine_available_bytes"])
        self.assertGreater(memory["machine_available_bytes"], 0)

    def test_disks_as_lsblk_tells(self):
        columns = "NAME,SIZE,SCHED,RQ-SIZE,RA,LOG-SEC,PHY-SEC,ROTA"
        told = json.loads(output("lsblk", "-J", "-b", "-d", "-o", columns))["blockdevices"]
        told = {disk["name"]: disk for disk in told}
        seen = [disk for disk in self.found["disks"] if disk["name"] in told]
        if not seen:
            self.skipTest("lsblk shows none of the mounted disks")
        for disk in seen:
            other = told[disk["name"]]
            self.assertEqual(disk["queue_depth"], other["rq-size"])
            self.assertEqual(disk["scheduler"], other["sched"])
            if disk["layers"] is None and not disk["source"][-1].isdigit():
                self.assertEqual(disk["size_bytes"], other["size"])
                self.assertEqual(disk["read_ahead_bytes"], 1024 * other["ra"])
                self.assertEqual(disk["logical_block_bytes"], other["log-sec"])
                self.assertEqual(disk["physical_block_bytes"], other["phy-sec"])
                self.assertEqual(disk["is_rotational"], other["rota"])

    def test_links_as_ip_tells(self):
        told = json.loads(output("ip", "-j", "-details", "link"))
        links = {link["name"]: link for link in self.found["network"]}
        self.assertEqual(set(links), {link["ifname"] for link in told})
        for other in told:
            link = links[other["ifname"]]
            self.assertEqual(link["index"], other["ifindex"])
            self.assertEqual(link["mtu_bytes"], other["mtu"])
            self.assertEqual(link["kind"], other.get("linkinfo", {}).get("info_kind"))
            if other["operstate"] != "UNKNOWN":
                self.assertEqual(link["is_up"], other["operstate"] == "UP")
        route = json.loads(output("ip", "-j", "-4", "route", "show", "default"))
        if route:
            names = [name for name, link in links.items() if link["has_default_route"]]
            self.assertEqual(names, [min(route, key=lambda one: one.get("metric", 0))["dev"]])

    def test_links_as_ethtool_tells(self):
        names = {
            "has_scatter_gather": "tx-scatter-gather",
            "has_gro": "generic-receive-offload",
            "has_gso": "tx-generic-segmentation|generic-segmentation-offload",
            "has_tx_checksum": "tx-checksumming",
            "has_tso": "tcp-segmentation-offload",
            "has_ktls_tx_offload": "tls-hw-tx-offload",
            "has_ktls_rx_offload": "tls-hw-rx-offload",
        }
        for link in self.found["network"]:
            told = output("ethtool", "-k", link["name"])
            for mine, other in names.items():
                match = re.search(rf"^\s*(?:{other}): (on|off)", told, re.M)
                self.assertEqual(link[mine], match[1] == "on", (link["name"], mine))

    def test_tcp(self):
        tcp = self.found["tcp"]
        proc = pathlib.Path("/proc/sys/net/ipv4")
        self.assertEqual(tcp["congestion_control"],
                         (proc / "tcp_congestion_control").read_text().strip())
        self.assertEqual(tcp["available_congestion_controls"],
                         (proc / "tcp_available_congestion_control").read_text().split())
        self.assertEqual(list(tcp["rmem_bytes"].values()),
                         [int(word) for word in (proc / "tcp_rmem").read_text().split()])
        self.assertEqual([way["rtt_seconds"] for way in tcp["round_trips"]], [0.001, 0.01, 0.1])
        for way in tcp["round_trips"]:
            self.assertAlmostEqual(way["send_max_bytes_per_second"] * way["rtt_seconds"],
                                   tcp["wmem_bytes"]["max"], delta=2)


class Text(Host):
    def test_for_people(self):
        done = sluice("host")
        self.assertEqual((done.code, done.err), (0, ""))
        text = done.out.decode()
        for head in ("Kernel ", "CPUs", "Memory", "Disk", "Network link lo", "TCP"):
            self.assertRegex(text, rf"(?m)^{head}")
        for each in text.splitlines():
            if "/" not in each:  # a path is not broken
                self.assertLessEqual(len(each), 100)
        self.assertRegex(text, r"(?m)^  io_uring +(yes|no)")
        self.assertRegex(text, r"(?m)^  at 100 ms +")

    def test_names_cannot_write_to_the_terminal(self):
        folder = temp_folder(self.addCleanup) / "esc\x1b[31m\n"
        folder.mkdir()
        done = sluice("host", "--disk", folder)
        self.assertEqual(done.code, 0)
        self.assertNotIn(b"\x1b", done.out)
        self.assertIn(b"\\x1B[31m\\x0A", done.out)
        self.assertEqual(self.disk(folder)["path"], os.fspath(folder))

    def test_names_that_are_not_utf8(self):
        folder = os.fsencode(temp_folder(self.addCleanup)) + b"/\xff"
        os.mkdir(folder)
        self.assertTrue(self.disk(folder)["path"].endswith("/\\xFF"))

    def test_round_trip_time(self):
        ways = self.host("--rtt", "20", "--rtt", "0.5")["tcp"]["round_trips"]
        self.assertEqual([way["rtt_seconds"] for way in ways], [0.02, 0.0005])

    def test_output_that_cannot_be_written(self):
        for options in ([], ["--json"]):
            with open("/dev/full", "wb") as full:
                done = finish(start_sluice("host", *options, stdout=full))
            self.assertEqual(done.code, 1)
            self.assertIn("standard output", done.err)


class Places(Host):
    def test_a_folder(self):
        folder = temp_folder(self.addCleanup)
        disk = self.disk(folder)
        point, source, kind = output("findmnt", "-n", "-r", "-o", "TARGET,SOURCE,FSTYPE", "-T",
                                     folder).split()
        self.assertEqual((disk["mount_point"], disk["file_system"]), (point, kind))
        self.assertEqual(disk["source"], source.split("[")[0])
        self.assertEqual((disk["tried_on"], disk["tried_in"]), ("unnamed file", str(folder)))
        for name in ("direct_read", "direct_write", "dontcache", "nowait", "cachestat"):
            self.assertIsInstance(disk[name], bool, name)

    def test_nothing_is_left_behind(self):
        folder = temp_folder(self.addCleanup)
        make_file(folder / "file", 100_000)
        modules = pathlib.Path("/proc/modules")
        before = (modules.read_text().split("\n") if modules.exists() else [])

        def state():
            return [(entry.name, entry.stat().st_mtime_ns, entry.stat().st_ctime_ns)
                    for entry in (folder, *folder.iterdir())]

        was = state()
        self.host("--disk", folder, "--disk", folder / "file")
        self.assertEqual(state(), was)
        if modules.exists():
            names = {each.split(" ")[0] for each in before}
            self.assertEqual({each.split(" ")[0] for each in modules.read_text().split("\n")},
                             names)

    def test_a_file_is_only_read(self):
        file = make_file(temp_folder(self.addCleanup) / "file", MIB)
        was = file.read_bytes(), file.stat().st_mtime_ns
        disk = self.disk(file)
        self.assertEqual(disk["tried_on"], "existing file")
        self.assertIsNone(disk["direct_write"])
        self.assertIsNone(disk["fallocate"])
        self.assertIsInstance(disk["nowait"], bool)
        self.assertEqual((file.read_bytes(), file.stat().st_mtime_ns), was)
        empty = make_file(file.parent / "empty", 0)
        disk = self.disk(empty)
        self.assertIsNone(disk["tried_on"])
        self.assertIsNone(disk["direct_read"])

    def test_as_an_ordinary_user(self):
        folder = temp_folder(self.addCleanup)
        prefix = ordinary_user(folder)
        closed = folder / "closed"
        closed.mkdir(mode=0o755)
        disk = self.disk(closed, prefix)
        if prefix:
            self.assertIsNone(disk["tried_on"])
            self.assertIn("Permission denied", line(disk, "tried on")[0])
            self.assertEqual(line(disk, "O_DIRECT")[0], "unknown")
            make_file(closed / "file", MIB)
            disk = self.disk(closed, prefix)
            self.assertEqual(disk["tried_on"], "existing file")
            self.assertIsNone(disk["direct_write"])
        self.assertEqual(set(self.host(prefix=prefix)), SECTIONS)

    def test_tmpfs(self):
        disk = self.disk(mount(self.addCleanup, "tmpfs", "size=1m"))
        self.assertEqual((disk["kind"], disk["name"], disk["file_system"]),
                         ("memory", None, "tmpfs"))
        self.assertIs(disk["direct_read"], False)

    def test_read_only(self):
        folder = mount(self.addCleanup, "tmpfs", "size=1m,mode=755")
        make_file(folder / "file", 10)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        disk = self.disk(folder)
        self.assertEqual(disk["tried_on"], "existing file")
        self.assertIn("Read-only file system", line(disk, "tried on")[0])

    def test_loop(self):
        mkfs = program("mkfs.ext4")
        folder = temp_folder(self.addCleanup)
        below = self.disk(folder)
        image = folder / "image"
        with open(image, "wb") as file:
            file.truncate(16 * MIB)
        subprocess.run([mkfs, "-q", image], check=True, capture_output=True)
        disk = self.disk(mount(self.addCleanup, "ext4", "loop", image))
        self.assertRegex(disk["layers"], rf"^loop\d+ over {re.escape(str(image))}")
        self.assertEqual((disk["name"], disk["kind"], disk["scheduler"]),
                         (below["name"], below["kind"], below["scheduler"]))
        self.assertEqual(disk["size_bytes"], 16 * MIB)
        self.assertTrue(disk["direct_write"])

    def test_overlay(self):
        folder = temp_folder(self.addCleanup)
        for name in ("lower", "upper", "work"):
            (folder / name).mkdir()
        parts = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
        disk = self.disk(mount(self.addCleanup, "overlay", parts))
        below = self.disk(folder)
        self.assertEqual(disk["file_system"], "overlay")
        self.assertIsNot(disk["cachestat"], True)  # it answers, but never finds a page
        self.assertEqual((disk["name"], disk["kind"], disk["queue_depth"]),
                         (below["name"], below["kind"], below["queue_depth"]))
        if below["name"]:
            self.assertTrue(disk["layers"].startswith("overlay"), disk["layers"])

    def test_btrfs(self):
        mkfs = program("mkfs.btrfs")
        folder = temp_folder(self.addCleanup)
        below = self.disk(folder)
        image = folder / "image"
        with open(image, "wb") as file:
            file.truncate(128 * MIB)
        subprocess.run([mkfs, "-q", image], check=True, capture_output=True)
        disk = self.disk(mount(self.addCleanup, "btrfs", "loop", image))
        self.assertEqual((disk["file_system"], disk["name"]), ("btrfs", below["name"]))


class Refused(Host):
    def test_io_uring(self):
        tool = BUILD / "tests" / "e2e" / "refuse-uring"
        found = self.host(prefix=[tool])
        uring = found["kernel"]["features"]["io_uring"]
        self.assertIs(uring["works"], False)
        self.assertEqual(uring["operations"], [])
        self.assertIs(uring["registered_buffers"], False)
        self.assertIn("threads", line(found["kernel"], "io_uring")[1])

    def test_wrong_use(self):
        folder = temp_folder(self.addCleanup)
        for code, arguments, says in (
            (2, ["everything"], "everything"),
            (2, ["--frobnicate"], "--frobnicate"),
            (2, ["-x"], "-x"),
            (2, ["--disk"], "--disk"),
            (2, ["--rtt"], "--rtt"),
            (2, ["--rtt", "soon"], "soon"),
            (2, ["--rtt", "0"], "--rtt 0"),
            (2, ["--rtt", "-1"], "-1"),
            (2, ["--rtt", "nan"], "nan"),
            (2, ["--rtt", "10ms"], "10ms"),
            (2, ["--rtt", "1e9"], "1e9"),
            (2, ["--rtt", "1"] * 9, "at most"),
            (2, ["--json=yes"], "--json"),
            (1, ["--disk", folder / "missing"], "missing"),
            (1, ["--disk", ""], "No such file"),
            (1, ["--disk", "/dev/null"], "/dev/null"),
            (1, ["--json", "--disk", folder, "--disk", folder / "missing"], "missing"),
        ):
            with self.subTest([os.fspath(each) for each in arguments]):
                done = sluice("host", *arguments)
                self.assertEqual((done.code, done.out), (code, b""))
                self.assertRegex(done.err, r"^sluice: host: ")
                self.assertIn(says, done.err)


class Namespaces(Host):
    def test_cards_without_scatter_gather(self):
        skip_unless_root("to make network links")
        ip, ethtool = program("ip"), program("ethtool")
        script = f"""set -e
            {ip} link add sluice0 mtu 9000 type veth peer name sluice1
            {ip} link set sluice0 up
            {ip} link set sluice1 up
            {ethtool} -K sluice0 sg off >&2
            {ip} address add 192.0.2.1/24 dev sluice0
            {ip} route add default via 192.0.2.2
            exec "$@" """
        command = [program("unshare"), "--net", "sh", "-c", script, "sh"]
        probe = subprocess.run([*command, "true"], capture_output=True, text=True)
        if probe.returncode != 0:
            self.skipTest(f"no links in a network namespace here: {probe.stderr.strip()}")
        done = sluice("host", "--json", prefix=command)
        self.assertEqual(done.code, 0, done.err)
        (found,) = done.objects()
        links = {link["name"]: link for link in found["network"]}
        self.assertEqual(set(links), {"lo", "sluice0", "sluice1"})
        off, on = links["sluice0"], links["sluice1"]
        self.assertEqual((off["kind"], off["mtu_bytes"], off["is_up"]), ("veth", 9000, True))
        self.assertIs(off["has_scatter_gather"], False)
        self.assertIs(off["has_tso"], False)
        self.assertIs(on["has_scatter_gather"], True)
        self.assertEqual(line(off, "sendfile"),
                         ("copies", "no SG-DMA on sluice0: sendfile copies after all"))
        self.assertEqual(line(on, "sendfile")[0], "no copy here")
        self.assertTrue(off["has_default_route"])
        self.assertFalse(links["lo"]["is_up"])
        # without the loopback address nothing can be told about kTLS
        self.assertIsNone(found["kernel"]["features"]["ktls"]["works"])
        self.assertEqual(found["tcp"]["link"], "sluice0")
        speed = off["speed_bits_per_second"]
        self.assertEqual(found["tcp"]["link_speed_bits_per_second"], speed)
        if speed:
            way = found["tcp"]["round_trips"][1]
            self.assertEqual(way["bandwidth_delay_product_bytes"], speed // 800)
            self.assertIsInstance(way["fills_link"], bool)

    def test_memory_cgroup(self):
        reason = cgroup.missing()
        if reason:
            self.skipTest(reason)
        limit = 256 * MIB
        folder = temp_folder(self.addCleanup)
        make_file(folder / "file", 128 * MIB)
        subprocess.run(["sync", folder / "file"], check=True)
        with open(folder / "file", "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        read_first = ["sh", "-c", 'cat "$0" >/dev/null && exec "$@"', folder / "file"]
        with cgroup.memory(limit, "sluice-host") as prefix:
            alone = self.host(prefix=prefix)["memory"]
            full = self.host(prefix=[*prefix, *read_first])["memory"]
        for memory in (alone, full):
            self.assertEqual(memory["cgroup_limit_bytes"], limit)
            self.assertEqual(memory["available_bytes"], memory["cgroup_available_bytes"])
            self.assertLess(memory["available_bytes"], limit)
        # the cached file counts as used, but can be had all the same
        self.assertGreater(full["available_bytes"], limit - 64 * MIB)


if __name__ == "__main__":
    unittest.main()
