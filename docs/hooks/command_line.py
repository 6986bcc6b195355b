"""The command line as a page: what ``--help`` knows of each command and its options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
from mkdocs.structure.files import File, Files

from theory_check.cli import cli

#: Options and names of files in the text of help.
_CODE = re.compile(r"(?<![\w`/-])(?:--[a-z][\w-]*|[\w./-]+\.(?:json|md|png|csv|py|db|jsonl|npz|html))(?![\w`])")


def on_files(files: Files, config: Any) -> Files:
    """Add the page."""
    files.append(File.generated(config, "command-line.md", content=page()))
    return files


def page() -> str:
    """Return the page."""
    top = click.Context(cli, info_name="theory-check")
    lines = [
        "# Command line",
        "",
        "`theory-check COMMAND`, or `python -m theory_check COMMAND`. Of each command, `-h` prints what stands here.",
        "",
        "| Command | |",
        "|:--|:--|",
        *(f"| [`{name}`](#{name}) | {_first_sentence(command)} |" for name, command in sorted(cli.commands.items())),
    ]
    for name, command in sorted(cli.commands.items()):
        lines += ["", *_section(name, command, click.Context(command, info_name=name, parent=top))]
    return "\n".join(lines) + "\n"


def _section(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    yield from (f"## {name} {{ #{name} }}", "", "```text", " ".join(command.get_usage(context).split()[1:]), "```", "")
    # A form feed ends what help shows; a line with \b alone keeps the lines of its paragraph.
    help = inspect.cleandoc(command.help or "").split("\f")[0].replace("\b\n", "")
    yield from (_code(help), "", "| Option | Default | |", "|:--|:--|:--|")
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            names = "<br>".join(f"`{_escaped(one)}`" for one in _spellings(option, context))
            yield f"| {names} | {_default(option, context)} | {_code(_escaped(option.help or ''))} |"


def _spellings(option: click.Option, context: click.Context) -> list[str]:
    """Return the spellings of an option with what it takes."""
    takes = "" if option.is_flag or option.count else f" {option.make_metavar(context)}"
    return [f"{one}{takes}" for one in (*option.opts, *option.secondary_opts)]


def _default(option: click.Option, context: click.Context) -> str:
    if option.required:
        return "required"
    default = option.get_default(context, call=False)
    shown = isinstance(option.show_default, str) or (bool(option.show_default) and default is not None)
    if not shown or callable(default):
        return ""
    if isinstance(option.show_default, str):
        return _code(option.show_default)
    if option.is_flag:
        return f"`{option.opts[0]}`" if default else f"`{(option.secondary_opts or ['off'])[0]}`"
    return f"`{_escaped(str(default))}`" if default != "" else ""


def _first_sentence(command: click.Command) -> str:
    text = " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())
    return _code(_escaped(re.split(r"(?<=\.) |: ", text)[0].removesuffix(".")))


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _code(text: str) -> str:
    """Return text whose options and file names are code, and whose signs Markdown leaves alone."""
    marked = _CODE.sub(r"`\g<0>`", text)
    return "".join(
        piece if place % 2 else re.sub(r"([*_<>$^])", r"\\\1", piece)
        for place, piece in enumerate(re.split(r"(`[^`]*`)", marked))
    )
