from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import SEED, SMALL, names
from map_archives import read_map

from theory_check.experiments.cell import CONTROL_COLUMNS
from theory_check.paper.phase_map import run_map
from theory_check.simulation import units
from theory_check.simulation.archive import read_sample
from theory_check.simulation.runner import simulate


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--beta", "nan"), "beta is nan; it must be a finite number"),
        (("--beta", "half"), "beta is 'half'; it must be a finite number"),
        (("--beta", "-600"), "L^-beta is not a number at depth 4"),
        (("--depth", 0), "depth is 0; it must be a whole number from 1 to 100000000"),
        (("--width", -3), "width is -3; it must be a whole number from 1 to 10000"),
        (("--width", "2.5"), "width is '2.5'; it must be a whole number from 1 to 10000"),
        (("--replicates", 10**12), "number of replicates is 1000000000000; it must be a whole number from 1 to"),
        (("--weights", "unifrom"), "unknown weight law 'unifrom'"),
        (("--weights", "student:df=-1"), "df of student weights is -1; it must be between"),
        (("--weights", "student:"), "is not of the form NAME or NAME:key=value,key=value"),
        (("--kernel", "reduced", "--weights", "uniform"), "the reduced kernel needs gaussian weights and at most 32"),
        (("--scale", "0.1", "--beta", "0.5"), "give beta or a scale, not both"),
        (("--scale", "0.1,0.2"), "2 values for depth 4"),
        (("--activation", "selu"), "unknown activation 'selu'"),
        (("--branch", "res-9"), "unknown branch 'res-9'; accepted: linear, res-1, res-2, res-3"),
        (("--input", "cubic"), "unknown input 'cubic'"),
        (("--inputs", 0), "number of inputs is 0"),
        (("--input", "correlated:cosine=0.3"), "correlated inputs are at least 2, not 1"),
        (("--jacobian", "--kernel", "reduced"), "the Jacobian needs every weight; use the dense kernel"),
        (("--jacobian", "--width", 101), "the Jacobian accepts widths up to 100"),
        (("--recorded-depths", "9"), "recorded depth is 9; it must be a whole number from 0 to 4"),
        (("--seed", -1), "seed is -1; it must be a whole number from 0 to 2^64 - 1"),
        (("--seed", "x"), "seed is 'x'; it must be a whole number from 0 to 2^64 - 1"),
        (("--seed", "1.5"), "seed is '1.5'; it must be a whole number from 0 to 2^64 - 1"),
        (("--threads", "many"), "number of threads is 'many'; it must be a whole number from 1 to 1024"),
        (("--seed", 2**64), "seed is 18446744073709551616"),
        (("--threads", 0), "number of threads is 0"),
        (("--memory", 0), "memory is '0'; it must be a size from 1MiB to 1024GiB"),
        (("--memory", 300), "of memory are needed, --memory allows 300 MiB: allow more (--memory)"),
        (("--kernel", "dense", "--weights", "fgn"), "the dense kernel does not take fgn weights; use stored"),
        (("--weights", "fgn:hurst=1"), "hurst of fgn weights is 1; it must be between 0 and 1"),
        (("--out", "missing/s.npz"), "--out missing/s.npz: give the path of a file in an existing folder"),
        (("--out", "."), "'.' is a directory"),
        (("--out", "own.py"), "own.py: give a file whose name ends in .npz"),
        (("--nope",), "No such option"),
    ],
    ids=str,
)
def test_bad_input_of_simulate(refusal, arguments, message):
    assert message in refusal(*SMALL, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("simulate",), "Missing option '--out'"),
        (("map",), "Missing option '--out'"),
        (("map", "--out", "map.png"), "map.png: give a file whose name ends in .npz"),
        (("map", "--out", "m.npz", "--process", "unifrom"), "unknown process 'unifrom'; accepted: fgn, "),
        (("map", "--out", "m.npz", "--betas", "0:1"), "betas '0:1' must be FIRST:LAST:COUNT or numbers"),
        (("map", "--out", "m.npz", "--parameters", "0.5:1:3"), "hurst of fgn weights is 1; it must be between 0 and 1"),
        (("map", "--out", "m.npz", "--memory", "2TB"), "memory is '2TB'; it must be a size"),
    ],
    ids=str,
)
def test_bad_input_of_either(refusal, arguments, message):
    assert message in refusal(*arguments)


