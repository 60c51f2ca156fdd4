#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the tests of a build and ends in one line: "N passed, N failed, N skipped".

unit     the cmocka executables that meson lists; -k chooses among the executables
e2e      the unittest modules tests/e2e/test_*.py, each in a process of its own; -k as in unittest.
         smoke and short are those of them that tests/e2e/meson.build says
fuzz     each libFuzzer target for a few seconds from a copy of its corpus; -k chooses among targets
kernels  the modules tests/kernels/test_*.py, in the same way, and only where --only asks for them

Several run at a time (-j), and are told of when they have ended; those that want the machine alone,
as tests/e2e/meson.build says, follow one by one.

Unit tests and modules alike report by TAP, so that a crash, which leaves the plan unfulfilled, shows.
The exit status is 1 when something failed, or when a chosen kind had nothing to run.
"""
import argparse
import concurrent.futures
import ctypes
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
E2E = ROOT / "tests" / "e2e"
KERNELS = ROOT / "tests" / "kernels"
FUZZ_BUILD = ROOT / "build-fuzz"
LISTED = ["unit", "smoke", "short", "e2e"]  # suites of meson's
KINDS = [*LISTED, "fuzz", "kernels"]
ADDR_NO_RANDOMIZE = 0x0040000
CPUS = len(os.sched_getaffinity(0))

counts = {"passed": 0, "failed": 0, "skipped": 0}
counting = threading.Lock()
groups = set()  # the process groups that run
durations = []  # (seconds, CPU seconds, name) of all that ran, and of each test within


def show(text):
    print(text, flush=True)


def count(outcome, name, reason="", say=show):
    with counting:
        counts[outcome] += 1
    word = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}[outcome]
    say(f"{word} {name}{': ' + reason if reason else ''}")


def end_group(leader):
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(name, command, on_line, timeout, **options):
    """Runs a command in its own process group, which is ended with it. Returns ("" or what went
    wrong, stderr)."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=errors, text=True, errors="replace",
                                 start_new_session=True, **options)
        late = threading.Event()
        groups.add(child.pid)

        def on_timeout():
            late.set()
            end_group(child.pid)

        # Read by a thread: a server that a crashed test left behind holds the pipe open.
        reader = threading.Thread(target=lambda: [on_line(line) for line in child.stdout],
                                  daemon=True)
        timer = threading.Timer(timeout, on_timeout)
        reader.start()
        timer.start()
        try:
            _, ended, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(ended)
            durations.append((time.monotonic() - started, usage.ru_utime + usage.ru_stime, name))
        finally:
            timer.cancel()
            end_group(child.pid)
            groups.discard(child.pid)
            reader.join(5)
        errors.seek(0)
        if late.is_set():
            status = f"still running after {timeout} s"
        elif child.returncode < 0:
            status = f"killed by {signal.Signals(-child.returncode).name}"
        else:
            status = f"exit status {child.returncode}" if child.returncode else ""
        return status, errors.read()


def run_tap(name, command, timeout, say=show, **options):
    """Runs a program that reports by TAP, and counts its tests."""
    output, results, planned, hint = [], [], [], ""

    def on_line(line):
        nonlocal hint
        output.append(line)
        if plan := re.match(r"1\.\.(\d+)", line):
            planned.append(int(plan[1]))
        elif test := re.match(r"(not )?ok \d+ -? ?(.*)", line):
            # cmocka writes "not ok 3 # SKIP test"; the reason is the line the test printed.
            if skip := re.match(r"(.*?) ?# SKIP ?(.*)", test[2]):
                title, reason = (skip[1], skip[2] or hint) if skip[1] else (skip[2], hint)
                results.append("skipped")
                count("skipped", f"{name} {title}", reason or "no reason given", say)
            else:
                results.append("failed" if test[1] else "passed")
                count(results[-1], f"{name} {test[2]}", say=say)
                if took := re.match(r"(.*) \((\d+\.\d) s, (\d+\.\d) s of CPU\)", test[2]):
                    durations.append((float(took[2]), float(took[3]), f"{name} {took[1]}"))
            hint = ""
        else:
            hint = line.strip().lstrip("# ")

    status, errors = run(name, command, on_line, timeout, **options)
    # A program whose tests failed exits unhappily; any other trouble is one more failure.
    if not planned or sum(planned) != len(results):
        trouble = f"{status or 'ended early'}, {len(results)} of {sum(planned) or '?'} tests done"
    else:
        trouble = "" if "failed" in results and status.startswith("exit") else status
    if trouble:
        results.append("failed")
        count("failed", name, trouble, say)
    if "failed" in results:
        text = "".join(line for line in output if not re.match(r"ok \d", line)) + errors
        for line in text.splitlines():
            say(f"    | {line.removeprefix('# ')}")


