# SPDX-License-Identifier: MIT
"""NAME.part.state as it is read and written, of both versions."""

import json

SECTOR, BLOCK = 512, 4096


def digest(data, start=0xCBF29CE484222325):
    for byte in data:
        start = (start ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return start


def read(path):
    return json.loads(path.read_text())


def write(path, members):
    """As sluice writes it: what changes in one sector, sealed, and the rest behind it."""
    members = {name: value for name, value in members.items() if name != "checksum"}
    names = ["version", "part_modified", "sample", "done_blocks", "done_bytes"]
    changes = {name: members.pop(name) for name in names if name in members}
    rest = json.dumps(members, indent=2).encode()[1:]
    sector = json.dumps(changes, indent=2).encode()[:-2] + b","
    if changes.get("version") != 1:
        sector = sector.ljust(SECTOR - 34)
        sector += b'\n  "checksum": "%016x",' % digest(sector, digest(rest))
    path.write_bytes(sector.ljust(SECTOR) + rest)


def write_first_version(path):
    """What the first version would have written of the same part."""
    members = read(path)
    end = done_bytes(members)
    del members["done_blocks"]
    write(path, {**members, "version": 1, "done_bytes": end})


def done_bytes(members):
    """Of one stretch from the start."""
    if not members["done_blocks"]:
        return 0
    [[start, end]] = members["done_blocks"]
    assert start == 0
    return min(end * BLOCK, members["size_bytes"])
