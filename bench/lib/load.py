# SPDX-License-Identifier: MIT
"""Load by wrk, on a core of its own, and what the cores and the server spent on it."""

import os
import re

import machine
from peers import find
from process import Failure, finish, running

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


# Cores

def siblings(core):
    line = machine.read_line(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list", "")
    found = set()
    for part in filter(None, line.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found or {core}


def two_cores():
    """(for the server, for the load): not threads of one core where that can be; None with one."""
    cores = sorted(os.sched_getaffinity(0))
    apart = [core for core in cores if core not in siblings(cores[0])] or cores[1:]
    return (cores[0], apart[0]) if apart else None


def pinned(*cores):
    return [find("taskset"), "-c", ",".join(map(str, cores))]


def core_ticks(core):
    """(busy, all) since boot."""
    with open("/proc/stat") as file:
        for line in file:
            if line.startswith(f"cpu{core} "):
                ticks = list(map(int, line.split()[1:9]))
                return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
    raise Failure(f"core {core} is not in /proc/stat")


def busy_share(before, after):
    return (after[0] - before[0]) / max(1, after[1] - before[1])


def process_seconds(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / machine.HZ


# wrk

def found(pattern, text):
    match = re.search(pattern, text)
    if not match:
        raise Failure(f"wrk said nothing of {pattern!r}: {text.strip()[-300:]}")
    return match


def parse(text):
    requests, seconds, unit = found(r"(\d+) requests in ([\d.]+)(us|ms|s|m),", text).groups()
    p99 = found(r"99%\s+([\d.]+)(us|ms|s|m)\b", text)
    bad = re.search(r"(Socket errors|Non-2xx or 3xx responses): .*", text)
    if bad and re.search(r"[1-9]", bad[0].partition(":")[2]):
        raise Failure(f"wrk: {bad[0]}")
    if requests == "0":
        raise Failure("wrk had no answer in time")
    return {
        "requests": int(requests),
        "requests_per_second": int(requests) / (float(seconds) * UNITS[unit]),
        "p99_seconds": float(p99[1]) * UNITS[p99[2]],
    }


def wrk(site, url, connections, seconds, prefix=()):
    log = site.write("wrk.log", "")
    argv = [*prefix, find("wrk"), "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", url]
    with running(argv, log) as client:
        finish(client, seconds + 20, log)
    with open(log, errors="replace") as file:
        return parse(file.read())


def congestion_control(name=None):
    """For `--cc`: the system's unless named, so that sluice has what its peers have."""
    return name or machine.read_line("/proc/sys/net/ipv4/tcp_congestion_control", "auto")
