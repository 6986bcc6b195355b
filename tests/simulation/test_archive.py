from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings

from theory_check import strategies
from theory_check.cli.samples import summarise
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import make_cell
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights
from theory_check.simulation.archive import arrays, read_sample, specification, write_sample
from theory_check.simulation.cell import simulate

SEED = 2**64 - 1


@settings(max_examples=25)
@given(strategies.cells())
def test_samples_are_read_back(tmp_path_factory, cell):
    path = tmp_path_factory.mktemp("archive") / "sample.npz"
    sample = simulate(cell, 3, SEED)
    write_sample(sample, path)
    again = read_sample(path)
    assert (again.experiment, again.replicates, again.seed) == (cell, 3, SEED)
    assert set(again.values) == set(sample.values)
    for name, column in sample.values.items():
        np.testing.assert_array_equal(again.values[name], column)


def test_the_archive_has_the_documented_arrays(tmp_path):
    sample = simulate(make_cell(width=3, depth=4), 7, 1)
    write_sample(sample, tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz", allow_pickle=False) as stored:
        for name in ("log_norm_ratio", "displacement", "log_gradient_ratio", "gradient_displacement"):
            assert stored[name].shape == (7,)
            assert stored[name].dtype == np.float64
        # exp and log of one number, three roundings.
        np.testing.assert_allclose(
            np.log(stored["displacement"]), stored["log_displacement"], rtol=0, atol=4 * 2.0**-52
        )
        spec = json.loads(str(stored["spec"]))
    assert spec == json.loads(json.dumps(specification(sample)))
    assert Cell.from_json(spec["cell"]) == sample.experiment
    assert spec["seed"] == 1


def test_displacements_of_the_identity_are_zero():
    values = arrays(simulate(make_cell(weights="zero", width=2, depth=2), 3, 1))
    assert not values["displacement"].any()
    assert not values["gradient_displacement"].any()


def damaged(**changes):
    sample = simulate(make_cell(width=1, depth=1), 1, 1)
    content = {"spec": np.array(json.dumps(specification(sample))), **sample.values} | changes
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array for name, array in content.items() if array is not None})
    return buffer.getvalue()


def npy():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"",
        lambda: b"garbage",
        lambda: damaged()[:100],
        lambda: damaged()[:-40],
        npy,
        lambda: damaged(spec=None),
        lambda: damaged(spec=np.array("{}")),
        lambda: damaged(spec=np.array("[1]")),
        lambda: damaged(spec=np.array("not json")),
        lambda: damaged(spec=np.array('{"cell": [], "seed": 1}')),
        lambda: damaged(spec=np.array('{"cell": {}, "seed": 1}')),
        lambda: damaged(spec=np.array(["object"], dtype=object)),
    ],
)
def test_other_files_are_refused_in_one_line(content, tmp_path):
    path = tmp_path / "s.npz"
    path.write_bytes(content())
    with pytest.raises(SpecificationError, match=r"s.npz is not a sample written by theory-check simulate: ") as caught:
        read_sample(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(StorageError, match=r"cannot read .*missing.npz: no such file"):
        read_sample(tmp_path / "missing.npz")
    with pytest.raises(StorageError, match="cannot write"):
        write_sample(simulate(make_cell(width=1, depth=1), 1, 1), tmp_path / "missing" / "s.npz")


def test_cells_from_spellings():
    cell = make_cell(
        branch="res-1", activation="leaky:slope=0.2", weights="student:df=7,variance=he", width=3, depth=2,
        scale="1,0.5", input_name="sphere", inputs=2, gradients=False, recorded_depths="1,2",
    )  # fmt: skip
    assert cell == Cell(
        network=Network(Branch("res-1", Activation("leaky", 0.2)), 3, 2, Scaling.sequence([1.0, 0.5])),
        weights=Weights("student", (("df", 7.0),), "he"),
        input=Input("sphere", 2),
        kernel="dense",
        gradients=False,
        recorded_depths=(1, 2),
    )
    assert make_cell().network.scaling == Scaling.power(0.5)
    assert make_cell(scale="0.1").network.scaling == Scaling.constant(0.1)
    assert make_cell(inputs=2, input_name="correlated:cosine=-1").input == Input("correlated", 2, -1.0)
    assert [make_cell(inputs=m).kernel for m in (10, 11)] == ["reduced", "dense"]
    assert make_cell(jacobian=True).kernel == "dense"
    assert make_cell(weight_gradients="1, 1000").weight_gradients == (1, 1000)
    assert make_cell(branch="res-1", active_norm=True).active_norm
    assert [make_cell().kernel, make_cell(kernel="dense").kernel, make_cell(weights="laplace").kernel] == [
        "reduced",
        "dense",
        "dense",
    ]


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ({"beta": 0.5, "scale": "1"}, "give beta or a scale, not both"),
        ({"scale": " "}, "scale is empty"),
        ({"scale": "1,x"}, "scale '1,x' must be numbers separated by commas"),
        ({"scale": "1,2,3", "depth": 2}, "3 values for depth 2"),
        ({"recorded_depths": "1.5"}, "recorded depths '1.5' must be numbers"),
        ({"kernel": "fast"}, "unknown kernel 'fast'; accepted: auto, dense, reduced"),
    ],
)
def test_refused_spellings(spelling, message):
    with pytest.raises(SpecificationError, match=message):
        make_cell(**spelling)


def test_summaries_of_several_inputs_and_jacobians():
    cell = make_cell(width=3, depth=4, inputs=2, input_name="correlated:cosine=0.3", recorded_depths="2", jacobian=True)
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


@pytest.mark.parametrize("weights", ["gaussian", "zero", "student:df=1"])
def test_summaries_have_a_line_for_each_column(weights):
    sample = simulate(make_cell(weights=weights, width=3, depth=4), 50, 1)
    heading, *lines = summarise(sample)
    assert "50 replicates" in heading
    assert [line.split()[0] for line in lines] == [n for n in arrays(sample) if not n.startswith("pairing")]
    assert all(line.count("\n") == 0 and "median" in line for line in lines)
    # A logarithm of zero is minus infinity, not the smallest number of the machine.
    assert "e308" not in " ".join(lines)
    assert "e+308" not in " ".join(lines)
