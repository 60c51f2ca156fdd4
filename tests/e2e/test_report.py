# SPDX-License-Identifier: MIT
"""The report: what a browser makes of the page is what the document says, and it asks nobody.

The documents are made up, with everything that can be in one; write-report puts the page around them.
"""

import json
import re
import socket
import subprocess
import unittest

import report_documents
from browser import Browser
from support import BUILD, WAIT, finish, mount, start_sluice, temp_folder

LIMIT = 600  # of what measures: the machine may be busy
THEMES = ("light", "dark")

# What the page shows: a list of rows a table, a list of figures a row.
TABLES = """
return [...document.querySelectorAll("table")].map((table) => ({
    caption: table.caption?.textContent,
    heads: [...table.querySelectorAll("thead th")].map((head) => head.scope),
    rows: [...table.tBodies[0].rows].map((row) => ({
        name: row.cells[0].scope === "row" ? row.cells[0].textContent : null,
        text: row.textContent,
        values: [...row.querySelectorAll("data")].map((data) => Number(data.value)),
        written: [...row.querySelectorAll("data")].map((data) => data.textContent),
    })),
}));
"""
# Of each canvas the share of pixels that something was drawn on, the colours, and Chart.js's data.
CANVASES = """
return [...document.querySelectorAll("canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    let drawn = 0;
    for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 0) {
            drawn++;
            colours.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
        }
    return { share: 4 * drawn / data.length, colours: colours.size, label: canvas.getAttribute("aria-label"),
             sets: Chart.getChart(canvas).data.datasets.map((set) => set.data) };
});
"""
COLOURS = """
const style = getComputedStyle(document.documentElement);
return Object.fromEntries(["paper", "raised", "ink", "muted", "one", "two", "good", "bad"]
    .map((name) => [name, style.getPropertyValue(`--${name}`)]));
"""


def spread(value):
    return [value["median"], value["min"], value["max"]]


def rate_rows(rows):
    return [[] if row["skipped"] else [*spread(row["rate_gb_per_second"]), row["rate_ratio"]] for row in rows]


def cost_rows(rows):
    return [[] if row["skipped"] else [
        *spread(row["cpu_seconds_per_gb"]), row["send_cpu_seconds_per_gb"]["median"],
        row["receive_cpu_seconds_per_gb"]["median"], row["cpu_ratio"]] for row in rows]


def path_rows(document, end):
    paths = {}
    for row in document["rows"]:
        if not row["skipped"]:
            paths.setdefault(row[end], []).append(row)
    for rows in paths.values():
        figures = []
        for name in ("copies_per_byte", "mode_switches_per_gb"):
            values = [row[name][end] for row in rows if row[name][end] is not None]
            figures += sorted({min(values), max(values)}) if values else []
        yield figures


def groups(document):
    found = {}
    for row in document["rows"]:
        found.setdefault((row["source"], row["baseline"]), []).append(row)
    return found.values()


def kinds(document):
    order = ("cpu", "memory", "page_cache", "disk", "network", "kernel")
    for kind in ("latency", "bandwidth", "cost"):
        rows = [row for row in document["rows"] if row["kind"] == kind]
        if rows:
            yield sorted(rows, key=lambda row: order.index(row["group"]))


def bench_tables(document):
    for rows in groups(document):
        yield rate_rows(rows)
        yield cost_rows(rows)
    yield [*path_rows(document, "send"), *path_rows(document, "receive")]


def media_tables(document):
    for rows in kinds(document):
        yield [[] if row["skipped"] else
               [*spread(row["value"]), *([row["size_bytes"]] if row["size_bytes"] else [])] for row in rows]


def medians(rows, *names):
    """The data of a chart: a list for each part of its bars; None where nothing of it was measured."""
    if all(row["skipped"] for row in rows):
        return []
    return [[[None if row["skipped"] else row[name]["median"] for row in rows] for name in names]]


