"""What the documents say: their code runs and prints what follows; files, links, commands, claims and names exist."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import document_session
import pytest

import theory_check as tc
from theory_check.cli import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
BLOCKS = {name: document_session.blocks(text) for name, text in TEXTS.items()}

#: Names in back ticks that are files: a folder before them, or an ending of ours.
_FILE = re.compile(r"`((?:theory_check|tests|docs|benchmarks|reports)/[\w./-]+|[\w./-]+\.(?:toml|md|cff|yml|ini))`")

#: Files that a document speaks of and a run writes.
WRITTEN = {"REPORT.md", "SUMMARY.md", "reports/latest", "my_report/claims/X1.md", "nights.md"}

#: Pages and pictures that docs/hooks generate; the build follows the links to them.
GENERATED = re.compile(
    r"(?:catalogue|interface|pictures)/[\w-]+\.(?:md|svg)|(?:command-line|calibration)\.md|report\.html"
)

#: Options of other programs and of the pytest plugin.
FOREIGN_OPTIONS = {"--theory-check-seed"}

#: A claim that a document makes up.
INVENTED = {"E99"}

_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
_ID = re.compile(r"\b[PECNT]\d{1,2}\b")


def options(command):
    return {spelling for option in command.params for spelling in (*option.opts, *option.secondary_opts)}


def hook(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / "hooks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spans(text):
    """Code inside of sentences, and the commands of blocks that are not run."""
    code = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return code + [
        command for block in document_session.blocks(text) for command, _ in document_session.commands(block)
    ]


@pytest.mark.parametrize("name", [name for name, found in BLOCKS.items() if any(block.is_run for block in found)])
def test_blocks_run_and_print_what_is_said(name, tmp_path):
    # A process for each page: recipes add definitions for its life. It imports the package that the tests import.
    path = os.pathsep.join([str(Path(tc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, document_session.__file__, ROOT / name], capture_output=True, text=True, cwd=tmp_path,
        timeout=300, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_exist(name):
    found = {file.removesuffix("/") for file in _FILE.findall(TEXTS[name])} - WRITTEN
    assert not [file for file in found if not (ROOT / file).exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_files_lead_somewhere(path):
    targets = _LINK.findall(TEXTS[path.relative_to(ROOT).as_posix()])
    broken = [target for target in targets if not (path.parent / target).exists()]
    places = [Path(os.path.normpath(path.parent / target)) for target in broken]
    assert not [place for place in places if not GENERATED.fullmatch(os.path.relpath(place, DOCS))]


@pytest.mark.parametrize("name", TEXTS)
def test_documents_use_public_names_only(name):
    code = "\n".join([block.code for block in BLOCKS[name]] + re.findall(r"`([^`]+)`", TEXTS[name]))
    assert not set(re.findall(r"\btc\.(\w+)", code)) - set(tc.__all__)
    assert not set(re.findall(r"(?:from|import) theory_check\.([\w.]+)", code)) - {"inference", "strategies"}


@pytest.mark.parametrize("name", TEXTS)
def test_commands_and_options_exist(name):
    unknown = []
    for words in map(shlex.split, (span.replace("'", "") for span in spans(TEXTS[name]))):
        if words[:1] == ["theory-check"] and len(words) > 1 and not words[1].startswith("-"):
            command = cli.commands.get(words[1])
            known = set() if command is None else options(command)
            unknown += [words] if command is None or {w for w in words if w.startswith("--")} - known else []
        elif words and words[0].startswith("--"):
            known = set().union(*map(options, cli.commands.values())) | FOREIGN_OPTIONS
            unknown += [words] if words[0] not in known else []
    assert not unknown


@pytest.mark.parametrize("name", TEXTS)
def test_claims_that_are_named_exist(name):
    assert not set(_ID.findall(TEXTS[name])) - {claim.id for claim in tc.all_claims()} - INVENTED


def test_every_page_is_in_the_navigation_and_exists():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2].partition("\n\n")[0]
    named = re.findall(r"[\w/-]+\.md", navigation)
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert pages <= set(named)
    assert all(GENERATED.fullmatch(page) for page in set(named) - pages)
    assert len(set(named)) == len(named)


def test_the_package_index_shows_absolute_links():
    page = hook("package_page").absolute_links(TEXTS["README.md"], "https://host/home", "v1")
    assert not _LINK.findall(page)
    assert "](https://host/home/raw/v1/reports/figures/diffusion.png)" in page
    assert "](https://host/home/blob/v1/docs/tutorial.md)" in page


def test_broken_links_of_a_site_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"></p><a href="b/c.html#there"></a><a href="#here"></a><img src="x.png">'
    )
    (tmp_path / "b").mkdir()
    (tmp_path / "b/c.html").write_text(
        '<p id="there"></p><a href="../a.html#gone"></a><a href="../d.html"></a><a href="https://e.org"></a>'
        '<script src="https://e.org/s.js"></script><a href="../a.html"></a>'
    )
    found = hook("links").broken_links(tmp_path)
    assert found == ["a.html: x.png", "b/c.html: ../a.html#gone", "b/c.html: ../d.html", "b/c.html: https://e.org/s.js"]


def test_files_and_blocks_are_found_at_all():
    assert _FILE.findall("see `tests/pins`, `theory_check/networks/inputs.py` and `tox.ini`") == [
        "tests/pins",
        "theory_check/networks/inputs.py",
        "tox.ini",
    ]
    assert sum(map(len, BLOCKS.values())) >= 20


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        ("a 1\nb\nc\n", "a 1\n…\nc\n", True),
        ("a 1\nc\n", "a 1\n…\nc\n", True),
        ("a 1\nc\n", "a …\nc\n", True),
        ("a 1\nb\nc\n", "a 1\nc\n", False),
        ("a.1\n", "a 1\n", False),
    ],
)
def test_output_is_compared(printed, expected, same):
    assert document_session.matches(printed, expected) == same


def test_commands_are_read_as_a_shell_reads_them():
    unread = "<!-- not run: long -->\n```sh\ntheory-check run \\\n  --seed 1 && ls  # exit code 3\n```\n\n"
    unrun, run = document_session.blocks(unread + "```sh\npip install .\n```\n")
    assert (unrun.is_run, run.is_run) == (False, True)
    assert [list(document_session.commands(block)) for block in (unrun, run)] == [
        [("theory-check run   --seed 1", 3), ("ls", 3)],
        [],
    ]
