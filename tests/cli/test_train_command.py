"""``theory-check train`` end to end, on small settings."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command_line import names

from theory_check.experiments.spelling import training
from theory_check.simulation.runner import simulate

SMALL = ("train", "--width", 6, "--depth", 5, "--epochs", 2, "--replicates", 3, "--seed", 5, "--out", "t.npz")
FILES = ["t.csv", "t.npz", "t.png"]


def test_train_writes_columns_curves_and_a_picture(command, tmp_path):
    code, out, err = command(
        *SMALL, "--entries", "0:1,5:5", "--optimiser", "momentum", "--learning-rate", 0.01, "--branch", "res-3",
        "--weights", "fgn:hurst=0.7", "--rate-power", -0.5, "--decay", 0.1, "--decay-after", 1, "--freeze-ends",
        "--trained-scaling", "shared", "--activation", "tanh", "--beta", 0.7,
    )  # fmt: skip
    assert code == 0
    assert out[0].startswith("res-3 tanh, width 6, depth 5, beta 0.7, fgn weights, 2 epochs on digits by momentum")
    assert out[-3:] == ["written: t.npz", "written: t.csv", "written: t.png"]
    assert err[0].startswith("theory-check train: about ")
    assert all(line.startswith("theory-check train, 3 seeds: ") for line in err[1:])
    assert names(tmp_path) == FILES
    experiment = training(
        "res-3", "fgn:hurst=0.7", activation="tanh", width=6, depth=5, beta=0.7, epochs=2, optimiser="momentum",
        learning_rate=0.01, rate_power=-0.5, decay=0.1, decay_after=1, trains_ends=False, trained_scaling="shared",
        validation_share=0.2, entries=((0, 1), (5, 5)),
    )  # fmt: skip
    with np.load("t.npz", allow_pickle=False) as stored:
        spec = json.loads(str(stored["spec"]))
        expected = simulate(experiment, 3, 5).values
        assert set(stored.files) == {"spec", *expected}
        for name, column in expected.items():
            np.testing.assert_array_equal(stored[name], column)
    assert (spec["seed"], spec["replicates"], spec["training"]["data"]["name"]) == (5, 3, "digits")
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 3


def test_threads_change_no_byte_and_an_interrupted_command_goes_on(command, interrupt, tmp_path):
    assert command(*SMALL, "--threads", 2)[0] == 0
    expected = [(tmp_path / name).read_bytes() for name in FILES]
    for name in FILES:
        (tmp_path / name).unlink()

    interrupt(*SMALL)
    assert len(names(tmp_path)) >= 2
    assert command(*SMALL, "--threads", 1)[0] == 0
    assert [(tmp_path / name).read_bytes() for name in FILES] == expected
    assert names(tmp_path) == FILES


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--branch", "res-2"), "branch is res-2; training accepts branches without a bias"),
        (("--data", "mnits"), "mnits is neither digits nor a folder with files like those of MNIST"),
        (("--optimiser", "rmsprop"), "unknown optimiser 'rmsprop'; accepted: gradient-descent, momentum, adam"),
        (("--learning-rate", "-1"), "learning rate must be positive and finite, got -1.0"),
        (("--validation", "0.9"), "validation share must lie between 0 and 0.5, got 0.9"),
        (("--entries", "1"), "entries '1' must be pairs I:J separated by commas"),
        (("--entries", "0:6"), "index of an entry is 6; it must be a whole number from 0 to 5"),
        (("--epochs", 0), "number of epochs is 0"),
        (("--replicates", 0), "number of replicates is 0"),
        (("--out", "t.png"), "t.png: give a file whose name ends in .npz"),
        (("--out", "missing/t.npz"), "--out missing/t.npz: give the path of a file in an existing folder"),
    ],
    ids=str,
)
def test_bad_input_of_train(refusal, arguments, message):
    assert message in refusal(*SMALL, *arguments)


def test_a_folder_without_a_file_is_an_input_error(command, tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte").touch()
    code, out, err = command(*SMALL, "--data", folder)
    assert (code, out, len(err)) == (74, [], 1)
    assert "has no file train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz" in err[0]


def test_one_seed_is_counted_as_one(command):
    code, out, _ = command(
        "train", "--width", 3, "--depth", 5, "--epochs", 1, "--replicates", 1, "--threads", 1, "--out", "one.npz"
    )
    assert code == 0
    assert ": 1 seed, " in out[0]
    assert out[1].endswith("; 0 of 1 training diverged")
