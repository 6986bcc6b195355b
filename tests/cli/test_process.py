"""Whatever happens to a command ends in one exit code and one line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from theory_check.cli import process
from theory_check.cli.process import debug_option, run_command
from theory_check.foundation.errors import (
    BudgetError,
    InterruptedSimulationError,
    NumericalOverflowError,
    SpecificationError,
    StorageError,
)


@pytest.fixture
def usual_signals():
    """The handlers of a program in the foreground: below nohup, or behind &, a process ignores some signals."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_just_before_the_command_or_while_it_ends_is_told(monkeypatch, capsys, place, number, code):
    @contextmanager
    def interrupted_streams():
        if place == 0:
            signal.raise_signal(number)
        yield lambda: None
        signal.raise_signal(number)

    monkeypatch.setattr(process, "_tolerant_streams", interrupted_streams)
    assert run_command(returning(0), []) == code
    assert capsys.readouterr().err == "theory-check: interrupted\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def raising(error):
    @click.command(params=[debug_option])
    def command():
        raise error

    return command


def returning(code):
    return click.command(lambda: code)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 130])
def test_the_code_of_a_command_is_that_of_the_process(code):
    assert run_command(returning(code), []) == code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SpecificationError("depth is 0"), 2, "error: depth is 0"),
        (BudgetError("too much\n  E1"), 2, "error: too much\n  E1"),
        (NumericalOverflowError("overflow"), 2, "error: overflow"),
        (click.UsageError("no such option"), 2, "error: no such option"),
        (click.FileError("x", "gone"), 2, "error: Could not open file 'x': gone"),
        (StorageError("cannot write x:\nfull"), 74, "error: cannot write x: full"),
        (OSError(errno.ENOSPC, "No space left on device"), 74, "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied", "f"), 74, "Permission denied: 'f'"),
        # Click takes it for the standard output, which never raises it here.
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 70, "internal error: SystemExit: 1"),
        (MemoryError(), 70, "internal error: MemoryError: "),
        (RecursionError("deep"), 70, "internal error: RecursionError: deep"),
        (UnicodeEncodeError("ascii", "π", 0, 1, "no"), 70, "internal error: UnicodeEncodeError"),
        (ZeroDivisionError("one\ntwo"), 70, "ZeroDivisionError: one two (test_process.py, line "),
        (SystemExit(1), 70, "internal error: SystemExit: 1"),
        (GeneratorExit(), 70, "internal error: GeneratorExit"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (InterruptedSimulationError("stopped"), 2, "stopped"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_whatever_is_raised_ends_in_one_line(capsys, error, code, message):
    # Click ends the line of an interrupt that it sees first.
    assert run_command(raising(error), []) == code
    out, err = capsys.readouterr()
    lines = err.strip("\n")
    assert out == ""
    assert lines.startswith("theory-check: ")
    assert message in lines
    assert "Traceback" not in err
    assert len(lines.splitlines()) == 1 + message.count("\n")


def test_debug_shows_the_traceback_before_the_line(capsys):
    assert run_command(raising(ZeroDivisionError("nothing")), ["--debug"]) == 70
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1].startswith("theory-check: internal error: ZeroDivisionError: nothing")


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_a_signal_ends_the_command_with_its_code(capsys, name, code):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ready = threading.Event()

    @click.command()
    def command():
        ready.set()
        time.sleep(30)

    def kill():
        ready.wait()
        os.kill(os.getpid(), getattr(signal, name))

    threading.Thread(target=kill).start()
    assert run_command(command, []) == code
    assert "interrupted" in capsys.readouterr().err
    assert {number: signal.getsignal(number) for number in before} == before


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupt_that_python_drops_is_not_lost(capfd, name, code):
    class Collected:
        def __del__(self):
            os.kill(os.getpid(), getattr(signal, name))
            sum(range(1000))

    @click.command()
    def command():
        collected = Collected()
        del collected
        time.sleep(30)

    started = time.monotonic()
    assert run_command(command, []) == code
    assert time.monotonic() - started < 20.0
    assert "Traceback" not in capfd.readouterr().err


def test_an_interrupt_is_sent_until_it_was_sent_undisturbed(monkeypatch):
    sent = []

    def start(send, arguments):
        sent.append(arguments)
        if len(sent) < 3:  # on a busy machine the signal comes before the thread that sends it is left alone
            raise KeyboardInterrupt

    monkeypatch.setattr(process._thread, "start_new_thread", start)
    monkeypatch.setattr(sys, "__unraisablehook__", lambda lost: sent.append(lost))
    process._Signals().repeat(SimpleNamespace(exc_type=KeyboardInterrupt))
    assert sent == [(signal.SIGINT,)] * 3
    process._Signals().repeat(other := SimpleNamespace(exc_type=ValueError))
    assert sent[3:] == [other]


def test_what_a_library_says_of_an_interrupt_is_told_however_click_raises(capsys):
    @click.command()
    def command():
        try:
            raise KeyboardInterrupt("interrupted; nothing is kept")
        except KeyboardInterrupt:
            raise click.Abort from None  # as the oldest click that is accepted

    assert run_command(command, []) == 130
    assert capsys.readouterr().err.strip() == "theory-check: interrupted; nothing is kept"


@pytest.mark.parametrize("gone", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_streams_that_were_closed_are_never_none(monkeypatch, gone):
    @click.command()
    def command():
        for name in ("stdout", "stderr"):
            print("π", file=getattr(sys, name), flush=True)
        return 3

    for name in gone:
        monkeypatch.setattr(sys, name, None)
    assert run_command(command, []) == 3
    assert [getattr(sys, name) for name in gone] == [None] * len(gone)


PRINTING = """
import sys, click
from theory_check.cli.process import run_command
from theory_check.cli.terminal import open_console
@click.command()
def command():
    for _ in range(20000):
        click.echo("π " * 20)
    open_console().print("∞ –", "x" * 9000)
    open_console(stderr=True).print("∞")
    open("done", "w").write("stored")
    return 3
sys.exit(run_command(command, []))
"""


def shell(command, folder, **environment):
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.replace("COMMAND", f"'{sys.executable}' -c \"$PRINTING\"")],
        cwd=folder, env={**os.environ, "PRINTING": PRINTING, **environment}, capture_output=True, check=False,
        timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [
        "COMMAND | head -1",
        "COMMAND 2>&1 | head -1",
        "COMMAND | true",
        "COMMAND >&-",
        "COMMAND 2>&-",
        "COMMAND >&- 2>&- <&-",
    ],
)
def test_a_reader_that_goes_away_changes_nothing(tmp_path, command):
    done = shell(command, tmp_path)
    assert done.returncode == 3
    assert (tmp_path / "done").read_text() == "stored"
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_narrow_encoding_raises_nothing(tmp_path, encoding):
    done = shell("COMMAND", tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 3
    assert b"Error" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_standard_output_is_an_error_after_everything_is_stored(tmp_path):
    done = shell("COMMAND > /dev/full", tmp_path)
    assert done.returncode == 74
    assert (
        done.stderr.splitlines()[-1]
        == b"theory-check: error: cannot write to the standard output: No space left on device"
    )
    assert (tmp_path / "done").read_text() == "stored"
