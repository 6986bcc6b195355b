from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from theory_check import strategies
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import MAXIMAL_DEPTH, MAXIMAL_WIDTH, Network
from theory_check.networks.scalings import Scaling


@given(strategies.activations())
def test_activations_are_read_back(activation):
    assert Activation.parse(str(activation)) == activation


def test_spellings_of_activations():
    assert Activation.parse("relu") == Activation() == Activation("relu", 0.0)
    assert Activation.parse("leaky") == Activation("leaky", 0.01)
    assert str(Activation("leaky", 0.2)) == "leaky:slope=0.2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selu", "unknown activation 'selu'; accepted: relu, leaky, identity, tanh; did you mean relu"),
        ("relu:slope=0.1", "unknown parameter of activation relu 'slope'; accepted: nothing"),
        ("leaky:slope=steep", "activation slope is 'steep'"),
        ("leaky:slope=nan", "activation slope is nan"),
        ("leaky:angle=1", "accepted: slope"),
    ],
)
def test_refused_activations(text, message):
    with pytest.raises(SpecificationError, match=message):
        Activation.parse(text)


def test_a_slope_is_for_leaky_alone():
    with pytest.raises(SpecificationError, match="takes no slope"):
        Activation("tanh", 0.5)


def test_equal_values_are_spelled_alike():
    """A whole number and a float of one value are one activation or scaling, and must name one stream."""
    assert repr(Activation("leaky", 1)) == repr(Activation("leaky", 1.0))
    assert repr(Scaling("power", (1,))) == repr(Scaling.power(1.0))
    assert repr(Scaling.power(-0.0)) == repr(Scaling.power(0.0))
    assert repr(Activation("leaky", -0.0)) == repr(Activation("leaky", 0.0))


@given(strategies.activations(homogeneous=True))
def test_second_moment_is_that_of_a_normal_variable(activation):
    def integrand(z):
        return (z if z > 0 else activation.negative_slope * z) ** 2 * stats.norm.pdf(z)

    expected = sum(integrate.quad(integrand, *ends)[0] for ends in ((-40, 0), (0, 40)))
    # Quadrature is accurate to 1.5e-8 on each half.
    assert activation.second_moment == pytest.approx(expected, abs=1e-7)


def test_what_branches_know():
    relu, tanh = Activation(), Activation("tanh")
    assert Branch("linear", tanh).activation == Activation("identity")
    assert [Branch(n).has_inner for n in ("linear", "res-1", "res-2", "res-3")] == [False, False, True, True]
    assert [Branch(n).has_bias for n in ("linear", "res-1", "res-2", "res-3")] == [False, False, True, False]
    assert [Branch(n, relu).homogeneous for n in ("linear", "res-1", "res-2", "res-3")] == [True, True, False, True]
    assert not Branch("res-3", tanh).homogeneous
    assert [Branch(n).kappa for n in ("linear", "res-1", "res-2", "res-3")] == [1.0, None, None, 0.5]
    assert Branch("res-3", Activation("leaky", 0.5)).kappa == 0.625
    assert Branch("res-3", tanh).kappa is None
    assert tanh.negative_slope is None
    assert tanh.second_moment is None
    assert str(Branch("res-3")) == "res-3"
    assert str(Branch("res-1", tanh)) == "res-1 tanh"
    with pytest.raises(SpecificationError, match="unknown branch 'res-4'"):
        Branch("res-4")


@given(st.integers(1, 50), st.data())
def test_factors(depth, data):
    scaling = data.draw(strategies.scalings(depth))
    factors = scaling.factors(depth)
    assert factors.shape == (depth,)
    if scaling.kind == "power":
        np.testing.assert_array_equal(factors, depth**-scaling.beta)
    elif scaling.kind == "constant":
        assert scaling.beta is None
        np.testing.assert_array_equal(factors, scaling.values[0])
    else:
        np.testing.assert_array_equal(factors, scaling.values)


@pytest.mark.parametrize("make", [Scaling.power, Scaling.constant, lambda x: Scaling.sequence([1.0, x])])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_refused_scalings(make, value):
    with pytest.raises(SpecificationError, match="must be a finite number"):
        make(value)