def test_simulate_writes_the_documented_arrays(command, tmp_path):
    code, out, err = command(*SMALL)
    assert code == 0
    assert out[-1] == "written: s.npz"
    assert err[0].startswith("theory-check simulate: about ")
    assert all(line.startswith("theory-check simulate, 70 replicates: ") for line in err[1:])
    assert names(tmp_path) == ["s.npz"]
    with np.load("s.npz", allow_pickle=False) as stored:
        for name in ("log_norm_ratio", "displacement", "log_gradient_ratio", "gradient_displacement"):
            assert stored[name].shape == (70,)
        spec = json.loads(str(stored["spec"]))
    assert (spec["seed"], spec["cell"]["network"]["width"], spec["cell"]["kernel"]) == (5, 3, "reduced")
    sample = read_sample(tmp_path / "s.npz")
    for name, column in simulate(sample.experiment, sample.replicates, 5).values.items():
        np.testing.assert_array_equal(sample.values[name], column)


def test_options_of_simulate_reach_the_cell(command, tmp_path):
    code, _, _ = command(
        *SMALL, "--no-gradients", "--weights", "sparse:density=0.5,variance=he", "--input", "paper", "--inputs", 2,
        "--recorded-depths", "1,4", "--branch", "res-2", "--activation", "leaky:slope=0.1", "--scale", "0.5",
    )  # fmt: skip
    assert code == 0
    sample = read_sample(tmp_path / "s.npz")
    assert str(sample.experiment.weights) == "sparse:density=0.5,variance=he"
    assert (sample.experiment.input.name, sample.experiment.input.count) == ("paper", 2)
    assert sample.values["norm_profile"].shape == (70, 2, 2)
    assert not any("gradient" in name for name in sample.values)


def test_simulate_correlated_inputs_and_jacobians(command, tmp_path):
    code, lines, _ = command(
        *SMALL, "--input", "correlated:cosine=0.3", "--inputs", 2, "--jacobian", "--recorded-depths", "0,4"
    )
    assert code == 0
    assert sum("log_singular_value" in line for line in lines) == 2
    sample = read_sample(tmp_path / "s.npz")
    assert (sample.experiment.input.spelling, sample.experiment.jacobian) == ("correlated:cosine=0.3", True)
    assert sample.values["log_singular_values"].shape == (70, 2, 3)
    # Sums of three products in double precision.
    np.testing.assert_allclose(sample.values["cosine_profile"][:, 1, 0], 0.3, rtol=0, atol=20 * 2.0**-52)


def test_simulate_weight_gradients_and_active_norms(command, tmp_path):
    assert command(*SMALL, "--weight-gradients", "1,4", "--branch", "res-3")[0] == 0
    sample = read_sample(tmp_path / "s.npz")
    assert sample.values["outer_weight_gradient"].shape == sample.values["inner_weight_gradient"].shape == (70, 2)
    code, lines, _ = command(*SMALL, "--active-norm", "--branch", "res-1")
    assert code == 0
    assert any("log_active_norm_ratio" in line for line in lines)
    assert read_sample(tmp_path / "s.npz").values["log_active_norm_ratio"].shape == (70,)


def test_simulate_control_variates(command, tmp_path):
    assert command(*SMALL, "--controls", "--branch", "res-3")[0] == 0
    values = read_sample(tmp_path / "s.npz").values
    assert all(values[name].shape == (70,) for name in CONTROL_COLUMNS)


