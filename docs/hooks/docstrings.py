"""Docstrings for the pages of the interface: their roles and literal blocks become Markdown.

An extension of Griffe, the library that reads them.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
_MATH_ROLE = re.compile(r":math:`([^`]+)`")
_MATH_BLOCK = re.compile(r"^\.\. math:: (.+(?:\n .+)*)", re.MULTILINE)
_TYPE = re.compile(r"^[\w*, ]+ : .*", re.MULTILINE)
_DOUBLE = re.compile(r"``([^`]+)``")


class Roles(griffe.Extension):
    """Rewrite every docstring as it is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite that of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(docstring: str) -> str:
    """Return a docstring whose mathematics, names and literal blocks Markdown understands."""
    text = _MATH_BLOCK.sub(lambda found: f"\n```math\n{' '.join(found[1].split())}\n```\n", docstring)
    text = _MATH_ROLE.sub(lambda found: f"${' '.join(found[1].split())}$", text)
    text = _ROLE.sub(r"`\1`", text)
    text = _TYPE.sub(lambda found: found[0].replace("`", ""), text)
    return re.sub(r"::$", ":", _DOUBLE.sub(r"`\1`", text), flags=re.MULTILINE)