def test_scalings_have_as_many_values_as_their_kind():
    for kind, values in (("power", (1.0, 2.0)), ("constant", ()), ("sequence", ())):
        with pytest.raises(SpecificationError, match=f"scaling {kind} got {len(values)} values"):
            Scaling(kind, values)
    with pytest.raises(SpecificationError, match="unknown scaling 'cubic'"):
        Scaling("cubic", (1.0,))


@pytest.mark.parametrize(
    ("width", "depth"), [(0, 1), (-3, 1), (1, 0), (MAXIMAL_WIDTH + 1, 1), (1, MAXIMAL_DEPTH + 1), (1.0, 1)]
)
def test_refused_sizes(width, depth):
    with pytest.raises(SpecificationError, match="it must be a whole number from 1 to"):
        Network(Branch(), width, depth, Scaling.power(0.5))


def test_a_sequence_has_one_factor_a_layer():
    with pytest.raises(SpecificationError, match="2 values for depth 3"):
        Network(Branch(), 1, 3, Scaling.sequence([1.0, 2.0]))


@pytest.mark.parametrize("beta", [-200.0, -1e300])
def test_an_exponent_that_leaves_double_precision(beta):
    with pytest.raises(SpecificationError, match="L\\^-beta is not a number at depth 1000"):
        Network(Branch(), 1, 1000, Scaling.power(beta))


@given(strategies.networks())
def test_networks_are_described_in_a_line(network):
    text = str(network)
    assert "\n" not in text
    assert f"width {network.width}, depth {network.depth}" in text


def test_inputs():
    assert str(Input()) == "gaussian input"
    assert str(Input("paper", 10)) == "10 paper inputs"
    for name, count, message in (
        ("cubic", 1, "unknown input"),
        ("paper", 0, "number of inputs is 0"),
        ("ones", 2, "inputs of ones are all equal; give one of them, not 2"),
    ):
        with pytest.raises(SpecificationError, match=message):
            Input(name, count)


def test_correlated_inputs_are_spelled_and_read_back():
    observed = Input.parse("correlated:cosine=0.3", 2)
    assert observed == Input("correlated", 2, 0.3)
    assert observed.spelling == "correlated:cosine=0.3"
    assert str(observed) == "2 correlated:cosine=0.3 inputs"
    assert Input.parse("sphere") == Input("sphere")


@given(strategies.inputs())
def test_spellings_of_inputs_are_read_back(observed):
    assert Input.parse(observed.spelling, observed.count) == observed


@given(strategies.inputs(maximal_count=9).filter(lambda observed: observed.cosine is not None))
def test_correlation_factors(observed):
    factor, count, cosine = observed.correlation_factor, observed.count, observed.cosine
    # One rounding for each pivot; pivots below 4 count 2^-52 are left out with their columns.
    expected = (1 - cosine) * np.eye(count) + cosine
    np.testing.assert_allclose(factor @ factor.T, expected, rtol=0, atol=10 * count * 2.0**-52)
    assert np.all(factor[~np.tri(*factor.shape, dtype=bool)] == 0.0)
    assert factor.shape[1] == (1 if cosine == 1.0 else count - 1 if cosine == -1 / (count - 1) else count)


@pytest.mark.parametrize(
    ("text", "count", "message"),
    [
        ("correlated", 2, "cosine of correlated inputs is None; it must be a finite number"),
        ("correlated:cosine=x", 2, "cosine of correlated inputs is 'x'; it must be a finite number"),
        ("correlated:cosine=0.3", 1, "correlated inputs are at least 2, not 1"),
        ("correlated:cosine=-0.6", 3, "cosine of correlated inputs is -0.6; 3 inputs accept -0.5 to 1"),
        ("correlated:cosine=1.1", 2, "2 inputs accept -1 to 1"),
        ("correlated:angle=1", 2, "unknown parameter of input correlated 'angle'; accepted: cosine"),
        ("sphere:cosine=0.3", 2, "unknown parameter of input sphere 'cosine'; accepted: nothing"),
    ],
)
def test_refused_correlated_inputs(text, count, message):
    with pytest.raises(SpecificationError, match=re.escape(message)):
        Input.parse(text, count)


def test_only_correlated_inputs_have_a_cosine():
    with pytest.raises(SpecificationError, match="input sphere takes no cosine; only correlated does"):
        Input("sphere", 2, 0.5)
    with pytest.raises(SpecificationError, match="input sphere has no cosine"):
        _ = Input("sphere", 2).correlation_factor
