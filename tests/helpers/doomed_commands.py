"""Commands that meet a fault: a signal, an error or a full disk, at a chosen step or after a time.

A process that has loaded and compiled everything forks for each command: starting takes milliseconds, and a signal
reaches the command itself. The steps of a command are what it asks of the system about files: every open, rename,
link, removal, new folder, listing, lock and fsync, and every statement of SQLite. Drawing has no step and takes nine
tenths of many a command: pictures that were drawn before are kept, except where a signal comes at any moment.
"""

from __future__ import annotations

import errno
import json
import math
import os
import pickle
import pkgutil
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from small_commands import lay_out

STEPS = frozenset({
    "open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.scandir", "os.listdir", "fcntl.flock",
    "sqlite3.connect",
})  # fmt: skip

#: Seconds after which a command hangs: the longest of those that are tested takes a few.
PATIENCE = 120.0

#: How a command says what it takes, in seconds if it is less than a minute.
_ANNOUNCED = re.compile(rb": about (.*) of processor time")

#: What commands have drawn, by its panels and formats.
_pictures: dict[bytes, dict[str, bytes]] = {}


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Its exit code, minus a signal that killed it; what it printed; its steps in their order; the seconds and the
    processor seconds that it took; and, if it was interrupted for its length, the seconds between that and its end but
    for those in which its first thread waited for a processor.
    """

    code: int
    out: str
    err: str
    steps: tuple[str, ...]
    seconds: float
    processor: float
    stopping: float | None


class Commands:
    """Runs command lines; a context that ends the process that forks them."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def __enter__(self):
        environment = {**os.environ, "XDG_CACHE_HOME": str(self._cache)}
        # Kernels that are compiled already are those of the tests.
        self._server = subprocess.Popen(
            [sys.executable, __file__], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *raised):
        self._server.communicate()

    def __call__(self, folder: Path, *arguments: str, **fault) -> Ended:
        """Run a command in a folder.

        ``signal`` or ``error``, a number of errno, is what happens before step ``step``; a signal may come ``after`` so
        many seconds instead; with ``limit`` no file grows beyond so many bytes. With ``patience``, a command that has
        announced more seconds than that gets the signal ``moment`` seconds later, and any other after so many seconds
        of processor time.
        """
        [ended] = self.together(folder, arguments, **fault)
        return ended

    def warm(self, *arguments: str) -> None:
        """Run a command in the process that forks, so that its children find everything loaded and compiled."""
        self._ask({"warm": list(arguments)})

    def load_kernels(self) -> None:
        """Load all kernels in the process that forks: what a child compiles is lost if it is interrupted."""
        self._ask({"kernels": True})

    def together(self, folder: Path, *lines: tuple[str, ...], **fault) -> list[Ended]:
        """Run commands at the same time."""
        requests = [{"folder": str(folder), "arguments": list(map(str, line)), "fault": fault} for line in lines]
        return [Ended(**answer | {"steps": tuple(answer["steps"])}) for answer in self._ask(requests)]

    def _ask(self, question):
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def _watch(folder, fault, log):
    """Note every step, and let the fault happen at its step."""
    lock, steps = threading.Lock(), 0

    def step(name, path=""):
        nonlocal steps
        with lock:
            number, steps = steps, steps + 1
            with suppress(OSError):  # the log may not grow either
                os.write(log, f"{name}\n".encode())
        if number != fault.get("step"):
            return
        if "signal" in fault:
            os.kill(os.getpid(), fault["signal"])
        else:
            raise OSError(fault["error"], os.strerror(fault["error"]), path)

    def hook(name, arguments):
        if name not in STEPS:
            return
        path = arguments[0] if arguments else ""
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        # Modules, fonts and devices are not what a command asks for.
        named = isinstance(path, (str, os.PathLike))
        if not named or Path(folder, path).is_relative_to(folder) or "file:" in str(path):
            step(name, str(path))

    fsync = os.fsync

    def counted(descriptor):
        step("os.fsync")
        fsync(descriptor)

    class Connection(sqlite3.Connection):
        def execute(self, sql, *parameters):
            _statement(sql)
            return super().execute(sql, *parameters)

        def executemany(self, sql, *parameters):
            _statement(sql)
            return super().executemany(sql, *parameters)

    def _statement(sql):
        try:
            step(sql.partition("(")[0].strip())
        except OSError as error:
            full = error.errno == errno.ENOSPC
            failed = sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
            failed.sqlite_errorcode = sqlite3.SQLITE_FULL if full else sqlite3.SQLITE_IOERR
            raise failed from error

    connect = sqlite3.connect
    os.fsync = counted
    sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Connection, **options)
    sys.addaudithook(hook)


