# SPDX-License-Identifier: MIT
"""What every bench has in common: arguments, a directory that goes at the end, floors, JSON."""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile

import machine
import table
from process import Failure, Interrupted, interrupts

MIB = 1 << 20
IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs", "rootfs"}
BUILT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../build/sluice")


# Arguments

def parse_size(text):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)i?B?", text, re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 512M or 1.5G")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def size_argument(least=16 * MIB, unit=MIB):
    def parse(text):
        size = parse_size(text)
        if size < least or size % unit:
            raise argparse.ArgumentTypeError(
                f"'{text}': at least {size_text(least)}, and a multiple of {size_text(unit)}")
        return size
    return parse


def sizes_argument(least, unit):
    one = size_argument(least, unit)

    def parse(text):
        return sorted({one(part) for part in text.split(",")})
    return parse


def count_argument(most=1000):
    def parse(text):
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {most}")
        return int(text)
    return parse


def list_argument(allowed):
    def parse(text):
        names = text.split(",")
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(allowed)}")
        return [name for name in allowed if name in names]
    return parse


def parser(name, description, epilog=""):
    made = argparse.ArgumentParser(
        prog=name, allow_abbrev=False, description=description,
        epilog=f"{epilog} Exit status: 0 measured (a missed floor is a result) or skipped with the "
               "reason, 1 something failed, 2 wrong use.".lstrip())
    made.add_argument("--dir", default="/var/tmp", help="directory on a real disk (/var/tmp)")
    made.add_argument("--sluice", metavar="PATH", help="the command (build/sluice)")
    made.add_argument("--json", metavar="FILE", help="write everything measured there")
    return made


def is_writable(path):
    if os.path.exists(path):
        return os.path.isfile(path) and os.access(path, os.W_OK)
    return os.access(os.path.dirname(path) or ".", os.W_OK)


def check(options, room=0, memory=0):
    """What is wrong with the arguments, or None. Room and memory are what the bench will take."""
    command = options.sluice or BUILT
    if not os.path.isfile(command) or not os.access(command, os.X_OK):
        return f"{command}: no such program; build it, or name it with --sluice"
    if options.json and not is_writable(options.json):
        return f"--json {options.json}: cannot write there"
    return check_directory(options.dir, room) or check_memory(memory)


def check_directory(directory, room):
    if not os.path.isdir(directory) or not os.access(directory, os.W_OK | os.X_OK):
        return f"--dir {directory}: not a directory that can be written to"
    kind = machine.mount_of(directory)[1]
    if kind in IN_MEMORY:
        return f"--dir {directory} is on {kind}, which is memory; name a directory on a disk"
    free, needed = shutil.disk_usage(directory).free, room + 256 * MIB
    if free < needed:
        return (f"--dir {directory} has {free >> 20} MiB free, {needed >> 20} MiB are needed; "
                "choose another --dir or smaller sizes")
    return None


def check_memory(needed):
    free = machine.available_bytes()
    if needed and free < needed + 512 * MIB:
        return (f"{free >> 20} MiB of memory are available, {(needed + 512 * MIB) >> 20} MiB are "
                "needed; choose smaller sizes")
    return None


def refuse_unless_fit(name, options, **needs):
    problem = check(options, **needs)
    if problem:
        sys.stderr.write(f"{name}: {problem}\n")
        sys.exit(2)
    options.sluice = os.path.realpath(options.sluice or BUILT)


# Running

def play(name, options, run):
    """Runs run(options, root) in a directory that is gone afterwards, whatever ends it."""
    interrupts.catch()
    root = tempfile.mkdtemp(prefix=f"sluice-{name}-", dir=os.path.realpath(options.dir))
    try:
        return run(options, root)
    except Interrupted as reason:
        print(f"{name}: interrupted; cleaning up", file=sys.stderr)
        return 128 + reason.args[0]
    except (Failure, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    finally:
        interrupts.ignore()
        shutil.rmtree(root)


def say(text):
    """Progress, for who waits; the results are on standard output."""
    print(text, file=sys.stderr, flush=True)


def skip(name, options, reason):
    print(f"{name}: skipped: {reason}")
    save(options, {"skipped": f"skipped: {reason}", "floors": []})
    return 0


# Reporting

def size_text(size):
    for unit, factor in ("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10):
        if size >= factor:
            return f"{size / factor:g} {unit}"
    return f"{size} B"


def print_facts(facts):
    print(f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_bytes'] / 2**30:.0f} GiB, "
          f"Linux {facts['kernel']}, congestion control {facts['congestion_control']}")
    print(f"{facts['file_system']} ({facts['mount_options']}) on {facts['device']}; "
          f"page cache seen by {facts['page_cache_seen_by']}"
          + ", and reclaimed in the background by DAMON" * facts["damon_runs"], flush=True)


def print_floors(floors):
    print("\nfloors")
    for floor in floors:
        print(table.floor_line(floor))


def save(options, report):
    if not options.json:
        return
    for floor in report["floors"]:
        if "text" not in floor:
            state = f"{floor['state']}: " if "state" in floor else ""
            floor["text"] = state + table.floor_line(floor).strip()
    with open(options.json, "w") as file:
        json.dump(report, file, indent=1, ensure_ascii=False)
        file.write("\n")
