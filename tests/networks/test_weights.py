from __future__ import annotations

import math

import pytest
from hypothesis import given
from weight_laws import CONTINUOUS, DISCRETE

from theory_check import strategies
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.weight_laws import LAWS
from theory_check.networks.weights import GAINS, WEIGHTS, Weights


@given(strategies.weights())
def test_weights_are_read_back(weights):
    assert Weights.parse(str(weights)) == weights


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_registered_laws_are_complete(law):
    assert WEIGHTS.find(law.name) is law
    assert WEIGHTS.names.count(law.name) == 1
    assert law.summary
    assert set(law.ranges) == set(law.defaults)
    assert all(law.ranges[k][0] < v < law.ranges[k][1] for k, v in law.defaults.items())
    assert (law.transform is not None) == (law.kernel == "entrywise")
    assert not law.inner or law.inner in WEIGHTS.names
    assert Weights(law.name) == Weights.parse(law.name)
    assert str(Weights(law.name)) == law.name


@pytest.mark.parametrize("weights", CONTINUOUS, ids=str)
def test_moments_of_continuous_laws_are_those_of_scipy(weights):
    law = CONTINUOUS[weights]
    # SciPy's moments are closed forms or quadratures good to 1e-8; an infinite one may be given as NaN.
    variance = float(law.var())
    assert weights.entry_variance == pytest.approx(variance if math.isfinite(variance) else math.inf, rel=1e-7)
    excess = float(law.stats("k"))
    assert weights.kurtosis == pytest.approx(3.0 + excess if math.isfinite(excess) else math.inf, rel=1e-7)


@pytest.mark.parametrize("weights", DISCRETE, ids=str)
def test_moments_of_discrete_laws_are_their_sums(weights):
    atoms = DISCRETE[weights]
    second, fourth = (sum(p * x**k for x, p in atoms.items()) for k in (2, 4))
    # A dozen roundings in double precision.
    assert weights.entry_variance == pytest.approx(second, rel=1e-14)
    assert weights.kurtosis == pytest.approx(fourth / second**2, rel=1e-14)


@pytest.mark.parametrize(
    ("convention", "gain"), [("unit", 1), ("he", 2), ("glorot", 1), ("lecun", 1), ("pytorch", 1 / 3)]
)
def test_variance_conventions(convention, gain):
    """Times the width: He 2/d, Glorot 2/(d + d), LeCun 1/d; PyTorch's Linear is uniform on +-1/sqrt(d): 1/(3 d)."""
    weights = Weights.parse(f"uniform:variance={convention}")
    assert weights.gain == weights.entry_variance == gain
    assert set(GAINS) == {"unit", "he", "glorot", "lecun", "pytorch"}


def test_zero_laws_are_gaussian_inside():
    for name in ("zero", "skipinit", "rezero", "fixup"):
        weights = Weights(name, variance="he")
        assert weights.entry_variance == 0.0
        assert weights.inner == Weights("gaussian", variance="he")
    assert Weights("laplace").inner == Weights("laplace")


def test_heavy_tails():
    assert Weights.parse("student:df=2").entry_variance == math.inf
    assert Weights.parse("student:df=2.5").entry_variance == 1.0
    assert Weights.parse("student:df=4").kurtosis == math.inf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gausian", "unknown weight law 'gausian'; .*did you mean gaussian"),
        ("gaussian:df=5", "unknown parameter of gaussian weights 'df'; accepted: variance"),
        ("student:df=0.01", "df of student weights is 0.01; it must be between 0.5 and 1e\\+06"),
        ("student:df=nan", "df of student weights is nan"),
        ("student:df=five", "df of student weights is 'five'"),
        ("student:dof=5", "did you mean df"),
        ("uniform:variance=xavier", "unknown variance convention 'xavier'"),
        ("uniform:variance=2", "unknown variance convention 2.0"),
        ("sparse:density=0", "density of sparse weights is 0"),
        ("sparse:density=1.5", "density of sparse weights is 1.5"),
    ],
)
def test_refused_weights(text, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        Weights.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("parameters", [(("variance", 1.0),), (("df", 3.0),)])
def test_parameters_that_a_law_does_not_have(parameters):
    with pytest.raises(SpecificationError, match="unknown parameter of uniform weights"):
        Weights("uniform", parameters)


def test_parameters_are_completed_sorted_and_floats():
    assert Weights("student").parameters == (("df", 5.0),)
    assert repr(Weights("student", (("df", 7),))) == repr(Weights("student", (("df", 7.0),)))