def _run(request, out, err, log):
    from theory_check.cli import main

    fault, folder = request["fault"], request["folder"]
    os.chdir(folder)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if "limit" in fault:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault["limit"], resource.RLIM_INFINITY))
    if "after" in fault:
        _pictures.clear()
    _watch(folder, fault, log)
    try:
        main(request["arguments"])
    except SystemExit as stopped:
        return stopped.code
    return 0


class _Child:
    """A command that runs, and what has to happen to it."""

    def __init__(self, request):
        fault = request["fault"]
        self._files = out, err, log = [tempfile.TemporaryFile() for _ in range(3)]  # noqa: SIM115 - closed in look
        self._fault, self._begun, self._stopped = fault, None, None
        self._signals = [(fault["after"], fault["signal"])] if "after" in fault else []
        self._signals.append((PATIENCE, signal.SIGKILL))
        self._started = time.monotonic()
        self._process = os.fork()
        if not self._process:
            code = 99
            try:
                code = _run(request, out.fileno(), err.fileno(), log.fileno())
            except KeyboardInterrupt:
                # Before the command has begun, as in ``__main__``.
                code = 130
                print("theory-check: interrupted", file=sys.stderr)
            except BaseException:
                traceback.print_exc()
            finally:
                with suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code)

    def look(self):
        """Return how it ended, if it has."""
        seconds = time.monotonic() - self._started
        if os.waitid(os.P_PID, self._process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if self._signals and seconds > self._signals[0][0]:
                os.kill(self._process, self._signals.pop(0)[1])
            elif "patience" in self._fault and self._stopped is None and self._is_long(seconds):
                self._stopped = seconds - self._waited()
                os.kill(self._process, self._fault["signal"])
            return None
        stopping = None if self._stopped is None else seconds - self._waited() - self._stopped
        _, status, usage = os.wait4(self._process, 0)
        texts = []
        for file in self._files:
            file.seek(0)
            texts.append(file.read().decode())
            file.close()
        code = os.waitstatus_to_exitcode(status)
        return {
            "code": code, "out": texts[0], "err": texts[1], "steps": texts[2].splitlines(), "seconds": seconds,
            "processor": usage.ru_utime + usage.ru_stime, "stopping": stopping,
        }  # fmt: skip

    def _is_long(self, seconds):
        """Tell whether the moment has come to interrupt what takes long."""
        patience = self._fault["patience"]
        if self._begun is None:
            said = _ANNOUNCED.search(os.pread(self._files[1].fileno(), 10_000, 0))
            if said:
                number, _, unit = said[1].decode().partition(" ")
                self._begun = seconds if unit != "s" or float(number) > patience else math.inf
        if self._begun is not None and seconds > self._begun + self._fault["moment"]:
            return True
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) > patience * os.sysconf("SC_CLK_TCK")

    def _waited(self):
        """Return the seconds in which the first thread waited for a processor."""
        return int(Path(f"/proc/{self._process}/schedstat").read_text().split()[1]) * 1e-9


def _keep_pictures():
    """Draw the same panels once: before any other module imports what draws them by its name."""
    from theory_check.reporting import drawing

    render = drawing.render

    def kept_or_drawn(panels, suffixes=("png",)):
        key = pickle.dumps((panels, tuple(suffixes)))
        if key not in _pictures:
            _pictures[key] = render(panels, suffixes)
        return dict(_pictures[key])

    drawing.render = kept_or_drawn


def _run_together(requests):
    children = [_Child(request) for request in requests]
    answers = [None] * len(children)
    while None in answers:
        time.sleep(0.002)
        for place, child in enumerate(children):
            answers[place] = answers[place] or child.look()
    return answers


def _warm(arguments):
    from theory_check.cli import cli
    from theory_check.cli.process import run_command
    from theory_check.networks.additions import temporary_additions

    with tempfile.TemporaryDirectory() as folder, temporary_additions():
        os.chdir(lay_out(Path(folder, "warm")))
        run_command(cli, arguments)
        os.chdir("/")


def _load_kernels():
    from theory_check import kernels

    for module in pkgutil.iter_modules(kernels.__path__):
        import_module(f"{kernels.__name__}.{module.name}")


def _serve():
    from theory_check.simulation import units

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Several units in the smallest experiment: what is finished before the fault is reused.
    units.UNIT_WORK = 10**5
    _keep_pictures()
    for line in sys.stdin:
        question = json.loads(line)
        if isinstance(question, list):
            answer = _run_together(question)
        else:
            answer = _warm(question["warm"]) if "warm" in question else _load_kernels()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
