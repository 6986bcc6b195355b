"""Defaults in ``pyproject.toml``."""

from __future__ import annotations

import pytest

from theory_check.cli import cli
from theory_check.cli.project import read_defaults
from theory_check.foundation.errors import SpecificationError


def test_options_are_named_as_on_the_command_line(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.theory-check.simulate]\nwidth = 3\nrecorded-depths = '1,2'\ngradients = false\n"
        "[tool.theory-check.run]\nclaims = 'own.py'\n"
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for folder in (tmp_path, below):
        assert read_defaults(folder, cli.commands) == {
            "simulate": {"width": 3, "recorded_depths": "1,2", "gradients": False},
            "run": {"claims_file": "own.py"},
        }


def test_the_nearest_file_counts_and_may_have_no_table(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.theory-check.run]\nprofile = 'standard'\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'a'\n")
    assert read_defaults(tmp_path / "a", cli.commands) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.theory-check.rum]", "unknown command in .* 'rum'; .*did you mean run"),
        ("[tool.theory-check.run]\nprofil = 'quick'", "unknown option in .* 'profil'; .*did you mean profile"),
        ("[tool.theory-check]\nrun = 1", "give a table"),
        ("[tool]\ntheory-check = 1", "give a table"),
        ("[tool.theory-check.run]\nseed = [1]", r"seed = \[1\]; give a text, a finite number"),
        ("[tool.theory-check.simulate]\nwidth = 1e400", "width = inf; give a text, a finite number"),
        ("[tool.theory", "cannot read .*pyproject.toml"),
    ],
)
def test_what_no_command_takes_is_refused_with_its_place(tmp_path, text, says):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(SpecificationError, match=says):
        read_defaults(tmp_path, cli.commands)


def test_the_command_line_overrides_the_file_and_both_are_checked(command, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.theory-check.simulate]\nwidth = 3\ndepth = 7\nkernel = 'dens'\n")
    line = ("simulate", "--depth", 5, "--replicates", 10, "--out", "s.npz")
    code, _, err = command(*line)
    assert (code, len(err)) == (2, 1)
    assert "unknown kernel 'dens'" in err[0]
    code, out, _ = command(*line, "--kernel", "dense", "-q")
    assert code == 0
    assert out[0].startswith("res-3, width 3, depth 5")
