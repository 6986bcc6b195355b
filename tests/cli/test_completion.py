"""What a shell offers."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete

from theory_check.catalogue.regimes import all_claims
from theory_check.cli import cli


def offered(*words):
    completion = ShellComplete(cli, {}, "theory-check", "_THEORY_CHECK_COMPLETE")
    return [item.value for item in completion.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (("run", "e2"), "E21"),
        (("show", "E"), "E4"),
        (("search", "p"), "P5"),
        (("list", "--regime", "mom"), "moments"),
        (("simulate", "--weights", "ga"), "gaussian"),
        (("map", "--process", "f"), "fgn"),
        (("run", "--profile", "q"), "quick"),
        (("train", "--loss", ""), "square"),
        (("sim",), "simulate"),
    ],
)
def test_names_that_are_accepted_are_offered(words, among):
    found = offered(*words)
    assert among in found
    assert all(value.casefold().startswith(words[-1].casefold()) for value in found)


def test_every_claim_is_offered():
    assert offered("run", "") == [claim.id for claim in all_claims()]


def test_a_shell_is_answered_and_nothing_runs():
    environment = {
        **os.environ,
        "_THEORY_CHECK_COMPLETE": "bash_complete",
        "COMP_WORDS": "theory-check run --prof",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        [sys.executable, "-m", "theory_check"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["plain,--profile"], "")


def test_a_choice_without_a_parameter_is_named():
    from theory_check.cli.completion import Names
    from theory_check.foundation.errors import SpecificationError

    with pytest.raises(SpecificationError, match="unknown name 'x'; accepted: a, b"):
        Names(("a", "b")).convert("x", None, None)
    assert isinstance(Names(("a", "b")), click.Choice)
