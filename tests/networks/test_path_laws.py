from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.gaussian_series import REMAINDER
from theory_check.networks.path_laws import PathLaw, path_names

EVERYWHERE = ["tied", "smooth", "smooth:length=0.03", "smooth:length=2", "periodic", "periodic:length=0.2,period=0.7"]
ON_A_GRID = ["ou", "matern", "matern:nu=0.25", "matern:nu=2.5,length=0.3"]


def lags(times):
    return times[:, None] - times


@pytest.mark.parametrize("text", EVERYWHERE)
def test_series_have_their_correlation_at_any_times(text):
    law, times = PathLaw.parse(text), np.random.default_rng(1).random(40)
    functions = law.functions(np.append(times, [0.0, 0.5, 1.0]))
    times = np.append(times, [0.0, 0.5, 1.0])
    # Logarithms of terms of up to 1e4 in size are rounded: a relative error of 1e4 times 1e-16.
    np.testing.assert_allclose(functions.T @ functions, law.correlation(lags(times)), atol=1e-12)
    assert law.everywhere


@pytest.mark.parametrize("text", EVERYWHERE + ON_A_GRID)
def test_grids_have_their_correlation(text):
    law = PathLaw.parse(text)
    functions = law.grid_functions(50)
    np.testing.assert_allclose(functions.T @ functions, law.correlation(lags(np.arange(50) / 50)), atol=1e-12)


@pytest.mark.parametrize("text", ON_A_GRID)
def test_grids_have_the_only_root_that_is_symmetric_and_positive(text):
    """Any other root depends on the signs and the order of eigenvectors, which libraries choose."""
    functions = PathLaw.parse(text).grid_functions(50)
    # Rounding of a sum of 50 products of numbers of at most 1: 50 * 1.1e-16.
    np.testing.assert_allclose(functions, functions.T, rtol=0, atol=1e-14)
    # The norm of the root is at most sqrt(50): eigenvalues are rounded by 50 * 1.1e-16 * 7.1 = 4e-14.
    assert np.linalg.eigvalsh(functions).min() >= -1e-13


@pytest.mark.parametrize("length", [0.03, 0.1, 0.5])
def test_the_smooth_series_stops_where_it_may_and_not_before(length):
    terms = len(PathLaw("smooth", (("length", length),)).functions(np.zeros(1)))
    # The rest at the ends of [0, 1], where it is largest, is a tail of a Poisson law of mean 1/(4 length^2).
    tail = stats.poisson(0.25 / length**2).sf
    assert tail(terms - 1) <= REMAINDER < tail(terms - 2)


@pytest.mark.parametrize("length", [0.1, 1.0])
def test_the_periodic_series_leaves_nothing_out(length):
    functions = PathLaw("periodic", (("length", length),)).functions(np.zeros(1))
    smallest = np.abs(functions[functions != 0.0]).min()
    # Cosines at time 0 are the amplitudes: the last one squared, twice a coefficient, is just above the bound, and
    # coefficients fall by less than a factor of z / (n + 1), below 1e4 here, from one to the next.
    assert REMAINDER / 4 < smallest**2 < 1e4 * REMAINDER


def test_matern_correlations_of_half_integers():
    x = np.linspace(0.0, 1.0, 21)
    for nu, polynomial in ((0.5, lambda y: 1.0), (1.5, lambda y: 1.0 + y), (2.5, lambda y: 1.0 + y + y**2 / 3)):
        y = math.sqrt(2 * nu) * x / 0.2
        law = PathLaw("matern", (("nu", nu), ("length", 0.2)))
        np.testing.assert_allclose(law.correlation(x), polynomial(y) * np.exp(-y), rtol=1e-12)
        assert law.smoothness == nu
    ou = PathLaw.parse("ou:length=0.2")
    np.testing.assert_allclose(ou.correlation(x), np.exp(-x / 0.2), rtol=1e-14)
    assert ou.smoothness == 0.5
    assert PathLaw().smoothness == math.inf


@given(st.sampled_from(path_names()), st.floats(0.05, 10))
def test_spellings_are_read_back(name, value):
    law = PathLaw(name, tuple((key, value) for key in PathLaw(name).process.defaults))
    assert PathLaw.parse(str(law)) == law
    assert law.correlation(np.zeros(1)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rough", "unknown path 'rough'"),
        ("smooth:nu=1", "unknown parameter of smooth paths 'nu'; accepted: length"),
        ("smooth:length=0.001", r"length of smooth paths is 0\.001; it must be between 0\.02 and 1e\+06"),
        ("smooth:length=long", "length of smooth paths is 'long'"),
    ],
)
def test_other_spellings_are_refused(text, message):
    with pytest.raises(SpecificationError, match=message):
        PathLaw.parse(text)


@pytest.mark.parametrize("text", ON_A_GRID)
def test_rough_paths_are_not_known_between(text):
    law = PathLaw.parse(text)
    assert not law.everywhere
    with pytest.raises(SpecificationError, match="known on a grid only"):
        law.functions(np.zeros(1))
