from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings

from theory_check import strategies
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.simulation.archive import arrays, read_sample, specification, write_sample
from theory_check.simulation.runner import simulate

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
    sample = simulate(network(gradients=True, width=3, depth=4), 7, 1)
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
    values = arrays(simulate(network("res-3", "zero", gradients=True, width=2, depth=2), 3, 1))
    assert not values["displacement"].any()
    assert not values["gradient_displacement"].any()


def damaged(**changes):
    sample = simulate(network(gradients=True, width=1, depth=1), 1, 1)
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
        write_sample(simulate(network(gradients=True, width=1, depth=1), 1, 1), tmp_path / "missing" / "s.npz")
