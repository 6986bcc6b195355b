"""Thousands of examples in parts, so that two cores share them and a night that is cut short has drawn some."""

from __future__ import annotations

import pytest
from hypothesis import seed, settings

#: Into how many parts the slow examples are cut.
PARTS = 10


def in_parts(few, many):
    """Return parameters ``(part, number)``: few examples as part 0, and many in slow parts."""
    return [(0, few), *(pytest.param(part, many // PARTS, marks=pytest.mark.slow) for part in range(1, PARTS + 1))]


def part_of_draws(part, config):
    """Return a decorator: where the profile or ``--hypothesis-seed`` fixes the examples, a part draws its own."""
    forced = config.getoption("--hypothesis-seed")
    if not part or (forced is None and not settings().derandomize):
        return lambda test: test
    return seed(part if forced is None else f"{forced}, part {part}")
