"""The place in a user's file that an error, a function or a call came from."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from theory_check.foundation.errors import SpecificationError

#: Names of modules that are made of files of the user's begin with this.
_PREFIX = "theory_check_claims_"


def module_name(path: Path) -> str:
    """Return the name of the module that a file becomes."""
    return _PREFIX + re.sub(r"[^A-Za-z0-9]", "_", path.stem)


def is_foreign(value: object) -> bool:
    """Tell whether a function or a class is defined outside the package."""
    return not str(getattr(value, "__module__", "")).startswith("theory_check.")


def defined_at(function: Callable[..., Any]) -> str:
    """Return the place of a function of the user's, ``my_claims.py, line 5``; nothing for another one."""
    code = getattr(function, "__code__", None)
    if code is None or not str(getattr(function, "__module__", "")).startswith(_PREFIX):
        return ""
    return f"{Path(code.co_filename).name}, line {code.co_firstlineno}"


def called_at() -> str:
    """Return the place in a user's file from which the running function was called; nothing if from none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(_PREFIX):
            return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"
        frame = frame.f_back
    return ""


@contextmanager
def located(place: str) -> Iterator[None]:
    """Add the place of what the user wrote to an error that is raised inside, unless the error names a place itself."""
    try:
        yield
    except SpecificationError as error:
        if not place or user_place(error) or place.partition(",")[0] in str(error):
            raise
        raise SpecificationError(f"{error} ({place})") from error


def user_place(error: BaseException) -> tuple[str, int] | None:
    """Return file and line of the innermost call in such a module on the way to an error, or to what caused it."""
    cause: BaseException | None = error
    # A chain of causes may be a circle: a user's file can make an error a cause of itself.
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        frames = [
            (frame.f_code.co_filename, line)
            for frame, line in traceback.walk_tb(cause.__traceback__)
            if str(frame.f_globals.get("__name__", "")).startswith(_PREFIX)
        ]
        if frames:
            return frames[-1]
        cause = cause.__cause__ or cause.__context__
    return None


def described(error: BaseException) -> str:
    """Return an error in one line: its kind, its text, and where in the user's file it came from."""
    text = " ".join(str(error).split())
    place = user_place(error)
    where = f" ({Path(place[0]).name}, line {place[1]})" if place else ""
    return f"{type(error).__name__}: {text}{where}"
