from __future__ import annotations

import pytest

from theory_check.cli.samples import summarise, warn_of_infinities
from theory_check.experiments.spelling import network
from theory_check.networks.inputs import Input
from theory_check.simulation.archive import arrays
from theory_check.simulation.runner import simulate


def test_summaries_of_several_inputs_and_jacobians():
    cell = network(
        width=3, depth=4, inputs=2, input="correlated:cosine=0.3", gradients=True, recorded_depths=(2,), jacobian=True
    )
    assert (cell.kernel, cell.input) == ("dense", Input("correlated", 2, 0.3))
    sample = simulate(cell, 50, 1)
    lines = summarise(sample)[1:]
    names = [line.split(" median ")[0].strip() for line in lines]
    assert names[:2] == ["log_norm_ratio of input 1", "log_displacement of input 1"]
    assert "cosine_input of input 2" in names
    assert [n for n in names if "singular" in n] == [
        "log_singular_value 1 of input 1",
        "log_singular_value 3 of input 1",
    ]
    assert "log_determinant of input 1" in names
    shown = next(line for line in lines if "cosine_input" in line)
    assert "0.3" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, []),
        ({"weights": "zero"}, ["-inf is the logarithm of 0: log_displacement in 20"]),
        # A fourth of the vectors of two coordinates have none above 0, and never move.
        ({"branch": "res-1", "weights": "uniform"}, ["-inf is the logarithm of 0: log_displacement in "]),
        ({"scale": 1e160}, ["20 of 20 replicates left the range of double precision"]),
        ({"scale": 1e100, "depth": 9}, ["inf is beyond double precision, its logarithm is not: displacement in 20"]),
    ],
)
def test_infinities_are_not_left_in_silence(options, said, capsys):
    warn_of_infinities(simulate(network(**{"branch": "linear", "width": 2, "depth": 2} | options), 20, 1))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(f"theory-check: warning: {text}") for line, text in zip(lines, said, strict=True))


@pytest.mark.parametrize("weights", ["gaussian", "zero", "student:df=1"])
def test_summaries_have_a_line_for_each_column(weights):
    sample = simulate(network("res-3", weights, width=3, depth=4, gradients=True), 50, 1)
    heading, *lines = summarise(sample)
    assert "50 replicates" in heading
    assert [line.split()[0] for line in lines] == [n for n in arrays(sample) if not n.startswith("pairing")]
    assert all(line.count("\n") == 0 and "median" in line for line in lines)
    # A logarithm of zero is minus infinity, not the smallest number of the machine.
    assert "e308" not in " ".join(lines)
    assert "e+308" not in " ".join(lines)


def test_what_is_undefined_after_an_overflow_is_said():
    cell = network("res-3", width=4, depth=4, beta=-300.0, controls=True)
    lines = summarise(simulate(cell, 20, seed=1))
    assert any(line.endswith("undefined in 20 of 20 replicates") for line in lines)
