from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from theory_check import strategies
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.processes import PROCESSES, piece_of_layer
from theory_check.networks.weight_laws import LAWS
from theory_check.networks.weights import WEIGHTS, Weights, process_names


@given(strategies.weight_processes())
def test_weights_of_a_process_are_read_back(weights):
    assert Weights.parse(str(weights)) == weights


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_registered_processes_are_complete(process):
    assert WEIGHTS.find(process.name) is process
    assert WEIGHTS.names.count(process.name) == process_names().count(process.name) == 1
    assert process.summary
    assert set(process.ranges) == set(process.defaults)
    assert process.whole <= set(process.defaults)
    assert all(process.ranges[k][0] < v < process.ranges[k][1] for k, v in process.defaults.items())
    weights = Weights(process.name)
    assert weights == Weights.parse(process.name)
    assert weights.process is process
    assert str(weights) == process.name
    assert weights.inner == weights
    assert (weights.entry_variance, weights.kurtosis) == (1.0, 3.0)
    # Bounds on moments of the network that need independent layers must not be used.
    assert not weights.is_dominated_by_gaussian
    assert weights.constants.size == 0


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_independent_weights_are_white(law):
    weights = Weights(law.name)
    assert weights.process is None
    assert weights.covariance(3).tolist() == np.eye(3).tolist()
    assert weights.autocovariance(3).tolist() == [1.0, 0.0, 0.0]


@given(strategies.weight_processes(), st.integers(1, 40))
def test_covariances_are_correlations(weights, depth):
    # Steps of a whole period have no increments.
    assume(weights.law != "periodic-increments" or 1.0 / depth < 0.9 * dict(weights.parameters)["period"])
    covariance = weights.covariance(depth)
    # Correlations are good to 1e-12, and so are eigenvalues but for a factor of the depth.
    assert np.all(np.diag(covariance) == 1.0)
    assert np.array_equal(covariance, covariance.T)
    assert np.abs(covariance).max() <= 1.0 + 1e-12
    assert np.linalg.eigvalsh(covariance)[0] >= -1e-12 * depth
    if weights.process.stationary:
        assert covariance[0].tolist() == weights.autocovariance(depth).tolist()


@pytest.mark.parametrize("weights", [Weights(p.name) for p in PROCESSES], ids=str)
def test_markov_processes_are_those_whose_past_says_no_more_than_the_present(weights):
    """Partial correlations of layers that are not neighbours vanish: the inverse covariance is tridiagonal."""
    covariance = weights.covariance(30)
    if np.linalg.matrix_rank(covariance) < 30:
        # Layers that repeat: equal or independent of the layer before.
        markov = bool(np.all(np.isin(covariance, (0.0, 1.0))))
    else:
        markov = bool(np.abs(np.triu(np.linalg.inv(covariance), 2)).max() < 1e-9)
    assert weights.process.markov == markov


REGULAR = [f"fgn:hurst={h}" for h in (0.02, 0.2, 0.5, 0.8, 0.99)] + [
    "smooth", "smooth-increments", "matern:nu=0.3", "matern-increments:nu=0.3", "matern", "matern-increments",
    "matern-increments:nu=2.5", "periodic", "periodic-increments", "ou", "ou-increments", "tied",
]  # fmt: skip


@pytest.mark.parametrize("text", REGULAR)
def test_the_regularity_of_a_process_is_that_of_its_increments(text):
    """E (X_{2t} - X_t)^2 scales as t^(2 min(regularity, 1)): the slope between 64 and 128 steps of 10^-6."""
    weights = Weights.parse(text)
    rho = weights.process.autocovariance(dict(weights.parameters), 10**6, 129)
    if weights.process.increments:

        def structure(m):
            return m + 2 * float(np.sum((m - np.arange(1, m)) * rho[1:m]))
    else:

        def structure(m):
            return 2.0 * (1.0 - rho[m])

    regularity = weights.process.regularity(dict(weights.parameters))
    if text == "tied":
        assert structure(128) == 0.0
        assert regularity == math.inf
        return
    slope = math.log2(structure(128) / structure(64)) / 2
    # The next term is smaller by a power of 128e-6 / 0.1: 2 - 2 nu = 1.4 at nu = .3, and for nu = 1.5, 2 nu - 2 = 1.
    # Values: 1 - k cancels to 1e-16 / 1e-7.
    assert slope == pytest.approx(min(regularity, 1.0), abs=2e-3)


@given(st.integers(1, 50), st.integers(1, 300))
def test_pieces_are_equally_long(pieces, depth):
    piece = piece_of_layer(pieces, np.arange(depth), depth)
    times = np.arange(depth) / depth
    # k/L in [j/pieces, (j + 1)/pieces), but for the rounding of the quotients.
    assert np.all((piece - 1e-9 <= times * pieces) & (times * pieces < piece + 1 - 1e-9))
    assert piece[0] == 0
    counts = np.bincount(piece, minlength=min(pieces, depth))
    assert counts.max() - counts[: piece[-1]].min(initial=counts.max()) <= 1 or pieces > depth
    assert Weights.parse("piecewise:pieces=1").covariance(4).tolist() == Weights("tied").covariance(4).tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fgn:hurst=1", "hurst of fgn weights is 1; it must be between 0 and 1"),
        ("fgn:hurst=0", "hurst of fgn weights is 0; it must be between 0 and 1"),
        ("fgn:h=0.5", "unknown parameter of fgn weights 'h'; accepted: hurst, variance"),
        ("smooth:length=-1", "length of smooth weights is -1; it must be between 1e-06 and 1e\\+06"),
        ("smoth", "did you mean smooth"),
        ("matern:nu=20", "nu of matern weights is 20; it must be between 0.01 and 10"),
        ("piecewise:pieces=2.5", "pieces of piecewise weights is 2.5; it must be a whole number"),
        ("piecewise:pieces=0", "pieces of piecewise weights is 0; it must be between 0 and 1e\\+08"),
        ("tied:length=1", "unknown parameter of tied weights 'length'"),
    ],
)
def test_refused_processes(text, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        Weights.parse(text)
    assert "\n" not in str(caught.value)


def test_pieces_have_no_autocovariance():
    with pytest.raises(SpecificationError, match="piecewise weights are not stationary"):
        Weights("piecewise").autocovariance(10)
