"""Ends of the process: one exit code and one line for everything that can happen to a command."""

from __future__ import annotations

import _thread
import errno
import io
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click

from theory_check.cli.exit_codes import (
    INPUT_OUTPUT_ERROR,
    INTERNAL_ERROR,
    INTERRUPTED,
    TERMINATED,
    USAGE_ERROR,
)
from theory_check.foundation.errors import BudgetError, StorageError, TheoryCheckError
from theory_check.foundation.user_code import user_place

#: Codes of a command that reached its verdict.
_JUDGED = (0, 1, 3)

#: Errors of writing to a stream whose reader has closed it.
_NO_READER = (errno.EPIPE, errno.ECONNRESET)


class _StandardStream(io.RawIOBase):
    """A standard stream whose reader may go away: it drops what it cannot write."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._dropping = False
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        if not self._dropping:
            try:
                return os.write(self._descriptor, data)
            except OSError as error:
                self._dropping = True
                self.failure = None if error.errno in _NO_READER else error
        return len(data)


class _NoStream(io.RawIOBase):
    """What takes the place of a standard stream that was closed when Python began."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def _tolerant(stream: Any, original: Any) -> tuple[Any, _StandardStream | None]:
    """Return a standard stream that raises neither for its reader nor for its encoding; others as they are."""
    if stream is None:
        # The oldest click that is accepted writes to it all the same.
        return io.TextIOWrapper(io.BufferedWriter(_NoStream()), encoding="utf-8", errors="backslashreplace"), None
    if stream is not original:
        return stream, None
    raw = _StandardStream(stream.fileno())
    wrapped = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors="backslashreplace", line_buffering=raw.isatty()
    )
    return wrapped, raw


@contextmanager
def _tolerant_streams() -> Iterator[Callable[[], OSError | None]]:
    """Let nothing that is printed raise; yield a function that flushes and returns what failed on stdout."""
    for descriptor in range(3):
        # A file of ours must not take the place of a closed stream.
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    for stream in before:
        if stream is not None:
            stream.flush()
    sys.stdout, raw = _tolerant(sys.stdout, sys.__stdout__)
    sys.stderr, _ = _tolerant(sys.stderr, sys.__stderr__)

    def flush() -> OSError | None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return None if raw is None else raw.failure

    try:
        yield flush
    finally:
        flush()
        sys.stdout, sys.stderr = before


#: Seconds until an interrupt that Python dropped is repeated: it would drop one that comes at once, too.
_AGAIN = 0.01


def _signal_main_thread(number: int) -> None:
    """Send a signal, a little later, to the thread that handles them, which may be waiting in a call of the system."""
    time.sleep(_AGAIN)
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


@dataclass
class _Signals:
    terminated: int | None = None

    def terminate(self, number: int, _frame: FrameType | None) -> None:
        """End like an interrupt, which every command handles."""
        self.terminated = number
        raise KeyboardInterrupt

    def repeat(self, lost: sys.UnraisableHookArgs) -> None:
        """Interrupt again if Python dropped an interrupt, as it does in callbacks of its garbage collector."""
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(lost)
            return
        sent = False
        while not sent:
            # Starting a Timer waits for its thread: on a busy machine the signal came meanwhile and was dropped here.
            with suppress(KeyboardInterrupt):
                _thread.start_new_thread(_signal_main_thread, (self.terminated or signal.SIGINT,))
                sent = True


@contextmanager
def _termination(signals: _Signals) -> Iterator[None]:
    """Turn SIGTERM, and the SIGHUP of a terminal that is closed, into an interrupt."""
    replaced: dict[int, Any] = {}
    hook = sys.unraisablehook
    try:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                # nohup ignores SIGHUP, and so do we.
                if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                    replaced[number] = signal.SIG_DFL
                    signal.signal(number, signals.terminate)
        sys.unraisablehook = signals.repeat
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in replaced.items():
            signal.signal(number, handler)


@dataclass
class Settings:
    """Settings that the commands share: whether errors come with their traceback, and work without its progress."""

    debug: bool = False
    quiet: bool = False


def _set_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Settings).debug = True


