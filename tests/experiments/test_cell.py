from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from theory_check import strategies
from theory_check.experiments.cell import MAXIMAL_JACOBIAN_WIDTH, Cell, Sample
from theory_check.experiments.kernel_choice import choose_kernel
from theory_check.foundation.errors import NumericalOverflowError, SpecificationError
from theory_check.kernels import KERNEL_VERSION, LANES, PANEL
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import WEIGHTS, Weights

NETWORK = Network(Branch(), 4, 3, Scaling.power(0.5))
CELL = Cell(network=NETWORK, weights=Weights("uniform"), kernel="dense")


@given(strategies.cells())
def test_cells_survive_json(cell):
    text = json.dumps(cell.to_json())
    again = Cell.from_json(json.loads(text))
    assert again == cell
    assert again.identity == cell.identity
    assert again.content_hash == cell.content_hash
    assert json.loads(text)["kernel_version"] == KERNEL_VERSION


@given(strategies.cells())
def test_the_identity_is_what_makes_the_values(cell):
    observables = [{"recorded_depths": (*cell.recorded_depths, 0)}]
    if cell.kernel != "chain":
        observables += [{"gradients": not cell.gradients, "weight_gradients": (), "gradient_cosines": ()}]
    observables += [{"jacobian": not cell.jacobian}] if cell.kernel == "dense" else []
    observables += [{"weight_gradients": (*cell.weight_gradients, 1)}] if cell.weight_gradients else []
    observables += [{"gradient_cosines": ()}] if cell.gradient_cosines else []
    observables += [{"active_norm": not cell.active_norm}] if cell.active_norm else []
    observables += [{"controls": not cell.controls}] if cell.controls else []
    for observed in (replace(cell, **changes) for changes in observables):
        assert observed.identity == cell.identity
        assert observed.content_hash != cell.content_hash
    deeper = replace(cell.network, depth=cell.network.depth + 1, scaling=Scaling.power(0.5))
    assert replace(cell, network=deeper, recorded_depths=()).identity != cell.identity


def test_the_identity_is_frozen():
    """Streams are keyed by this text: an accidental change of its spelling would change every value of every run."""
    assert json.loads(CELL.identity)["kernel_version"] == KERNEL_VERSION
    assert CELL.identity.replace(f'"kernel_version":{KERNEL_VERSION}', '"kernel_version":0') == (
        '{"input":{"count":1,"name":"gaussian"},"kernel":"dense","kernel_version":0,"network":{"branch":{"activation":'
        '{"name":"relu","slope":0.0},"name":"res-3"},"depth":3,"scaling":{"kind":"power","values":[0.5]},"width":4},'
        '"weights":{"law":"uniform","parameters":[],"variance":"unit"}}'
    )


@pytest.mark.parametrize("process", ["fgn", "smooth", "tied"])
def test_the_stored_kernel_is_for_weight_processes(process):
    weights = Weights(process)
    assert choose_kernel(weights, Input()) == "stored"
    cell = replace(CELL, weights=weights, kernel="stored")
    assert (cell.block_size, CELL.block_size) == (1, LANES)
    with pytest.raises(SpecificationError, match=f"the dense kernel does not take {process} weights; use stored"):
        replace(cell, kernel="dense")
    with pytest.raises(SpecificationError, match="the stored kernel does not take uniform weights; use dense"):
        replace(CELL, kernel="stored")
    with pytest.raises(SpecificationError, match=r"the reduced kernel needs gaussian weights.*; use stored"):
        replace(cell, kernel="reduced")


def test_the_cost_of_stored_weights_grows_with_columns_and_depth():
    cell = replace(CELL, weights=Weights("fgn"), kernel="stored")
    costs = [replace(cell, network=replace(NETWORK, depth=depth)).work_per_block for depth in (3, 6, 9)]
    assert costs[0] == cell.work_per_block
    # A line in the depth, up to rounding: making a network costs something before its first layer.
    assert costs[0] < costs[1] < costs[2] <= 2 * costs[1] - costs[0] + 1
    assert replace(cell, input=Input(count=PANEL)).work_per_block == cell.work_per_block
    assert replace(cell, input=Input(count=PANEL + 1)).work_per_block > cell.work_per_block
    assert replace(cell, gradients=False).work_per_block < cell.work_per_block


