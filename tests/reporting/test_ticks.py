from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from theory_check.reporting.ticks import set_ticks, tick_text


def shown(low, high, scale="log"):
    """The ticks of an axis between two ends."""
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xscale(scale)
    axes.set_xlim(low, high)
    set_ticks(axes)
    labels = zip(axes.get_xticks(), [label.get_text() for label in axes.get_xticklabels()], strict=True)
    return [text for place, text in labels if low <= place <= high]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (2.0, 30.0, ["2", "5", "10", "20"]),
        (0.02, 0.5, ["0.02", "0.05", "0.1", "0.2", "0.5"]),
        (10.0, 1000.0, ["10", "100", "1000"]),
        (9e-6, 1.1e-3, ["$10^{-5}$", "$10^{-4}$", "$10^{-3}$"]),
        (1.0, 1e7, [f"$10^{{{power}}}$" for power in range(8)]),
    ],
)
def test_logarithmic_axes(low, high, ticks):
    assert shown(low, high) == ticks


def test_a_narrow_logarithmic_axis_has_different_ticks():
    ticks = shown(0.58, 0.72)
    assert len(set(ticks)) == len(ticks) >= 2
    assert set(ticks) <= {"0.58", "0.6", "0.62", "0.64", "0.65", "0.66", "0.68", "0.7", "0.72"}


def test_linear_axes_step_by_one_two_or_five():
    steps = {shown(0.0, high, "linear")[1].lstrip("0.").rstrip("0.")[:1] for high in (1.0, 1.7, 2.6, 3.9, 7.0)}
    assert steps <= {"1", "2", "5"}


def test_powers_have_their_factor():
    assert tick_text(2e-5, plain=False) == r"$2\times 10^{-5}$"
    assert tick_text(1e5, plain=False) == "$10^{5}$"
    assert tick_text(0.0, plain=False) == ""
