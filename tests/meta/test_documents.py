"""What the documents say: blocks of Python run and print what follows, and files, links and names exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import theory_check as tc

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS}

#: A block of Python with what it prints, if the document says so.
_BLOCK = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)

BLOCKS = [
    pytest.param(code, printed, id=f"{name}-{number}")
    for name, text in TEXTS.items()
    for number, (code, printed) in enumerate(_BLOCK.findall(text))
]

#: Names in back ticks that are files: a folder before them, or an ending of ours.
_FILE = re.compile(r"`((?:theory_check|tests|docs|benchmarks|reports)/[\w./-]+|[\w./-]+\.(?:toml|md|cff|yml|ini))`")

#: Files that a document speaks of and a run writes.
WRITTEN = {"REPORT.md", "SUMMARY.md", "reports/latest"}


@pytest.mark.parametrize(("code", "printed"), BLOCKS)
def test_blocks_run_and_print_what_is_said(code, printed, tmp_path):
    # A process of its own: recipes add definitions for the life of one. It imports the package that the tests import.
    path = os.pathsep.join([str(Path(tc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed or not printed


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_exist(name):
    found = {file.removesuffix("/") for file in _FILE.findall(TEXTS[name])} - WRITTEN
    assert not [file for file in found if not (ROOT / file).exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_files_lead_somewhere(path):
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", TEXTS[path.name])
    assert not [target for target in targets if not (path.parent / target).exists()]


@pytest.mark.parametrize("name", TEXTS)
def test_documents_use_public_names_only(name):
    code = "\n".join(re.findall(r"```python\n(.*?)```", TEXTS[name], re.DOTALL) + re.findall(r"`([^`]+)`", TEXTS[name]))
    assert not set(re.findall(r"\btc\.(\w+)", code)) - set(tc.__all__)
    assert not set(re.findall(r"(?:from|import) theory_check\.([\w.]+)", code)) - {"inference", "strategies"}


def test_files_and_blocks_are_found_at_all():
    assert _FILE.findall("see `tests/pins`, `theory_check/networks/inputs.py` and `tox.ini`") == [
        "tests/pins",
        "theory_check/networks/inputs.py",
        "tox.ini",
    ]
    assert len(BLOCKS) >= 10