def bench_charts(document):
    for rows in groups(document):
        yield from medians(rows, "rate_gb_per_second")
        yield from medians(rows, "send_cpu_seconds_per_gb", "receive_cpu_seconds_per_gb")


def media_charts(document):
    for rows in kinds(document):
        yield from medians(rows, "value")


UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "GB/s": 1e9, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
         "": 1}


def read_figure(text):
    """The number that a person reads: "1.63 ns"."""
    number, _, unit = text.partition(" ")
    return float(number.replace(",", "")) * UNITS[unit]


def luminance(colour):
    channels = (int(colour.strip()[at:at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """As WCAG 2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class Page:
    """One page in the browser that all tests share."""

    kind = None
    tables = charts = None

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        cls.document = getattr(report_documents, cls.kind)()
        (cls.folder / "document.json").write_text(json.dumps(cls.document))
        cls.file = cls.folder / "re#port?.html"
        subprocess.run([BUILD / "tests/e2e/write-report", cls.kind, cls.folder / "document.json", cls.file],
                       check=True, timeout=WAIT)
        cls.url = cls.file.as_uri()

    def open(self, **how):
        browser.emulate(**how)
        browser.log("browser")
        browser.requests()
        browser.open(self.url)

    def test_nothing_goes_wrong_and_nobody_is_asked(self):
        self.open()
        self.assertEqual(browser.log("browser"), [])
        asked = [url for url in browser.requests() if not url.startswith("data:")]
        self.assertEqual(asked, [self.url])

    def test_its_policy_lets_it_ask_nobody(self):
        """Even a script that got into it could not."""
        self.open()
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            address = f"http://127.0.0.1:{server.getsockname()[1]}/"
            answer = browser.run("""
                document.body.append(Object.assign(document.createElement("script"), {textContent: "window.ran = 1"}));
                const image = new Image();
                const loaded = new Promise((done) => { image.onload = image.onerror = done; });
                image.src = arguments[0];
                return loaded.then(() => fetch(arguments[0])).then(() => "answered", () => "refused");""", address)
            self.assertEqual(answer, "refused")
            self.assertRaises(BlockingIOError, server.accept)
        self.assertFalse(browser.run("return 'ran' in window"))

    def test_names_from_outside_stay_text(self):
        self.open()
        self.assertIn(report_documents.HOSTILE, browser.run("return document.body.innerText"))
        self.assertRegex(browser.run("return document.title"), f"^sluice {self.kind}, 20")
        self.assertEqual(browser.run("return document.querySelectorAll('img').length"), 0)

    def test_document_is_in_the_page(self):
        self.open()
        text = browser.run("return document.getElementById('document').textContent")
        self.assertEqual(json.loads(text), self.document)

    def test_tables_say_what_the_document_says(self):
        self.open()
        found = browser.run(TABLES)
        self.assertEqual([[row["values"] for row in table["rows"]] for table in found], list(self.tables(self.document)))
        for table in found:
            for row in table["rows"]:
                for value, written in zip(row["values"], row["written"]):
                    self.assertLessEqual(abs(read_figure(written) - value), 0.0051 * abs(value), (written, value))

    def test_what_is_left_out_or_noisy_says_so(self):
        self.open()
        rows = [row for table in browser.run(TABLES) for row in table["rows"]]
        text = " ".join(row["text"] for row in rows)
        for row in self.document["rows"]:
            if row["skipped"]:
                self.assertIn(f"left out: {row['skipped']}", text)
        self.assertTrue([row for row in rows if "noisy" in row["text"]])

    def test_every_chart_is_drawn(self):
        for theme in THEMES:
            for width in (1000, 375):
                with self.subTest(theme=theme, width=width):
                    self.open(theme=theme, width=width)
                    found = browser.run(CANVASES)
                    self.assertEqual(len(found), len(list(self.charts(self.document))))
                    for canvas in found:
                        self.assertGreater(canvas["share"], 0.03)
                        self.assertGreater(canvas["colours"], 8)

    def test_charts_hold_what_the_document_says(self):
        self.open()
        self.assertEqual([canvas["sets"] for canvas in browser.run(CANVASES)], list(self.charts(self.document)))

    def test_every_axis_can_be_read(self):
        for width in (1000, 375):
            self.open(width=width)
            for labels in browser.run("return [...document.querySelectorAll('canvas')].map((canvas) => "
                                      "Chart.getChart(canvas).scales.x.ticks.map((tick) => tick.label))"):
                self.assertGreaterEqual(len([label for label in labels if label]), 2, (width, labels))

    def test_it_fits_a_phone(self):
        self.open(width=375)
        self.assertEqual(browser.run("return document.documentElement.scrollWidth"), 375)
        self.assertEqual(browser.run("return [...document.querySelectorAll('canvas, svg, figure, .scroll')]"
                                     ".filter((e) => e.getBoundingClientRect().right > 375).length"), 0)

    def test_a_dark_page_prints_light(self):
        paper = {}
        for theme in THEMES:
            self.open(theme=theme)
            paper[theme] = browser.run(COLOURS)["paper"]
        self.assertNotEqual(paper["light"], paper["dark"])
        before = browser.run("return document.querySelector('canvas').toDataURL()")
        browser.run("dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(browser.run(COLOURS)["paper"], paper["light"])
        self.assertNotEqual(browser.run("return document.querySelector('canvas').toDataURL()"), before)
        browser.run("dispatchEvent(new Event('afterprint'))")
        self.assertEqual(browser.run(COLOURS)["paper"], paper["dark"])
        browser.devtools("Emulation.setEmulatedMedia", media="print",
                         features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.assertEqual(browser.run(COLOURS)["paper"], paper["light"])
        browser.devtools("Emulation.setEmulatedMedia", media="")

    def test_colours_can_be_told_apart(self):
        for theme in THEMES:
            self.open(theme=theme)
            colours = browser.run(COLOURS)
            for ground in ("paper", "raised"):
                for name in ("ink", "muted", "one", "good", "bad"):
                    self.assertGreaterEqual(contrast(colours[name], colours[ground]), 4.5, (theme, name, ground))
                self.assertGreaterEqual(contrast(colours["two"], colours[ground]), 3, theme)

    def test_it_can_be_read_without_seeing_it(self):
        self.open()
        self.assertEqual(browser.run("return document.documentElement.lang"), "en")
        heads = browser.run("return [...document.querySelectorAll('h1, h2, h3')].map((head) => head.tagName)")
        self.assertEqual((heads[0], heads.count("H1")), ("H1", 1))
        for table in browser.run(TABLES):
            self.assertTrue(table["caption"])
            self.assertEqual(set(table["heads"]), {"col"})
            self.assertTrue(all(row["name"] for row in table["rows"]))
        pictures = browser.run("return [...document.querySelectorAll('canvas, svg')].map((picture) => "
                               "picture.getAttribute('aria-label') ?? picture.getAttribute('aria-hidden'))")
        self.assertTrue(pictures and all(pictures))


class Bench(Page, unittest.TestCase):
    kind = "bench"
    tables = staticmethod(bench_tables)
    charts = staticmethod(bench_charts)

    def test_claims_are_in_words(self):
        self.open()
        found = browser.run("return [...document.querySelectorAll('.claims li')].map((claim) => claim.innerText)")
        self.assertEqual(len(found), len(self.document["claims"]))
        words = {True: "✓ holds here", False: "✗ does not hold", None: "? not known"}
        for text, claim in zip(found, self.document["claims"]):
            self.assertTrue(text.startswith(words[claim["holds"]]), text)
            self.assertIn(claim["text"], text)

    def test_every_path_has_its_picture(self):
        self.open()
        found = browser.run("""return [...document.querySelectorAll(".pictures figure")].map((figure) => ({
            path: figure.dataset.path, end: figure.dataset.end, copies: figure.querySelectorAll(".cpu").length}))""")
        measured = [row for row in self.document["rows"] if not row["skipped"]]
        wanted = {(row[end], end) for row in measured for end in ("send", "receive") if row[end] != "auto"}
        self.assertEqual({(each["path"], each["end"]) for each in found}, wanted)
        # Of the plain path each way: two copies by the CPU.
        self.assertEqual([each["copies"] for each in found if each["path"] == "readwrite"], [2, 2])


class Real(Page):
    """What the command itself measured, small."""

    options = ()
    test_names_from_outside_stay_text = test_what_is_left_out_or_noisy_says_so = None

    @classmethod
    def setUpClass(cls):
        cls.folder = temp_folder(cls.addClassCleanup)
        cls.file = cls.folder / "page.html"
        done = finish(start_sluice(cls.kind, "--size", "16M", *cls.options, cls.folder, "--json", "--html", cls.file), LIMIT)
        if done.code != 0:
            raise AssertionError(done.err)
        cls.document = json.loads(done.out)
        cls.url = cls.file.as_uri()


class RealBench(Real, unittest.TestCase):
    kind = "bench"
    options = ("--runs", "2", "--send", "sendfile,mmap", "--dir")
    tables = staticmethod(bench_tables)
    charts = staticmethod(bench_charts)

    def test_pictures_have_the_copies_that_the_bill_has(self):
        self.open()
        found = browser.run("""return [...document.querySelectorAll(".pictures figure")].map((figure) => [
            figure.dataset.path, figure.dataset.end, figure.querySelectorAll(".cpu").length])""")
        billed = {(row[end], end, row["copies_per_byte"][end]) for row in self.document["rows"]
                  if not row["skipped"] for end in ("send", "receive")}
        self.assertEqual({tuple(each) for each in found}, billed)


class Media(Page, unittest.TestCase):
    kind = "media"
    tables = staticmethod(media_tables)
    charts = staticmethod(media_charts)


class RealMedia(Real, unittest.TestCase):
    kind = "media"
    options = ("--runs", "1", "--disk")
    tables = staticmethod(media_tables)
    charts = staticmethod(media_charts)

    def test_every_row_is_there(self):
        self.open()
        self.assertEqual(sorted(row["name"] for table in browser.run(TABLES) for row in table["rows"]),
                         sorted(row["label"] for row in self.document["rows"]))


class Writing(unittest.TestCase):
    def setUp(self):
        self.folder = temp_folder(self.addCleanup)

    def write(self, document, target):
        (self.folder / "document.json").write_text(json.dumps(document))
        return subprocess.run([BUILD / "tests/e2e/write-report", "media", self.folder / "document.json", target],
                              capture_output=True, text=True, timeout=WAIT)

    def test_what_cannot_be_written(self):
        for target, words in ((self.folder, "not a regular file"), ("/dev/full", "not a regular file"),
                              (self.folder / "missing" / "x.html", "No such file")):
            done = self.write(report_documents.media(), target)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, re.escape(str(target)) + ".*" + words)
        self.assertEqual([file.name for file in self.folder.iterdir()], ["document.json"])

    def test_full_disk_leaves_the_old_report(self):
        disk = mount(self.addCleanup, "tmpfs", "size=512k")
        self.assertEqual(self.write(report_documents.media(), disk / "report.html").returncode, 0)
        before = (disk / "report.html").read_bytes()
        done = self.write({**report_documents.media(), "more": "x" * 300_000}, disk / "report.html")
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)
        self.assertEqual((disk / "report.html").read_bytes(), before)
        self.assertEqual([file.name for file in disk.iterdir()], ["report.html"])


browser = None


def setUpModule():
    global browser
    browser = Browser(unittest.addModuleCleanup)


if __name__ == "__main__":
    unittest.main()