def test_hashes_are_older_than_later_fields():
    """A cosine or an observable that is not asked for leaves no trace: stored samples keep their names."""
    later_observables = {"jacobian": False, "weight_gradients": (), "gradient_cosines": (), "active_norm": False}
    later_observables["controls"] = False
    assert CELL.content_hash == replace(CELL, **later_observables).content_hash
    text = f"{CELL.identity}|True|[]"
    assert CELL.content_hash == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert replace(CELL, input=Input("correlated", 2, 0.5)).identity != replace(CELL, input=Input("sphere", 2)).identity
    specification = CELL.to_json()
    for later in later_observables:
        del specification[later]
    del specification["input"]["cosine"]
    assert Cell.from_json(specification) == CELL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kernel": "sparse"}, "unknown kernel 'sparse'; accepted: dense, reduced"),
        ({"recorded_depths": (4,)}, "recorded depth is 4; it must be a whole number from 0 to 3"),
        ({"recorded_depths": (-1,)}, "recorded depth is -1"),
        (
            {"kernel": "reduced", "weights": Weights(), "jacobian": True},
            "the Jacobian needs every weight; use",
        ),
        (
            {"network": replace(NETWORK, width=MAXIMAL_JACOBIAN_WIDTH + 1), "jacobian": True},
            "width is 101 for gaussian input; the Jacobian accepts widths up to 100 and 1000 tangent vectors",
        ),
        ({"weight_gradients": (0,)}, "layer of a weight gradient is 0; it must be a whole number from 1 to 3"),
        ({"weight_gradients": (1,), "gradients": False}, "weight gradients need the backward pass"),
        (
            {"weight_gradients": (1,), "kernel": "reduced", "weights": Weights(), "input": Input(count=2)},
            "weight gradients of 2 gaussian inputs need every weight; use the dense kernel",
        ),
        (
            {"weight_gradients": (1, 2), "gradient_cosines": (1,), "kernel": "reduced", "weights": Weights()},
            "cosines of weight gradients need every weight; use the dense kernel",
        ),
        ({"kernel": "chain"}, "the chain kernel needs gaussian weights, one input and a linear branch"),
        ({"kernel": "chain", "weights": Weights(), "input": Input(count=2)}, "the chain kernel needs gaussian weights"),
        (
            {"kernel": "chain", "weights": Weights(), "network": replace(NETWORK, branch=Branch("res-2"))},
            "or one of W h without bias",
        ),
        (
            {"kernel": "chain", "weights": Weights(), "weight_gradients": (1,)},
            "norms and displacements of hidden states and gradients alone; use reduced for weight gradients",
        ),
        (
            {"kernel": "chain", "weights": Weights(), "network": replace(NETWORK, width=3)},
            "width is 3; the chain kernel carries gradients from width 4 on; use reduced",
        ),
        (
            {"weight_gradients": (1, 3), "gradient_cosines": (1,)},
            "layer of a gradient cosine is 1; it and the next must be layers of weight gradients",
        ),
        ({"active_norm": True}, "the norm of the active coordinates needs a res-1 branch with relu, not res-3"),
        (
            {"network": replace(NETWORK, branch=Branch("res-2")), "controls": True},
            "control variates need a linear or res-3 branch with weights that are independent from layer to layer",
        ),
        ({"weights": Weights("exponential"), "controls": True}, "symmetric inside the activation; not res-3 and expon"),
        ({"weights": Weights("student", (("df", 2.0),)), "controls": True}, "of finite variance, and"),
        ({"weights": Weights("tied"), "kernel": "stored", "controls": True}, "independent from layer to layer"),
        (
            {"weights": Weights(), "kernel": "reduced", "input": Input(count=2), "controls": True},
            "control variates of 2 gaussian inputs need the dense kernel, not reduced",
        ),
        ({"input": Input("sphere", 251), "jacobian": True}, "width is 4 for 251 sphere inputs; the Jacobian accepts"),
        ({"input": Input("correlated", 5, 0.5)}, "width is 4; it is too small for 5 correlated:cosine=0.5 inputs"),
        (
            {
                "weights": Weights("orthogonal"),
                "network": replace(NETWORK, width=WEIGHTS.find("orthogonal").maximal_width + 1),
            },
            "orthogonal weights accept widths up to",
        ),
    ],
)
def test_refused_cells(changes, message):
    with pytest.raises(SpecificationError, match=message):
        replace(CELL, **changes)


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s.pop("network"),
        lambda s: s["network"].update(width=0),
        lambda s: s["weights"].update(law="cauchy"),
        lambda s: s["network"]["scaling"].update(values=[]),
    ],
)
def test_refused_specifications(damage):
    specification = json.loads(json.dumps(CELL.to_json()))
    damage(specification)
    with pytest.raises(SpecificationError, match="not a cell specification"):
        Cell.from_json(specification)


def test_cells_are_described_in_a_line():
    assert str(CELL) == "res-3, width 4, depth 3, beta 0.5, uniform weights, gaussian input"
    assert "2 paper inputs" in str(replace(CELL, input=Input("paper", 2)))


def test_columns_of_a_sample():
    sample = Sample(CELL, 1, {"log_norm_ratio": np.arange(5.0), "log_displacement": np.full(5, -math.inf)}, 0.0)
    assert sample.overflows == 0
    np.testing.assert_array_equal(sample.column("log_norm_ratio"), np.arange(5.0))
    with pytest.raises(SpecificationError, match="no column 'R'; it has log_norm_ratio, log_displacement"):
        sample.column("R")


def test_overflows_are_counted_once_a_replicate_and_refused_in_their_column():
    profile, ratio, displacement = np.zeros((5, 2, 3)), np.zeros((5, 2)), np.full((5, 2), -math.inf)
    profile[1], profile[4, 0, 0], ratio[1, 1] = math.inf, math.nan, math.inf
    columns = {"log_norm_ratio": ratio, "log_displacement": displacement, "norm_profile": profile}
    sample = Sample(CELL, 1, columns, 0.0)
    assert sample.overflows == 2
    for name, count in (("log_norm_ratio", 1), ("norm_profile", 2)):
        with pytest.raises(
            NumericalOverflowError, match=f"{count} of 5 replicates overflowed in column {name} of: res-3"
        ):
            sample.column(name)
    assert sample.column("log_displacement") is displacement
