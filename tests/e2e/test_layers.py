# SPDX-License-Identifier: MIT
"""Includes point down only. The order of the rooms is that in docs/architecture.md."""

import pathlib
import re
import unittest

from support import ROOT

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def rooms():
    """What the first block of docs/architecture.md lists, the lowest first: "src/base", ..."""
    block = (ROOT / "docs" / "architecture.md").read_text().split("```")[1]
    return re.findall(r"^((?:src|tools)/\w+|cmd)/ ", block, re.M)[::-1]


def sources():
    for top in ("src", "tools", "cmd"):
        yield from sorted((ROOT / top).rglob("*.[ch]"))


def room_of(file):
    return file.relative_to(ROOT).parent.as_posix()


def wrong_include(order, room, name):
    """Why a file of this room may not include this name; None: it may."""
    if name == "sluice.h":
        return None
    if "/" not in name:
        return None if room == "cmd" else "names no room"
    homes = [f"{top}/{pathlib.PurePath(name).parent}" for top in ("src", "tools")]
    home = next((home for home in homes if home in order), None)
    if not home:
        return "is in no room"
    return "points up" if order.index(home) > order.index(room) else None


class Layers(unittest.TestCase):
    def test_every_file_is_in_a_room_that_the_document_lists(self):
        order = rooms()
        self.assertEqual({room_of(file) for file in sources()}, set(order))
        names = [room.split("/")[-1] for room in order]
        self.assertEqual(len(set(names)), len(names))

    def test_the_build_has_the_same_order(self):
        for top in ("src", "tools"):
            build = (ROOT / top / "meson.build").read_text()
            layers = re.search(r"foreach \w+ : (\[.*?\])", build, re.S)[1]
            self.assertEqual([f"{top}/{name}" for name in re.findall(r"'(\w+)'", layers)],
                             [room for room in rooms() if room.startswith(top)])

    def test_what_may_be_included(self):
        order = ["src/base", "src/loop", "tools/tune", "cmd"]
        rows = [
            ("src/loop", "base/sys.h", None),
            ("src/loop", "loop/loop.h", None),
            ("src/base", "sluice.h", None),
            ("src/base", "loop/loop.h", "points up"),
            ("src/loop", "tune/facts.h", "points up"),
            ("tools/tune", "loop/loop.h", None),
            ("cmd", "tune/facts.h", None),
            ("cmd", "bar.h", None),
            ("src/loop", "loop.h", "names no room"),
            ("src/loop", "../base/sys.h", "is in no room"),
            ("cmd", "stream/send.h", "is in no room"),
        ]
        for room, name, why in rows:
            with self.subTest(room=room, name=name):
                self.assertEqual(wrong_include(order, room, name), why)

    def test_includes_point_down(self):
        order, wrong = rooms(), []
        for file in sources():
            for name in INCLUDE.findall(file.read_text()):
                if why := wrong_include(order, room_of(file), name):
                    wrong.append(f'{file.relative_to(ROOT)}: "{name}" {why}')
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
