# SPDX-License-Identifier: MIT
"""Chromium without a window, driven over the WebDriver protocol by plain HTTP."""

import json
import os
import re
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from support import WAIT, program, temp_folder, wait_until

ARGUMENTS = ("--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage")


class Browser:
    """One window of one browser; ends with its test."""

    def __init__(self, add_cleanup):
        chromium, driver = program("chromium"), program("chromedriver")
        folder = temp_folder(add_cleanup)
        self.output = tempfile.TemporaryFile()
        add_cleanup(self.output.close)
        self.process = subprocess.Popen([driver, "--port=0"], stdout=self.output, stderr=self.output,
                                        stdin=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)})
        add_cleanup(self.process.wait)
        add_cleanup(self.process.terminate)
        self.url = f"http://127.0.0.1:{wait_until(self._port, 'chromedriver says where it listens')[1]}"
        arguments = [*ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        try:
            session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"binary": chromium, "args": arguments},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }}})
        except AssertionError as error:
            raise unittest.SkipTest(f"chromium does not start here: {str(error)[:200]}") from None
        self.url += f"/session/{session['sessionId']}"
        add_cleanup(self.ask, "DELETE", "")

    def _port(self):
        if self.process.poll() is not None:
            raise unittest.SkipTest("chromedriver does not start here")
        written = os.pread(self.output.fileno(), 1 << 16, 0).decode(errors="replace")
        return re.search(r"started successfully on port (\d+)", written)

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=WAIT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"chromedriver: {path}: {error.read().decode()[:500]}") from None

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What the script returns, as the body of a function in the page."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def devtools(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def emulate(self, width=1000, height=800, theme="light"):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia",
                      features=[{"name": "prefers-color-scheme", "value": theme}])

    def log(self, kind):
        """What was logged since the last call: "browser" is the console."""
        return self.ask("POST", "/se/log", {"type": kind})

    def requests(self):
        """The addresses that pages asked for since the last call."""
        events = (json.loads(entry["message"])["message"] for entry in self.log("performance"))
        return [event["params"]["request"]["url"] for event in events
                if event["method"] == "Network.requestWillBeSent"]
