"""Defaults of the commands that a project keeps: the table ``[tool.theory-check]`` of its ``pyproject.toml``."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import SpecificationError

_TABLE = "tool.theory-check"


def read_defaults(folder: Path, commands: Mapping[str, click.Command]) -> dict[str, dict[str, Any]]:
    """Return defaults of options, by command and parameter, from the nearest ``pyproject.toml``.

    Parameters
    ----------
    folder : Path
        Where to begin; then its parents.
    commands : mapping of str to click.Command

    Returns
    -------
    dict of str to dict
        As click takes them; empty without such a table.

    Raises
    ------
    SpecificationError
        If the file cannot be read, or the table has what no command takes.
    """
    path = next((f / "pyproject.toml" for f in (folder, *folder.parents) if (f / "pyproject.toml").is_file()), None)
    if path is None:
        return {}
    try:
        tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SpecificationError(f"cannot read {path}: {error}") from error
    found = tools.get("theory-check", {}) if isinstance(tools, dict) else {}
    if not isinstance(found, dict):
        raise SpecificationError(f"theory-check of {path}: give a table for each command, [{_TABLE}.run]")
    return {name: _options(path, name, table, commands) for name, table in found.items()}


def _options(path: Path, name: str, table: object, commands: Mapping[str, click.Command]) -> dict[str, Any]:
    place = f"command in [{_TABLE}] of {path}"
    check_choice(place, name, commands)
    if not isinstance(table, dict):
        raise SpecificationError(f"{place}: give a table, [{_TABLE}.{name}]")
    names = {
        option.removeprefix("--"): parameter.name
        for parameter in commands[name].params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--")
    }
    defaults: dict[str, Any] = {}
    for key, value in table.items():
        check_choice(f"option in [{_TABLE}.{name}] of {path}", key, names)
        if not (isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))):
            raise SpecificationError(
                f"[{_TABLE}.{name}] of {path}: {key} = {value!r}; give a text, a finite number, true or false"
            )
        defaults[str(names[key])] = value
    return defaults
