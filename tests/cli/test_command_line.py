from __future__ import annotations

import os
import subprocess
import sys

import pytest
from command_line import SMALL, names
from small_commands import SMALL as DRAWN

import theory_check


def test_an_unknown_command_is_refused(refusal):
    assert "No such command 'explode'" in refusal("explode")


@pytest.mark.parametrize("arguments", [("run", "E8", "--out", "file/below"), (*SMALL[:-1], "file/s.npz")], ids=str)
def test_a_folder_below_a_file(command, tmp_path, arguments):
    (tmp_path / "file").write_text("mine")
    code, out, err = command(*arguments)
    assert (code, out, len(err)) == (74 if arguments[0] == "run" else 2, [], 1)
    assert err[0].startswith("theory-check: error: ")
    assert names(tmp_path) == ["file"]


def test_no_command_shows_the_help(command):
    _, out, err = command()
    text = "\n".join(out + err)
    assert "Commands:" in text.splitlines() or "  simulate" in text  # laid out in lines, not squeezed into one
    assert len(text.splitlines()) > 5


@pytest.mark.parametrize("arguments", [("--help",), ("run", "-h"), ("simulate", "--help")], ids=str)
def test_help(command, arguments):
    code, out, err = command(*arguments)
    assert (code, err) == (0, [])
    assert out[0].startswith("Usage: theory-check")


def test_the_list_of_commands_has_whole_sentences(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = command("--help")
    listed = out[out.index("Commands:") + 1 :]
    assert len(listed) == 12
    assert all(line.endswith(".") and not line.endswith("...") for line in listed), listed


def test_version(command):
    assert command("--version") == (0, [f"theory-check, version {theory_check.__version__}"], [])


def python(*arguments, folder, **variables):
    environment = {**os.environ, "COLUMNS": "120", **variables}
    return subprocess.run(
        [sys.executable, "-m", "theory_check", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_as_a_module(tmp_path):
    done = python("simulate", "--width", "2", "--depth", "2", "--replicates", "3", "--out", "s.npz", folder=tmp_path)
    assert (done.returncode, names(tmp_path)) == (0, ["s.npz"])
    assert "warning" not in done.stderr.lower()
    failed = python("simulate", "--depth", "0", "--out", "t.npz", folder=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "theory-check: error: depth is 0; it must be a whole number from 1 to 100000000\n"
    assert names(tmp_path) == ["s.npz"]


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PYTHONOPTIMIZE": "2"}, "Python drops under -OO; run it without"),
        ({"_THEORY_CHECK_COMPLETE": "nonsense"}, "_THEORY_CHECK_COMPLETE is set, but not as"),
        ({"_THEORY_CHECK_COMPLETE": "bash_complete", "COMP_CWORD": "x"}, "_THEORY_CHECK_COMPLETE is set, but not as"),
    ],
    ids=str,
)
def test_an_environment_of_no_use_ends_in_one_line(tmp_path, variables, says):
    failed = python("show", "E1", folder=tmp_path, **variables)
    assert (failed.returncode, len(failed.stderr.splitlines())) == (2, 1)
    assert says in failed.stderr


def test_variables_that_only_libraries_read_stop_nothing(tmp_path):
    unread = {"NUMBA_NUM_THREADS": "0", "MPLBACKEND": "none", "SOURCE_DATE_EPOCH": "never"}
    done = python(*DRAWN["map"], "-q", folder=tmp_path, **unread)
    assert (done.returncode, "warning" in done.stderr) == (0, False)
    assert "m.png" in names(tmp_path)


def test_a_working_folder_that_was_removed_is_named(command, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()
    code, _, err = command("list")
    assert (code, err) == (74, ["theory-check: error: the working folder no longer exists; change into one that does"])


@pytest.mark.parametrize("name", ["run", "show E4", "figure 1", "report", "calibrate"])
def test_a_file_is_no_folder_for_output(name, command, tmp_path):
    (tmp_path / "taken").write_text("")
    code, _, err = command(*name.split(), "--out", "taken")
    assert (code, err) == (2, ["theory-check: error: Invalid value for '--out': Directory 'taken' is a file."])