def test_the_same_seed_gives_the_same_bytes(command, tmp_path, monkeypatch):
    monkeypatch.setattr(units, "UNIT_WORK", 1)
    for threads in (1, 2):
        assert command(*SMALL, "--threads", threads, "--out", f"{threads}.npz")[0] == 0
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    command(*SMALL, "--seed", 6, "--out", "other.npz")
    assert (tmp_path / "1.npz").read_bytes() != (tmp_path / "other.npz").read_bytes()


def test_overflows_are_warned_of(command):
    code, _, err = command(*SMALL, "--weights", "uniform", "--activation", "tanh", "--scale", "1e308")
    assert code == 0
    warnings = [line for line in err if "warning" in line]
    assert len(warnings) == 1
    assert "70 of 70 replicates left the range of double precision" in warnings[0]


def test_an_interrupt_keeps_what_is_finished(command, interrupt, tmp_path):
    interrupt(*SMALL)
    assert len(names(tmp_path)) == 2  # the folder of parts and one part
    assert command(*SMALL, "--threads", 1)[0] == 0
    assert names(tmp_path) == ["s.npz"]
    sample = read_sample(tmp_path / "s.npz")
    expected = simulate(sample.experiment, sample.replicates, 5).values["log_norm_ratio"]
    np.testing.assert_array_equal(sample.values["log_norm_ratio"], expected)


@pytest.mark.parametrize("weights", ["fgn:hurst=0.7", "smooth:length=0.1", "tied"])
def test_simulate_with_weights_that_are_tied_across_layers(command, weights):
    code, _, _ = command(*SMALL, "--weights", weights, "--recorded-depths", "2,4", "--inputs", 2)
    assert code == 0
    sample = read_sample(Path("s.npz"))
    assert sample.experiment.kernel == "stored"
    assert str(sample.experiment.weights) in (weights, weights.partition(":")[0])
    expected = simulate(sample.experiment, sample.replicates, int(SEED)).values
    assert set(expected) == set(sample.values)
    for name, column in expected.items():
        np.testing.assert_array_equal(sample.values[name], column)
    first = Path("s.npz").read_bytes()
    assert command(*SMALL, "--weights", weights, "--recorded-depths", "2,4", "--inputs", 2, "--memory", 410)[0] == 0
    assert Path("s.npz").read_bytes() == first


TINY_MAP = (
    "map", "--width", 2, "--depth", 3, "--parameters", "0.2:0.8:3", "--betas", "0,0.5,1", "--draws", 2, "--inputs", 2,
    "--seed", SEED, "--out", "m.npz",
)  # fmt: skip


def test_map_writes_arrays_and_a_picture(command, tmp_path):
    code, out, err = command(*TINY_MAP)
    assert code == 0
    assert out[0].startswith("3 values of hurst, 3 of beta, 2 draws x 2 inputs: ")
    assert out[1:] == ["written: m.npz", "written: m.png"]
    assert err[0].startswith("theory-check map: about ")
    assert all(line.startswith("theory-check map, 3 x 3 points: ") for line in err[1:])
    assert names(tmp_path) == ["m.npz", "m.png"]
    found = read_map(Path("m.npz"))
    expected = run_map(found.specification, int(SEED))
    for name, column in expected.values.items():
        np.testing.assert_array_equal(found.values[name], column)
    assert command(*TINY_MAP, "--no-gradients")[0] == 0
    assert sorted(read_map(Path("m.npz")).values) == ["log_displacement", "log_norm_ratio"]


def test_an_interrupted_map_goes_on(command, interrupt, tmp_path):
    kept = interrupt(*TINY_MAP, after=2)
    assert len(names(tmp_path)) == 3
    assert command(*TINY_MAP)[0] == 0
    # Three values with two draws each; what was kept is not simulated again.
    assert len(kept) == 6
    assert names(tmp_path) == ["m.npz", "m.png"]
