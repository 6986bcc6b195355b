"""One definition of each kind from a file: through commands, simulation, theory, report, JSON and strategies."""

from __future__ import annotations

import json

import numpy as np
import pytest
from drawn_examples import drawn

import theory_check as tc
from theory_check import strategies
from theory_check.claims.networks import layer_law
from theory_check.cli import main
from theory_check.foundation.errors import HypothesisError
from theory_check.networks.activations import ACTIVATIONS
from theory_check.networks.branches import BRANCHES
from theory_check.networks.inputs import INPUTS
from theory_check.networks.weights import WEIGHTS
from theory_check.verification.user_claims import load_definitions

FILE = '''
"""Definitions and a claim that needs all of them."""

import math

import numpy as np
import theory_check as tc

triangle = tc.WeightLaw(
    name="three-values", summary="0 or one of two signs", kurtosis=lambda _: 1.5,
    transform=lambda u, v, _: 0.0 if u < 1 / 3 else math.copysign(math.sqrt(1.5), v - 0.5),
)
brownian = tc.CovarianceProcess(
    name="brownian", summary="Brownian motion", defaults={"speed": 1.0}, ranges={"speed": (0.0, 10.0)},
    covariance=lambda s, t, speed: speed * np.minimum(s, t),
)
softplus = tc.ActivationDefinition(
    name="softplus", summary="log(1 + e^x)",
    function=lambda x, _: math.log1p(math.exp(x)), derivative=lambda x, _: 1.0 / (1.0 + math.exp(-x)),
)
product = tc.BranchDefinition(name="product", summary="W h", has_inner=True, activation=tc.Activation("identity"))
signs = tc.InputLaw(name="signs", summary="random signs", hidden=np.sign)


@tc.claim("X1")
def growth(profile):
    """A product of two matrices doubles the mean squared norm in one layer of factor 1."""
    deep = tc.network("product", "three-values", width=6, depth=1, beta=0.0, input="signs")
    return tc.check(
        "mean", deep, "E R", tc.Mean(tc.observables.NORM_RATIO, 10.0), 2.0, margin=0.2,
        basis=tc.EXACT, wrong={"kappa is 1/2": 1.5},
    )
'''

SMALL = ("--width", 4, "--depth", 3, "--replicates", 20, "--out", "s.npz")


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "own.py"
    file.write_text(FILE, encoding="utf-8")
    return file


def command(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return stopped.value.code, out, err


@pytest.mark.parametrize(
    ("arguments", "spelled"),
    [
        (("--weights", "three-values:variance=he"), "three-values:variance=he weights"),
        (("--weights", "brownian:speed=2"), "brownian:speed=2 weights"),
        (("--activation", "softplus"), "res-3 softplus"),
        (("--branch", "product"), "product, width 4"),
        (("--input", "signs", "--inputs", 2), "2 signs inputs"),
    ],
    ids=str,
)
def test_the_command_line_simulates_what_a_file_defines(path, capsys, arguments, spelled):
    assert command(capsys, "simulate", *arguments, *SMALL)[0] == 2
    code, out, _ = command(capsys, "simulate", "--claims", path, *arguments, *SMALL)
    assert code == 0
    assert spelled in out
    sample = tc.read_sample(path.parent / "s.npz")
    assert spelled in str(sample.experiment)
    specification = json.loads(json.dumps(sample.experiment.to_json()))
    assert type(sample.experiment).from_json(specification) == sample.experiment
    again = tc.simulate(sample.experiment, 20, seed=0)
    np.testing.assert_array_equal(again.column("log_norm_ratio"), sample.column("log_norm_ratio"))


def test_the_command_line_maps_the_parameter_of_a_process_of_a_file(path, capsys):
    sizes = ("--width", 3, "--depth", 4, "--draws", 1, "--inputs", 1)
    grid = ("--process", "brownian", "--parameters", "0.5,2", "--betas", "0.5,1", "--input", "signs")
    code, out, _ = command(capsys, "map", "--claims", path, *sizes, *grid, "--out", "m.npz")
    assert code == 0
    assert "2 values of speed" in out


def test_a_claim_of_the_file_is_judged_and_reported(path, capsys):
    code, _, _ = command(capsys, "run", "--claims", path, "--seed", 3, "--threads", 1, "--out", "report")
    assert code == 0
    report = (path.parent / "report" / "claims" / "X1.md").read_text(encoding="utf-8")
    assert "product-three-values" in report or "product, width 6" in report
    shown = command(capsys, "show", "X1", "--claims", path, "--out", "report")[1]
    assert "product, width 6, depth 1" in shown


def test_theories_take_or_refuse_what_a_file_defines(path):
    load_definitions(path)
    assert layer_law(tc.network("product", "three-values", width=4, depth=2)).kappa == 1.0
    for refused, message in (
        ({"activation": "softplus"}, "needs a piecewise linear activation, not res-3 softplus"),
        ({"weights": "brownian"}, "needs weights that are independent from layer to layer, not brownian"),
    ):
        with pytest.raises(HypothesisError, match=message):
            layer_law(tc.network(width=4, depth=2, **refused))


def test_strategies_draw_what_a_file_defines(path):
    load_definitions(path)
    for found in (
        lambda cell: cell.weights.law == "three-values",
        lambda cell: cell.network.branch.activation.name == "softplus",
        lambda cell: cell.network.branch.name == "product",
        lambda cell: cell.input.name == "signs",
    ):
        assert found(drawn(strategies.cells(), found))
    assert drawn(strategies.weight_processes(), lambda weights: weights.law == "brownian").process is not None


def test_a_file_read_twice_adds_nothing_and_an_edited_one_is_refused(path, capsys):
    load_definitions(path)
    names = [registry.names for registry in (WEIGHTS, ACTIVATIONS, BRANCHES, INPUTS)]
    load_definitions(path)
    assert [registry.names for registry in (WEIGHTS, ACTIVATIONS, BRANCHES, INPUTS)] == names
    path.write_text(FILE.replace("math.sqrt(1.5), v - 0.5", "math.sqrt(1.5), 0.5 - v"), encoding="utf-8")
    code, _, err = command(capsys, "simulate", "--claims", path, *SMALL)
    assert code == 2
    assert "weight law three-values: there is another law of this name" in err
    assert err.count("\n") == 1
