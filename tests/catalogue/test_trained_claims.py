"""Observables of the claims on trained networks, on columns made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from theory_check.catalogue.trainability import best_of, rank_correlation
from theory_check.catalogue.trained_scales import RULES, exponents
from theory_check.catalogue.trained_weights import change, fooled, power_of_depth, roughness
from theory_check.claims.observables import column
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import training
from theory_check.inference import drifted_index, quadratic_variations

#: Exact up to the roundings of a few logarithms and sums of numbers near 1.
ROUNDING = 1e-12

TRAINED = training(width=4, depth=4, epochs=1)


def sample(**columns):
    return Sample(TRAINED, 0, {name: np.asarray(values) for name, values in columns.items()}, 0.0)


def test_roughness_reads_the_weights_and_the_order_that_it_says():
    # Variations 1 and 4^H at lags 1 and 2, with an H of its own for each of before, after and both orders.
    hursts = np.array([[0.2, 0.3], [0.6, 0.9]])
    made = [sample(outer_variations=np.stack([np.ones((2, 2)), 4.0**hursts], axis=-1)[None])]
    for trained in (False, True):
        for order in (1, 2):
            expected = hursts[int(trained), order - 1]
            assert roughness("outer", trained, order)(made)[0] == pytest.approx(expected, abs=ROUNDING)
    assert change("outer", 2)(made)[0] == pytest.approx(0.6, abs=ROUNDING)


def test_a_drift_of_the_predicted_size_leaves_nothing():
    hurst, tau = 0.4, 0.7
    variations = np.ones((1, 2, 2, 2))
    # A movement without correlation to the weights: the mean square grows by tau^2.
    variations[0, 0, 0, 1] = 4.0**hurst
    variations[0, 1, 0] = (1.0 + tau**2) * np.array([1.0, 4.0 ** drifted_index(hurst, tau)])
    made = [sample(outer_variations=variations, outer_movement=[tau])]
    assert fooled()(made)[0] == pytest.approx(0.0, abs=ROUNDING)
    # The mistakes: half of log2 of (4^H + 2 tau^2) / (1 + tau^2), and tau for tau^2.
    half = 0.5 * math.log2((4.0**hurst + 2 * tau**2) / (1 + tau**2))
    assert fooled(factor=2.0)(made)[0] == pytest.approx(drifted_index(hurst, tau) - half, abs=ROUNDING)
    plain = 0.5 * math.log2((4.0**hurst + 4 * tau) / (1 + tau))
    drift = fooled(drift=column("outer_movement"))
    assert drift(made)[0] == pytest.approx(drifted_index(hurst, tau) - plain, abs=ROUNDING)


def test_a_smooth_movement_that_follows_the_weights_is_predicted_by_the_growth_of_the_mean_square():
    # Weights of constant sign along the layers and a constant movement: <V, M> is not 0, and its part grows fourfold.
    noise = np.abs(np.random.default_rng(5).standard_normal((3, 401)))
    before, after = [quadratic_variations(path, order=1) for path in (noise, noise + 0.3)]
    variations = np.stack([np.stack([v, v]) for v in (before, after)])[None]
    made = [sample(outer_variations=variations, outer_movement=[0.3 / math.sqrt(before[0])])]
    # Lag 2 has one position less: an end of 401 layers.
    assert abs(fooled()(made)[0]) < 2e-3
    assert abs(fooled(drift=column("outer_movement") ** 2)(made)[0]) > 0.01


def descended(depth, steps, width=12, inputs=8):
    """Movements of smooth V and W of res-3 networks at beta = 1 under gradient descent, by NumPy."""
    rng = np.random.default_rng(0)
    waves = np.exp(2.5j * np.outer(np.arange(depth) / depth, np.arange(1, 5)))
    waves = np.concatenate([waves.real, waves.imag], axis=1) / math.sqrt(4 * width)
    start = np.tensordot(waves, rng.standard_normal((8, 2, width, width)), 1)
    V, W = start[:, 0].copy(), start[:, 1].copy()
    x, y, C = rng.standard_normal((width, inputs)), rng.standard_normal((3, inputs)), rng.standard_normal((3, width))
    for _ in range(steps):
        states, values, h = [], [], x
        for v, w in zip(V, W, strict=True):
            states.append(h)
            values.append(np.maximum(w @ h, 0.0))
            h = h + v @ values[-1] / depth
        p = C.T @ (C @ h / width - y / math.sqrt(width)) / inputs
        for k in reversed(range(depth)):
            q = (V[k].T @ p) * (values[k] > 0.0)
            V[k] -= 0.5 * p @ values[k].T
            p, W[k] = p + W[k].T @ q / depth, W[k] - 0.5 * q @ states[k].T
    return V - start[:, 0], W - start[:, 1]


def test_gradient_descent_moves_v_without_jumps_in_its_first_step_alone():
    def powers(steps):
        """Power of depth of the second differences of the movements of V and W."""
        ends = [[np.std(np.diff(m, 2, axis=0)) for m in descended(depth, steps)] for depth in (64, 256)]
        return np.log(np.divide(*ends[::-1])) / math.log(4.0)

    # Roots of mean squares: a share 1/L of the layers has a kink of size 1/L, or a jump of size 1. The tolerance is two
    # thirds of half of what these are apart.
    assert powers(1) == pytest.approx([-1.5, -0.5], abs=0.33)
    assert powers(10) == pytest.approx([-0.5, -0.5], abs=0.33)


def test_a_power_of_depth_is_that_of_the_pair():
    made = [sample(outer_movement=[1.0, 2.0]), sample(outer_movement=[1.0 / 8.0, 2.0])]
    ends = [column("outer_movement", place) for place in range(2)]
    np.testing.assert_allclose(power_of_depth(ends, (16, 128))(made), [-1.0, 0.0], atol=ROUNDING)


def test_rank_correlation_is_spearmans_with_ties():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((5, 8)), np.round(rng.standard_normal((5, 8)))
    found = rank_correlation(column("x"), column("y"))([sample(x=x, y=y)])
    np.testing.assert_allclose(found, [spearmanr(a, b)[0] for a, b in zip(x, y, strict=True)], atol=ROUNDING)


def test_the_best_rate_is_chosen_cell_by_cell_by_what_is_not_tested():
    tested = {"a": [[0.1, 0.2], [0.3, 0.4]], "b": [[0.5, 0.6], [0.7, 0.8]]}
    seen = {"c": [[1.0, 0.0], [0.0, 1.0]], "d": [[0.0, 1.0], [1.0, 0.0]]}
    best = best_of([column(name) for name in tested], [column(name) for name in seen])
    np.testing.assert_array_equal(best([sample(**tested, **seen)]), [[0.1, 0.6], [0.7, 0.4]])


def test_exponents_of_scale_movement_and_roughness():
    # Factor L^-1/4, movement L^-1/4 and its increments L^-3/4 of the movement's size, from depth 16 to 256.
    made = [
        sample(scaling=[length**-0.25], inner_movement=[length**-0.25], inner_increments=[[1.0, 1.0, length**-1.0]])
        for length in (16, 256)
    ]
    found = {name: observable(made)[0] for name, observable in exponents((16, 256)).items()}
    for name, (exponent, _) in RULES["identity", "shared", "gradient-descent"].items():
        assert found[name] == pytest.approx(exponent, abs=ROUNDING)
    # 1/2 - 1/16 and 1/4 - 1/256.
    assert found["growth"] == pytest.approx(math.log((63 / 256) / (7 / 16)) / math.log(16), abs=ROUNDING)


def test_exponents_of_scale_and_movement_change_the_output_by_order_one():
    # L times the factor, L^-1/2 for the weights' size, and the movement in its unit.
    for rule in RULES.values():
        if {"scale", "movement"} <= rule.keys():
            assert 1.0 + rule["scale"][0] - 0.5 + rule["movement"][0] == 0.0