def sanitized(build):
    options = json.loads(subprocess.check_output(
        ["meson", "introspect", build, "--buildoptions"], text=True))
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


def fix_addresses():
    """Older sanitizers cannot live with how far newer kernels spread addresses. Inherited."""
    ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)


def environment(build):
    return dict(os.environ, SLUICE=str(build / "sluice"), SLUICE_BUILD=str(build),
                PYTHONDONTWRITEBYTECODE="1",
                UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:"
                + os.environ.get("UBSAN_OPTIONS", ""),
                TSAN_OPTIONS=f"suppressions={ROOT / 'tests/tsan.suppressions'}:"
                + os.environ.get("TSAN_OPTIONS", ""))


def listed(build, suites):
    """The tests of these suites as meson knows them: those that want to start early come first."""
    tests = json.loads(subprocess.check_output(["meson", "introspect", build, "--tests"], text=True))
    chosen = [t for t in tests if {s.rpartition(":")[2] for s in t["suite"]} & set(suites)]
    return sorted(chosen, key=lambda test: -test["priority"])


def run_test(args, test, say=show):
    """One that meson lists: a module of Python chooses by -k among its tests, a program cannot."""
    suite = test["suite"][0].rpartition(":")[2]
    command, slower = test["cmd"], 10 if args.wrap or args.slow else 1
    if suite == "unit":
        command = shlex.split(args.wrap) + command
    elif args.k:
        command = command + ["-k", args.k]
    run_tap(f"{suite} {test['name']}", command, slower * test["timeout"], say, cwd=test["workdir"],
            env=dict(environment(args.build), **test["env"], CMOCKA_MESSAGE_OUTPUT="TAP"))


def run_tests(args, suites):
    tests = listed(args.build, suites)
    if args.k:
        tests = [t for t in tests if "unit" not in t["suite"][0] or args.k in t["name"]]
    if "e2e" in suites:
        known = (E2E / "meson.build").read_text()
        for file in sorted(E2E.glob("test_*.py")):
            if f"'{file.stem.removeprefix('test_')}'" not in known:
                count("failed", f"e2e {file.stem}", "tests/e2e/meson.build does not list it")
    side_by_side(args.j, [functools.partial(run_test, args, test) for test in tests
                          if test["is_parallel"] and args.j > 1])
    for test in tests:
        if not test["is_parallel"] or args.j == 1:
            run_test(args, test)


def side_by_side(most, jobs):
    """Each is called with what takes its lines, which come as a whole when it has ended."""
    def run_quietly(job):
        lines = []
        job(lines.append)
        return lines

    pool = concurrent.futures.ThreadPoolExecutor(most)
    running = [pool.submit(run_quietly, job) for job in jobs]
    try:
        for done in concurrent.futures.as_completed(running):
            for line in done.result():
                show(line)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for leader in tuple(groups):
            end_group(leader)
        raise


def run_kernels(args):
    for file in sorted(KERNELS.glob("test_*.py")):
        run_tap(f"kernels {file.stem}",
                [sys.executable, __file__, "--module", file] + (["-k", args.k] if args.k else []),
                3600, cwd=ROOT, env=environment(args.build))


def build_fuzz():
    """Returns why the targets cannot be built, if that is clang's absence."""
    if not shutil.which("clang"):
        return "no clang"
    program = "int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return 0; }"
    with tempfile.TemporaryDirectory() as folder:
        probe = subprocess.run(["clang", "-fsanitize=fuzzer,address", "-xc", "-", "-o", folder + "/x"],
                               input=program, text=True, stderr=subprocess.DEVNULL)
    if probe.returncode:
        return "clang has no libFuzzer here"
    if not (FUZZ_BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", FUZZ_BUILD, "-Db_sanitize=address,undefined",
                        "-Db_lundef=false", "-Doptimization=1", "-Dfuzz=true",
                        "-Dtools=disabled", "-Dtests=disabled", "-Dexamples=disabled"],
                       cwd=ROOT, env=dict(os.environ, CC="clang"), check=True)
    subprocess.run(["ninja", "-C", FUZZ_BUILD, "--quiet", "meson-test-prereq"], check=True)
    return None


def run_fuzz(args):
    try:
        reason = build_fuzz()
    except subprocess.CalledProcessError as error:
        return count("failed", "fuzz", f"{error.cmd[0]} failed")
    if reason:
        return count("skipped", "fuzz", reason)
    fix_addresses()
    targets = [target for target in sorted(FUZZ_BUILD.glob("tests/fuzz/fuzz_*"))
               if target.is_file() and (not args.k or args.k in target.name)]
    side_by_side(min(args.j, CPUS), [functools.partial(run_target, args, target) for target in targets])


