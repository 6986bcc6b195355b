"""Every option that takes a number says what it accepts, in one line that names it."""

from __future__ import annotations

import re

import click
import pytest

from theory_check.cli import cli
from theory_check.cli.options import RealNumber, WholeNumber

#: What a command needs besides.
NEEDED = {
    "figure": ("1",), "map": ("--out", "a.npz"), "search": ("E4",), "simulate": ("--out", "a.npz"),
    "train": ("--out", "a.npz"),
}  # fmt: skip
#: Options that take any finite number.
UNBOUNDED = {"beta"}

NUMBERS = [
    (name, parameter)
    for name, command in cli.commands.items()
    for parameter in command.params
    if isinstance(parameter.type, (WholeNumber, RealNumber, click.types.IntParamType, click.types.FloatParamType))
]


def test_numbers_are_found():
    assert {("simulate", "width"), ("train", "learning_rate"), ("figure", "number")} <= {
        (name, parameter.name) for name, parameter in NUMBERS
    }


@pytest.mark.parametrize(("name", "parameter"), NUMBERS, ids=lambda part: getattr(part, "name", part))
@pytest.mark.parametrize("given", ["x", "", "nan", "-7"])
def test_what_is_no_number_or_out_of_range_is_told_in_one_line(name, parameter, given, refusal):
    if given == "-7" and parameter.name in UNBOUNDED:
        return
    # The number of a figure takes the place of the one that is needed; a dash would make it an option.
    is_option = isinstance(parameter, click.Option)
    line = refusal(name, *NEEDED.get(name, ()), parameter.opts[0], given) if is_option else refusal(name, "--", given)
    words = parameter.opts[0].strip("-").split("-") if is_option else [name]
    assert all(word in line for word in words), line
    accepted = r"must be a (whole|finite|real|positive real) number|must (be|lie) "
    assert re.search(accepted, line), line
    if parameter.name not in UNBOUNDED:
        assert re.search(r"\d+ (to|and) [\d.]+|at least [\d.]+|positive", line), line
