"""The public names as pages: one for each section of ``theory_check/__init__.pyi``, and one for each public module."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from markdown.extensions.toc import slugify
from mkdocs.structure.files import File, Files

import theory_check as tc

_STUB = Path(tc.__file__).with_suffix(".pyi")
_NAME = re.compile(r"from \.([\w.]*) import (\w+) as \w+")


def sections() -> dict[str, dict[str, str]]:
    """Return the full path of each public name, under the comment of its section in the stub."""
    found: dict[str, dict[str, str]] = {}
    for block in _STUB.read_text(encoding="utf-8").split("\n\n"):
        comments = [line.removeprefix("# ") for line in block.splitlines() if line.startswith("# ")]
        names = {name: ".".join(filter(None, ("theory_check", module, name))) for module, name in _NAME.findall(block)}
        if names:
            found[comments[-1].removesuffix(".")] = names
    return found


def on_files(files: Files, config: Any) -> Files:
    """Add the pages, and name them in the navigation."""
    navigation: list[Any] = ["interface/index.md"]
    lines = [
        "# Python",
        "",
        "`import theory_check as tc` is the way in; a name is loaded when it is first used. Every other module of the "
        "package may change.",
    ]
    for title, names in sections().items():
        page = f"{slugify(title, '-')}.md"
        modules = {name: path for name, path in names.items() if isinstance(getattr(tc, name), ModuleType)}
        pages = {name: f"{name}.md" for name in modules}
        if own := {name: path for name, path in names.items() if name not in modules}:
            pages = dict.fromkeys(own, page) | pages
            _add(files, config, page, title, "", own.values())
            navigation.append({title: f"interface/{page}"})
        for name, path in modules.items():
            description = inspect.cleandoc(getattr(tc, name).__doc__ or "").split("\n\n")[0]
            _add(files, config, f"{name}.md", f"tc.{name}", description, _members(getattr(tc, name), path))
            navigation.append({f"tc.{name}": f"interface/{name}.md"})
        lines += ["", f"## {title}", ""]
        lines += [
            f"- [`tc.{name}`]({page}{'' if name in modules else '#' + names[name]})" for name, page in pages.items()
        ]
    files.append(File.generated(config, "interface/index.md", content="\n".join(lines) + "\n"))
    for item in config.nav:
        for entry in item.get("Reference", ()) if isinstance(item, dict) else ():
            if entry == {"Python": "interface/index.md"}:
                entry["Python"] = navigation
    return files


def _add(files: Files, config: Any, name: str, title: str, description: str, paths: Any) -> None:
    text = "\n\n".join([f"# {title}", description, *(f"::: {path}" for path in paths)])
    files.append(File.generated(config, f"interface/{name}", content=text + "\n"))


def _members(module: ModuleType, path: str) -> list[str]:
    """Return the full paths of what a public module offers, where it is defined."""
    names = getattr(module, "__all__", None) or [name for name in _defined(path) if not name.startswith("_")]
    found = []
    for name in names:
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            found += _members(value, value.__name__)
        else:
            found.append(f"{getattr(value, '__module__', path)}.{getattr(value, '__name__', name)}")
    return found


def _defined(path: str) -> list[str]:
    """Return the names of functions, classes and constants that a module itself defines, in its order."""
    source = inspect.getsource(importlib.import_module(path))
    return [
        function or constant
        for function, constant in re.findall(r"^(?:def|class) (\w+)|^([A-Z][A-Z_]+)\b.*=", source, re.M)
    ]
