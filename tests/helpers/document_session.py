"""Run the code of a document from top to bottom, in this folder and one process, as a reader would.

``python document_session.py PAGE.md``. Python runs as it stands, a block with a title is a file of that name, and lines
of a shell are commands. What follows as text must be what is printed; ``…`` stands for anything. Exit code 1 with the
block that fails.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_BLOCK = re.compile(
    r"(<!-- not run: [^\n]*-->\n)?```(python|sh|console)(?: title=\"([^\"]+)\")?\n(.*?)```(?:\n+```text\n(.*?)```)?",
    re.DOTALL,
)

#: Commands that install, clone or lead to another environment: nothing that a test runs.
_SETTING_UP = ("python3 -m venv", "pip install", ".venv/bin/", ". .venv/bin/activate")


@dataclass(frozen=True)
class Block:
    """A block of code, with its title and what it prints; both may be empty."""

    language: str
    code: str
    title: str
    printed: str
    is_run: bool


def blocks(text: str) -> list[Block]:
    """Return the blocks of a document."""
    return [
        Block(language, code, title, printed, not unrun)
        for unrun, language, title, code, printed in _BLOCK.findall(text)
    ]


def commands(block: Block) -> Iterator[tuple[str, int]]:
    """Yield the commands of a shell block that are not for setting up, with the exit code that a comment names."""
    for line in block.code.replace("\\\n", "").splitlines() if block.language != "python" else ():
        command, _, comment = line.removeprefix("$ ").partition("  # exit code ")
        for part in command.split(" && "):
            if part.strip() and not part.startswith(_SETTING_UP):
                yield part, int(comment or 0)


def matches(printed: str, expected: str) -> bool:
    """Tell whether output is what a document says."""
    pattern = re.escape(expected).replace("…\\\n", "(?:.*\n)*?").replace("…", ".*")
    return re.fullmatch(pattern, printed) is not None


def _run(command: str, expected: int) -> None:
    words = shlex.split(command)
    if words[0] == "theory-check":
        from theory_check.cli import cli
        from theory_check.cli.process import run_command

        code = run_command(cli, words[1:])
    else:
        command = command.replace("python ", f"{shlex.quote(sys.executable)} ", 1)
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, end="")
        code = done.returncode
    if code != expected:
        raise SystemExit(f"{command}: exit code {code}")


def main(page: Path) -> None:
    """Run the blocks of a page."""
    # The blocks are the main module, where dataclasses and pickles look for their names.
    sys.modules["__main__"] = module = ModuleType("__main__")
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.title:
            Path(block.title).write_text(block.code, encoding="utf-8")
        elif block.is_run:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                if block.language == "python":
                    exec(compile(block.code, f"{page.name}, block", "exec", dont_inherit=True), vars(module))
                for command, expected in commands(block):
                    _run(command, expected)
            if block.printed and not matches(output.getvalue(), block.printed):
                raise SystemExit(f"{block.code}\nprints\n{output.getvalue()}\nnot\n{block.printed}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
