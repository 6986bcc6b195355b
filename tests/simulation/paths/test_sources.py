"""The law of weight paths, exactly, and that a path is the same whatever is asked for."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gaussian_laws import correlation_failure, failures
from hypothesis import assume, given
from hypothesis import strategies as st

from theory_check import strategies
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.streams import Purpose
from theory_check.networks.covariance_factors import circulant_spectrum, embedding_size
from theory_check.networks.covariances import fractional_noise
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.processes import PROCESSES
from theory_check.networks.weights import Weights
from theory_check.simulation.paths import writers
from theory_check.simulation.paths.sources import open_paths
from theory_check.simulation.paths.writers import bridge_steps

KEY = np.array([20240305, 7], np.uint32)

# Error probability of every check of a law; there are fewer than 100 of them.
LEVEL = 1e-9

#: Layers of a depth of 1000 that are looked at: neighbours at first, then ever farther, to the last.
DEEP = np.array([*range(40), *range(47, 1000, 48), 999])
ALL = np.arange(100)


def unit_paths(weights, depth, layers, *, width=64, replicate=0):
    """Paths of the entries of a matrix, one a row, in units of their deviation."""
    source = open_paths(weights, width, depth, KEY, replicate, Purpose.OUTER_WEIGHTS)
    gain = weights.gain if isinstance(weights, Weights) else 1.0
    return source.layers(0, depth)[layers].reshape(len(layers), -1).T * np.sqrt(width / gain)


#: A process and its nearest wrong variants: Hurst index off by 0.02, length off by 5%, values for increments.
LAWS = [
    *[(f"fgn:hurst={h}", [f"fgn:hurst={w}"]) for h, w in ((0.02, 0.04), (0.2, 0.18), (0.35, 0.37), (0.65, 0.63))],
    ("fgn:hurst=0.5", ["fgn:hurst=0.48", "fgn:hurst=0.52"]),
    ("fgn:hurst=0.8", ["fgn:hurst=0.78", "fgn:hurst=0.82"]),
    ("fgn:hurst=0.99,variance=he", ["fgn:hurst=0.97"]),
    ("smooth", ["smooth:length=0.105", "smooth:length=0.095", "smooth-increments"]),
    ("smooth:length=0.01", ["smooth:length=0.0105"]),  # by the Fourier transform
    ("smooth-increments", ["smooth-increments:length=0.105", "smooth-increments:length=0.095", "smooth"]),
    ("matern", ["matern:length=0.105", "matern:nu=1.6"]),
    ("matern:nu=0.7,length=1", ["matern:nu=0.7,length=1.05"]),  # by a longer embedding
    ("matern-increments", ["matern-increments:length=0.105", "matern"]),
    ("periodic:variance=pytorch", ["periodic:length=1.05", "periodic:period=1.05", "periodic-increments"]),
    ("periodic-increments", ["periodic-increments:length=1.05", "periodic"]),
    ("ou", ["ou:length=0.105", "ou:length=0.095", "ou-increments"]),
    ("piecewise:pieces=30", ["piecewise:pieces=31", "tied"]),
    ("tied", ["piecewise:pieces=2", "smooth:length=3"]),
]


@pytest.mark.parametrize(("text", "wrong"), LAWS, ids=[text for text, _ in LAWS])
def test_paths_have_the_law_of_the_process_and_no_other(text, wrong):
    weights, others = Weights.parse(text), [Weights.parse(other) for other in wrong]
    paths = unit_paths(weights, 1000, DEEP)
    right, *far = (w.covariance(1000)[np.ix_(DEEP, DEEP)] for w in (weights, *others))
    assert failures(paths, right, alpha=LEVEL, others=far) == []
    for other, covariance in zip(others, far, strict=True):
        assert failures(paths, covariance, alpha=LEVEL, others=[right]), f"taken for {other}"


def test_increments_of_a_markov_process():
    # Nearly white; only the sums over many layers tell the length, so all layers of a shallower network are looked at.
    weights = Weights("ou-increments")
    paths = unit_paths(weights, 100, ALL, width=100)
    right = weights.covariance(100)
    for other in ("ou-increments:length=0.105", "ou-increments:length=0.095", "ou"):
        wrong = Weights.parse(other).covariance(100)
        assert failures(paths, right, alpha=LEVEL, others=[wrong]) == []
        assert failures(paths, wrong, alpha=LEVEL, others=[right]), f"taken for {other}"


def test_a_process_by_its_covariance_has_that_law():
    layers = ALL[1:]
    brownian = CovarianceProcess(name="brownian", covariance=np.minimum)
    paths = unit_paths(brownian, 100, layers)
    right = np.minimum(layers[:, None], layers) / 100
    wrong = right**1.05
    assert failures(paths, right, alpha=LEVEL, others=[wrong]) == []
    assert failures(paths, wrong, alpha=LEVEL, others=[right])


def generated(spectrum, depth, paths):
    """Paths from a spectrum as the generator of fractional noise makes them."""
    out = np.empty((depth, paths), np.float32)
    writers._transforms(np.sqrt(spectrum / len(spectrum)), 1.0, (KEY, 0, 0)).write(0, out)
    return out.T


@pytest.mark.parametrize("hurst", [0.6, 0.97])
def test_eigenvalue_0_in_the_place_of_eigenvalue_n_is_refuted(hurst):
    depth, correlations = 100, fractional_noise(hurst, 101)
    lags = ALL[:, None] - ALL
    right = correlations[np.abs(lags)]
    spectrum = circulant_spectrum(correlations)
    # The mistake adds one frequency, that of alternating signs.
    wrong = right + (spectrum[0] - spectrum[depth]) / len(spectrum) * (-1.0) ** lags
    assert failures(generated(spectrum, depth, 4096), right, alpha=LEVEL, others=[wrong]) == []
    spectrum[depth] = spectrum[0]
    paths = generated(spectrum, depth, 4096)
    assert failures(paths, wrong, alpha=LEVEL, others=[right]) == []
    assert failures(paths, right, alpha=LEVEL, others=[wrong])


def test_an_extra_zero_in_the_row_is_refuted():
    # At H = 0.97 and the depth of the published experiments; at 0.8 it does no harm.
    depth, correlations = 1000, fractional_noise(0.97, 1000)
    spectrum = np.fft.fft(np.concatenate([correlations, [0.0], correlations[:0:-1]])).real
    right = correlations[np.abs(DEEP[:, None] - DEEP)]
    paths = generated(np.maximum(spectrum, 0.0), depth, 4096)[:, DEEP]
    assert "total" in failures(paths, right, alpha=LEVEL)


@pytest.mark.parametrize("text", ["fgn:hurst=0.8", "fgn:hurst=0.1", "smooth", "ou", "tied", "matern"])
def test_entries_matrices_and_replicates_are_independent(text):
    weights, depth, last = Weights.parse(text), 50, 49

    def matrices(replicate, purpose):
        return open_paths(weights, 64, depth, KEY, replicate, purpose).layers(0, depth)

    outer = matrices(0, Purpose.OUTER_WEIGHTS)
    entries = outer.reshape(depth, -1)
    pairs = {
        "outer, inner": (outer[0], matrices(0, Purpose.INNER_WEIGHTS)[0]),
        "outer, bias": (outer[0], matrices(0, Purpose.BIAS)[0]),
        "replicates": (outer[0], matrices(1, Purpose.OUTER_WEIGHTS)[0]),
        # Neighbours are the real and the imaginary part of one transform.
        "neighbours": (entries[0, ::2], entries[0, 1::2]),
        "neighbours later": (entries[0, ::2], entries[last, 1::2]),
        "neighbours next": (entries[10, ::2], entries[11, 1::2]),
        "pairs": (entries[0, 0::4], entries[0, 2::4]),
        "groups": (entries[0].reshape(-1, 2, 64)[:, 0], entries[0].reshape(-1, 2, 64)[:, 1]),
        "rows": (outer[0, ::2], outer[0, 1::2]),
    }
    for name, (first, second) in pairs.items():
        assert not correlation_failure(first, second, alpha=LEVEL), name
        # Wrong: a correlation of 1/4 is at least 8 standard errors 1/sqrt(n) with 1024 pairs.
        mixed = second + first * np.float32(0.26)
        assert correlation_failure(first, mixed, alpha=LEVEL), name


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_any_chunk_of_layers_has_the_same_bits(process):
    weights = Weights(process.name, variance="he")
    kept = open_paths(weights, 9, 700, KEY, 3, Purpose.INNER_WEIGHTS)
    streamed = open_paths(weights, 9, 700, KEY, 3, Purpose.INNER_WEIGHTS, budget_bytes=0)
    whole = kept.layers(0, 700)
    assert kept.kept is not None
    assert streamed.kept is None
    assert not whole.flags.writeable
    for first, last in ((0, 700), (0, 1), (699, 700), (255, 257), (13, 500), (500, 513), (31, 33), (40, 40)):
        chunk = streamed.layers(first, last)
        assert chunk.shape == (last - first, 9, 9)
        assert chunk.dtype == np.float32
        assert chunk.flags.c_contiguous
        np.testing.assert_array_equal(chunk, whole[first:last])
        np.testing.assert_array_equal(chunk, kept.layers(first, last))


@given(strategies.weight_processes(), st.integers(1, 5), st.integers(1, 4), st.integers(1, 60), st.data())
def test_paths_of_any_process_and_size(weights, width, rows, depth, data):
    # Steps of a whole period have no increments.
    assume(weights.law != "periodic-increments" or 1.0 / depth < 0.9 * dict(weights.parameters)["period"])
    key = np.array([data.draw(st.integers(0, 2**32 - 1)), 5], np.uint32)
    first = data.draw(st.integers(0, depth))
    last = data.draw(st.integers(first, depth))
    source = open_paths(weights, width, depth, key, 2**32 - 1, Purpose.BIAS, rows=rows, budget_bytes=0)
    whole = source.layers(0, depth)
    assert whole.shape == (depth, rows, width)
    # The largest normal number is 6.76; sums of more have tails that no seed reaches.
    assert np.all(np.abs(whole) <= 12.0 * np.sqrt(weights.gain / width))
    np.testing.assert_array_equal(source.layers(first, last), whole[first:last])


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("fgn", "circulant embedding of length 2000"),
        ("smooth:length=0.01", "circulant embedding of length 2000"),
        ("matern:nu=0.7,length=1", "circulant embedding of length 8000"),
        ("smooth", r"factor of rank 3\d"),
        ("matern:length=100", r"factor of rank \d+"),
        ("ou", "bridges over 32 layers"),
        ("tied", "1 pieces"),
    ],
)
def test_how_paths_are_made(text, method):
    source = open_paths(Weights.parse(text), 1, 1000, KEY, 0, Purpose.OUTER_WEIGHTS, budget_bytes=0)
    assert re.fullmatch(method, source.method)


def test_entries_do_not_depend_on_the_size_of_the_matrix():
    for text in ("fgn", "smooth", "ou", "piecewise"):
        wide = open_paths(Weights(text), 10, 40, KEY, 0, Purpose.OUTER_WEIGHTS, rows=20).layers(0, 40)
        flat = open_paths(Weights(text), 10, 40, KEY, 0, Purpose.OUTER_WEIGHTS, rows=3).layers(0, 40)
        np.testing.assert_array_equal(wide[:, :3], flat)


@pytest.mark.parametrize("hurst", [0.02, 0.5, 0.99])
def test_single_precision_of_the_transform(hurst):
    """Fractional noise in double precision from the same normal numbers: the distance that the documentation states."""
    from theory_check.kernels import paths

    depth = 1000
    spectrum = np.sqrt(circulant_spectrum(fractional_noise(hurst, embedding_size(depth) + 1)) / 2000)
    assert len(spectrum) == 2000
    found = np.empty((depth, 64), np.float32)
    writers._transforms(spectrum, 1.0, (KEY, 0, 0)).write(0, found)
    ones, white = np.ones(4000, np.float32), np.empty((32, 4000), np.float32)
    paths.fill_spectra(KEY, 0, 0, 0, ones, white)
    exact = np.fft.fft(spectrum * white.view(np.complex64).astype(np.complex128), axis=1)[:, :depth]
    expected = np.stack([exact.real, exact.imag], axis=-1).transpose(1, 0, 2).reshape(depth, 64)
    # Radix-2 to radix-5 passes: the root mean square error of a transform of length 2000 is below 0.6 UNIT log2 N times
    # that of the values (Higham 2002, section 24.1, gives log2 N times a small constant as a bound); measured 1.4e-7.
    error = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
    assert error <= 0.6 * 11 * 2.0**-24


@given(st.floats(-12.0, 2.0).map(lambda x: 10.0**x), st.integers(1, 64))
def test_bridges_are_the_regression_on_both_sides(rate, length):
    steps = bridge_steps(rate, length)
    n = np.arange(length + 1)
    for i in (0, length // 2, length - 1):
        # Layers i, i + 1 and the end.
        times = np.array([i, length, i + 1], np.longdouble)
        if rate < 1e-6 or i + 1 == length:
            continue
        covariance = np.exp(-rate * np.abs(times[:, None] - times)).astype(np.float64)
        known, joint = covariance[:2, :2], covariance[2, :2]
        weights = np.linalg.solve(known, joint)
        variance = 1.0 - joint @ weights
        # Solving loses the condition number, at most 2 / (1 - q) < 3 / rate, and cancellation as much again.
        error = 100 * 2.0**-53 * (1.0 + 3.0 / rate)
        np.testing.assert_allclose(steps[i, :2], weights, atol=error)
        np.testing.assert_allclose(steps[i, 2] ** 2, variance, atol=error)
    np.testing.assert_array_equal(steps[-1], [0.0, 1.0, 0.0])
    # Unit variance is kept: E x_{i+1}^2 = 1 given E x_i end = q^s.
    s = length - n[:-1]
    a, b, c = steps.T
    np.testing.assert_allclose(a * a + b * b + 2 * a * b * np.exp(-rate * s) + c * c, 1.0, rtol=1e-14)


def test_functions_are_taken_as_they_are():
    ramp = PathFunction(name="ramp", function=lambda t: t[:, None, None] * np.arange(6.0).reshape(2, 3))
    source = open_paths(ramp, 3, 8, KEY, 0, Purpose.OUTER_WEIGHTS, rows=2, budget_bytes=0)
    expected = np.float32(np.arange(8) / 8)[:, None, None] * np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(source.layers(0, 8), expected)
    np.testing.assert_array_equal(source.layers(3, 5), expected[3:5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": Weights("uniform")}, "uniform weights are independent from layer to layer; paths are made of fgn"),
        ({"width": 0}, "width is 0"),
        ({"depth": 0}, "depth is 0"),
        ({"rows": 0}, "number of rows is 0"),
        ({"replicate": 2**32}, "replicate is 4294967296"),
        ({"weights": Weights.parse("matern:length=10"), "depth": 3000}, "vary too slowly for a Fourier transform"),
        (
            {"weights": CovarianceProcess(name="white", covariance=lambda s, t: 1.0 * (s == t)), "depth": 3000},
            "covariance white has a rank above 256 at depth 3000; use a depth up to 2048",
        ),
    ],
)
def test_refused_paths(arguments, message):
    given_values = {"weights": Weights("fgn"), "width": 2, "depth": 10, "replicate": 0, **arguments}
    with pytest.raises(SpecificationError, match=message):
        open_paths(**given_values, key=KEY, purpose=Purpose.OUTER_WEIGHTS)


@pytest.mark.parametrize(("first", "last"), [(-1, 2), (0, 11), (5, 4)])
def test_refused_layers(first, last):
    source = open_paths(Weights("fgn"), 2, 10, KEY, 0, Purpose.OUTER_WEIGHTS)
    with pytest.raises(SpecificationError, match="layer is"):
        source.layers(first, last)
