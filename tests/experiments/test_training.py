from __future__ import annotations

import math
import struct
from dataclasses import replace

import numpy as np
import pytest

from theory_check.data.data_set import DataSet
from theory_check.experiments.optimisers import Optimiser
from theory_check.experiments.spelling import training
from theory_check.experiments.workload import Workload
from theory_check.foundation.errors import SpecificationError

BASE = training(depth=20, epochs=3, validation_share=0.2)


def test_what_determines_values_is_in_the_identity_and_what_is_observed_is_not():
    changes = {
        "learning_rate": 2e-3, "rate_power": -0.5, "decay": 0.1, "decay_after": 2, "batch": 64, "epochs": 4,
        "trains_ends": False, "trained_scaling": "layers", "validation_share": 0.1, "precision": "double",
        "optimiser": Optimiser("momentum"), "network": replace(BASE.network, width=29),
        "weights": replace(BASE.weights, variance="he"), "weights_power": -0.5, "loss": "square",
    }  # fmt: skip
    identities = [replace(BASE, **{name: value}).identity for name, value in changes.items()]
    assert len({BASE.identity, *identities}) == len(changes) + 1
    with_inner = training("res-3", depth=10)
    assert replace(with_inner, has_outer=False).identity != with_inner.identity
    for observed in ({"lags": (1,)}, {"entries": ((0, 1),)}):
        other = replace(BASE, **observed)
        assert other.identity == BASE.identity
        assert other.content_hash != BASE.content_hash
    assert set(changes) | {"has_outer", "data", "lags", "entries"} == set(BASE.__dataclass_fields__)


def write_mnist(folder, seed):
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for name, count in (("train", 30), ("t10k", 7)):
        images = struct.pack(">HBB3I", 0, 8, 3, count, 5, 5) + rng.integers(0, 256, 25 * count, np.uint8).tobytes()
        labels = struct.pack(">HBBI", 0, 8, 1, count) + rng.integers(0, 10, count, np.uint8).tobytes()
        (folder / f"{name}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(labels)
    return DataSet.parse(str(folder))


def test_the_values_of_the_examples_count_and_not_where_they_are(tmp_path):
    first, copy, other = (write_mnist(tmp_path / name, seed) for name, seed in (("a", 1), ("mnist", 1), ("c", 2)))
    identities = [replace(BASE, data=data).identity for data in (first, copy, other)]
    assert identities[0] == identities[1] != identities[2]
    # Six of thirty for validation, the given test set.
    assert replace(BASE, data=first).split == (24, 6, 7)


def test_the_split_of_the_digits():
    # A fifth of 1797 to test, rounded up, and a fifth of the others to validate.
    assert BASE.split == (1150, 287, 360)
    assert replace(BASE, validation_share=0.0).split == (1437, 0, 360)
    assert (BASE.batches, BASE.layers) == (9, 20 * 3 * 9)


def test_trainings_of_one_identity_are_merged_and_cut_back():
    first, second = replace(BASE, lags=(2,), entries=((1, 2),)), replace(BASE, lags=(1, 4), entries=((0, 0), (1, 2)))
    ((union, most),) = Workload.of([(first, 2), (second, 5)]).merged.values()
    assert (union.lags, union.entries, most) == ((1, 2, 4), ((0, 0), (1, 2)), 5)
    values = {
        "outer_variations": np.arange(12.0).reshape(1, 2, 2, 3), "outer_entries": np.arange(80.0).reshape(1, 2, 2, 20),
        "loss": np.ones((1, 3)),
    }  # fmt: skip
    cut = union.restrict(values, first)
    np.testing.assert_array_equal(cut["outer_variations"], values["outer_variations"][..., [1]])
    np.testing.assert_array_equal(cut["outer_entries"], values["outer_entries"][:, :, [1]])
    np.testing.assert_array_equal(cut["loss"], values["loss"])


def test_the_rate_of_the_residual_layers_follows_the_depth():
    assert training(depth=100, learning_rate=0.3, rate_power=-0.5).residual_rate == pytest.approx(0.03)


@pytest.mark.parametrize("power", [-4, -0.5, 0, 1.6, 4])
def test_powers_that_theory_takes_are_accepted(power):
    experiment = training(depth=100, rate_power=power, weights_power=power)
    assert experiment.residual_rate == pytest.approx(1e-3 * 100.0**power)
    assert experiment.initial_factor == pytest.approx(100.0**power)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"branch": "res-2"}, "branch is res-2; training accepts branches without a bias"),
        ({"learning_rate": 0.0}, "learning rate must be positive and finite, got 0.0"),
        ({"rate_power": -7}, "rate power must lie between -4 and 4, got -7.0; roundings or overflows decide beyond"),
        ({"weights_power": 4.5}, "weights power must lie between -4 and 4, got 4.5; roundings or overflows decide"),
        ({"rate_power": "1"}, "rate power must be a real number between -4 and 4, got '1'"),
        ({"lags": None}, "lags is None; it must be a sequence"),
        ({"learning_rate": float("nan")}, "learning rate must be a positive real number, got NaN"),
        ({"epochs": 0}, "number of epochs is 0"),
        ({"batch": 0}, "batch size is 0"),
        ({"validation_share": 0.6}, "validation share must lie between 0 and 0.5, got 0.6"),
        ({"precision": "half"}, "unknown precision 'half'"),
        ({"trained_scaling": "all"}, "unknown trained scaling 'all'"),
        ({"optimiser": "sgd"}, "unknown optimiser 'sgd'; accepted: gradient-descent, momentum, adam"),
        ({"optimiser": "adam:beta1=1"}, "beta1 of adam is 1; it must be at least 0 and below 1"),
        ({"optimiser": "adam:epsilon=0"}, "epsilon of adam is 0; it must be positive"),
        ({"optimiser": "momentum:beta1=0.9"}, "unknown parameter of momentum 'beta1'"),
        ({"lags": (11,)}, "depth is 20; variations at lag 11 take a depth of at least 22"),
        ({"lags": (0,)}, "lag of a variation is 0; it must be a whole number from 1 to 10"),
        ({"depth": 3}, "depth is 3; variations at lag 2 take a depth of at least 4"),
        ({"lags": (2, 1)}, r"lags \(2, 1\) and entries \(\) must be different and increase"),
        ({"entries": ((0, 30),)}, "index of an entry is 30"),
        ({"data": "mnist"}, "mnist is neither digits nor a folder"),
        ({"width": 1000, "depth": 1000}, "needs 30.3 GiB; it may need 2"),
        ({"has_outer": False}, "branch res-1 without V has no weights; res-3 has W"),
        ({"loss": "hinge"}, "unknown loss 'hinge'"),
        ({"weights_power": math.inf}, "weights power must lie between -4 and 4, got inf"),
    ],
)
def test_wrong_trainings(arguments, message):
    with pytest.raises(SpecificationError, match=message):
        training(**{"depth": 20, **arguments})


def test_optimisers_are_read_and_spelled():
    adam = Optimiser.parse("adam:beta1=0.8")
    assert (adam["beta1"], adam["beta2"], str(adam)) == (0.8, 0.999, "adam:beta1=0.8")
    assert str(Optimiser()) == "adam"
    assert Optimiser.parse("momentum") == Optimiser("momentum", (("momentum", 0.9),))