debug_option = click.Option(
    ["--debug"], is_flag=True, expose_value=False, is_eager=True, callback=_set_debug,
    help="Show the traceback of an error.",
)  # fmt: skip


def _set_quiet(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Settings).quiet = True


quiet_option = click.Option(
    ["-q", "--quiet"], is_flag=True, expose_value=False, is_eager=True, callback=_set_quiet, help="Show no progress.",
)  # fmt: skip


def is_quiet() -> bool:
    """Tell whether the command was asked to show no progress."""
    context = click.get_current_context(silent=True)
    settings = None if context is None else context.find_object(Settings)
    return settings is not None and settings.quiet


def _say(text: str) -> None:
    click.echo(f"theory-check: {text}", err=True)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _explain(error: BaseException) -> int:
    """Say in one line what ended the command, and return its exit code."""
    place = user_place(error)
    if place is not None and not isinstance(error, (KeyboardInterrupt, click.Abort)):
        text = (
            _one_line(error) if isinstance(error, TheoryCheckError) else f"{type(error).__name__}: {_one_line(error)}"
        )
        at = f"claims file {place[0]}, line {place[1]}"
        _say(f"error: {text}" if Path(place[0]).name in text else f"error: {at}: {text}")
        return USAGE_ERROR
    match error:
        case click.Abort() | KeyboardInterrupt():
            # click raises Abort for an interrupt, its oldest versions from None.
            interrupt = error if isinstance(error, KeyboardInterrupt) else error.__context__
            said = _one_line(interrupt) if isinstance(interrupt, KeyboardInterrupt) else ""
            _say(said or "interrupted; finished parts are kept, the same command continues")
            return INTERRUPTED
        case click.ClickException():
            _say(f"error: {' '.join(error.format_message().split())}")
            return USAGE_ERROR
        case StorageError():
            _say(f"error: {_one_line(error)}")
            return INPUT_OUTPUT_ERROR
        case BudgetError():
            _say(f"error: {error}")
            return USAGE_ERROR
        case TheoryCheckError():
            _say(f"error: {_one_line(error)}")
            return USAGE_ERROR
        case OSError():
            _say(f"error: input or output failed: {_one_line(error)}")
            return INPUT_OUTPUT_ERROR
    _say(f"internal error: {type(error).__name__}: {_one_line(error)}{_place(error)}; --debug shows the traceback")
    return INTERNAL_ERROR


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Print a warning of Python as one line like all others."""
    before = warnings.showwarning
    warnings.showwarning = lambda message, *_, **__: _say(f"warning: {' '.join(str(message).split())}")
    try:
        yield
    finally:
        warnings.showwarning = before


def _invoke(command: click.Command, arguments: list[str] | None) -> int:
    settings = Settings()
    try:
        code = command.main(args=arguments, standalone_mode=False, prog_name="theory-check", obj=settings)
    except click.exceptions.Exit as error:
        return error.exit_code
    except BaseException as error:
        if settings.debug:
            click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        return _explain(error)
    return code if isinstance(code, int) else 0


def run_command(command: click.Command, arguments: list[str] | None) -> int:
    """Run a command and return its exit code, whatever is raised.

    Parameters
    ----------
    command : click.Command
        Returns its exit code.
    arguments : list of str, optional
        Default: those of the process.

    Returns
    -------
    int
        That of the command; 2 for bad input, 70 for an internal error, 74 if input or output failed, 130 or 143 if it
        was interrupted or terminated. A reader of stdout that goes away changes nothing.
    """
    signals, code = _Signals(), 0
    try:
        with _termination(signals), _tolerant_streams() as flush, _one_line_warnings():
            try:
                code = _invoke(command, arguments)
            except BaseException:  # a second interrupt while the first one is explained
                code = INTERRUPTED
            failure = flush()
            if failure is not None and code in _JUDGED:
                _say(f"error: cannot write to the standard output: {failure.strerror}")
                code = INPUT_OUTPUT_ERROR
    except KeyboardInterrupt:  # just before the command begins, or while it ends
        if code != INTERRUPTED:
            _say("interrupted")
        code = INTERRUPTED
    return TERMINATED if code == INTERRUPTED and signals.terminated else code
