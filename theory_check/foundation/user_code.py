"""Where in a file of the user's an error came from."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

#: Names of modules that are made of files of the user's begin with this.
_PREFIX = "theory_check_claims_"


def module_name(path: Path) -> str:
    """Return the name of the module that a file becomes."""
    return _PREFIX + re.sub(r"[^A-Za-z0-9]", "_", path.stem)


def user_place(error: BaseException) -> tuple[str, int] | None:
    """Return file and line of the innermost call in such a module on the way to an error, or to what caused it."""
    cause: BaseException | None = error
    while cause is not None:
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