def run_target(args, target, say):
    name = target.name[len("fuzz_"):]
    with tempfile.TemporaryDirectory() as folder:
        corpus = ROOT / "tests" / "fuzz" / "corpus" / name
        if corpus.is_dir():
            shutil.copytree(corpus, folder, dirs_exist_ok=True)
        status, errors = run(f"fuzz {name}", [target, f"-max_total_time={args.fuzz_seconds}",
                                              f"-artifact_prefix={FUZZ_BUILD}/", folder],
                             lambda line: None, args.fuzz_seconds + 120, cwd=folder,
                             env=environment(FUZZ_BUILD))
    if status:
        count("failed", f"fuzz {name}", status, say)
        for line in errors.splitlines()[-60:]:
            say(f"    | {line}")
    else:
        runs = re.findall(r"^Done (\d+) runs", errors, re.M)
        count("passed", f"fuzz {name}", f"{runs[-1] if runs else '?'} runs", say)


def spent():
    """The seconds, and the CPU seconds of this process and of the children that it waited for."""
    times = os.times()
    return times.elapsed, sum(times[:4])


class TapResult(unittest.TestResult):
    """unittest's outcomes as TAP."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.started = spent()

    def startTest(self, test):
        super().startTest(test)
        self.started = spent()

    def report(self, word, test, tail=""):
        self.number += 1
        # Shortened from "test_get.Download.test_empty", or "setUpClass (test_get.Download)".
        name = re.sub(r"^test_\w+\.", "", test.id())
        print(f"{word} {self.number} - {name}{tail}", flush=True)

    def addSuccess(self, test):
        seconds, cpu = (now - then for now, then in zip(spent(), self.started))
        self.report("ok", test, f" ({seconds:.1f} s, {cpu:.1f} s of CPU)")

    def addExpectedFailure(self, test, err):
        self.report("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report("ok", test, f" # SKIP {' '.join(reason.split())}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.report("not ok", test)
        print(*(f"# {line}" for line in self.failures[-1][1].splitlines()), sep="\n", flush=True)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(subtest, err)

    def addUnexpectedSuccess(self, test):
        self.report("not ok", test, " (passed, but was expected to fail)")


def be_module(args):
    sys.path.append(str(E2E))  # where the tests of other kinds find support.py
    loader = unittest.defaultTestLoader
    if args.k:
        loader.testNamePatterns = [args.k if "*" in args.k else f"*{args.k}*"]
    result = TapResult()
    loader.discover(str(args.module.parent), pattern=args.module.name).run(result)
    print(f"1..{result.number}", flush=True)


def show_durations(most):
    show("seconds     CPU")
    for seconds, cpu, name in sorted(durations, reverse=True)[:most]:
        show(f"{seconds:7.1f} {cpu:7.1f}  {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", metavar="DIR")
    parser.add_argument("--only", default="unit,e2e,fuzz", metavar=",".join(KINDS))
    parser.add_argument("-j", type=int, default=2 * CPUS, metavar="N",
                        help="programs and modules at a time (%(default)s)")
    parser.add_argument("-k", metavar="PATTERN", help="only tests whose name contains this")
    parser.add_argument("--wrap", default="", metavar="COMMAND", help="run unit tests under this")
    parser.add_argument("--slow", action="store_true", help="give unit tests ten times their time")
    parser.add_argument("--fuzz-seconds", type=int, default=5, metavar="N", help="for each target")
    parser.add_argument("--durations", type=int, default=0, metavar="N",
                        help="show the N modules and tests that took longest")
    parser.add_argument("--module", type=pathlib.Path, metavar="FILE",
                        help="be the process that runs this module, and report by TAP")
    args = parser.parse_args()
    if args.module:
        return be_module(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # by way of what cleans up
    only = args.only.split(",")
    if unknown := set(only) - set(KINDS):
        parser.error(f"no such kind of test: {', '.join(sorted(unknown))}")
    args.build = args.build.resolve()
    if not (args.build / "build.ninja").exists():
        parser.error(f"{args.build} is no build directory")

    if sanitized(args.build):
        fix_addresses()
    suites = [kind for kind in only if kind in LISTED]
    for kind, run_kind in (("tests", lambda args: run_tests(args, suites)), ("fuzz", run_fuzz),
                           ("kernels", run_kernels)):
        if not suites if kind == "tests" else kind not in only:
            continue
        before = sum(counts.values())
        run_kind(args)
        if sum(counts.values()) == before and not args.k:
            count("failed", kind, "found nothing to run")
    if args.durations:
        show_durations(args.durations)
    ran = counts["passed"] + counts["failed"]
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts), flush=True)
    return 1 if counts["failed"] or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
