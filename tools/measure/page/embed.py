#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts the report's page together and writes it as C: embed.py OUTPUT.c PAGE.html STYLE.css SCRIPT.js...

The page says where things go: @POLICY@, @STYLE@ and @SCRIPTS@ are filled in here, @KIND@ and @DOCUMENT@
by the command, so there the page is cut. The policy names each script and the style by its digest, so
that a browser runs nothing else, and lets the page ask nobody for anything.
"""

import base64
import hashlib
import pathlib
import re
import sys


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def read(name):
    text = pathlib.Path(name).read_text(encoding="utf-8")
    if re.search(r"</(script|style)|<!--|\r", text, re.I) and not name.endswith(".html"):
        sys.exit(f"{name} cannot be put into a page: it holds the end of its element")
    return text


def policy(style, scripts):
    return (f"default-src 'none'; img-src data:; style-src {digest(style)}; "
            f"script-src {' '.join(map(digest, scripts))}; base-uri 'none'; form-action 'none'")


def page(html, style, scripts):
    parts = {
        "@POLICY@": policy(style, scripts),
        "@STYLE@": f"<style>{style}</style>",
        "@SCRIPTS@": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    return re.sub("|".join(parts), lambda found: parts[found[0]], html)


def array(name, text):
    data = text.encode()
    rows = (",".join(map(str, data[at:at + 32])) for at in range(0, len(data), 32))
    body = ",\n".join(rows)
    return (f"const unsigned char {name}[] = {{\n{body}}};\n"
            f"const size_t {name}_size = sizeof({name});\n")


def main():
    output, html, style, *scripts = sys.argv[1:]
    whole = page(read(html), read(style), [read(script) for script in scripts])
    pieces = re.fullmatch("(.*)@KIND@(.*)@DOCUMENT@(.*)", whole, re.S)
    if not pieces:
        sys.exit(f"{html} has no place for @KIND@, and then @DOCUMENT@")
    names = ("report_page_head", "report_page_middle", "report_page_tail")
    pathlib.Path(output).write_text(
        '#include "measure/report-page.h"\n' + "".join(map(array, names, pieces.groups())))


if __name__ == "__main__":
    main()
