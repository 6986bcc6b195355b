from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate
from scipy.linalg import expm

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.simulation import flows
from theory_check.simulation.flows import Flow, euler_outputs, flow_output, path_of

BRANCHES = [
    Branch("linear"),
    *(Branch(name, Activation(a)) for name in ("res-1", "res-2", "res-3") for a in ("relu", "tanh")),
]
WIDTH = 3
A, B = np.random.default_rng(2).standard_normal((2, WIDTH, WIDTH))
START = np.array([1.0, -0.5, 0.25])


def tied_output(matrix, depth):
    return np.linalg.matrix_power(np.eye(WIDTH) + matrix / depth, depth) @ START


def waving(shift):
    return path_of(lambda t: np.cos(3 * t + shift) * A + t * B)


def flow_of(branch):
    inner = waving(1.0) if branch.has_inner else None
    bias = path_of(lambda t: np.array([t, 1.0, -t])) if branch.has_bias else None
    return Flow(branch, waving(0.0), inner, bias)


def field_of(branch):
    """The velocity written out once more."""

    def velocity(t, h):
        inner, bias = np.cos(3 * t + 1) * A + t * B, np.array([t, 1.0, -t])
        z = inner @ h if branch.has_inner else h
        z = z + bias if branch.has_bias else z
        sigma = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "identity": lambda x: x}
        return (np.cos(3 * t) * A + t * B) @ sigma[branch.activation.name](z)

    return velocity


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
@pytest.mark.parametrize("chunk", [1, 10**6])
def test_networks_layer_by_layer(branch, chunk, monkeypatch):
    monkeypatch.setattr(flows, "CHUNK_BYTES", chunk)
    velocity, depths = field_of(branch), (1, 4, 3, 12)
    outputs = euler_outputs(flow_of(branch), START, depths)
    for output, depth in zip(outputs, depths, strict=True):
        hidden = START
        for k in range(depth):
            hidden = hidden + velocity(k / depth, hidden) / depth
        np.testing.assert_allclose(output, hidden, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_flows_against_another_solver(branch):
    """An implicit method of another family, and the flow's own estimate of its error."""
    output, error = flow_output(flow_of(branch), START, tolerance=1e-10)
    other = integrate.solve_ivp(field_of(branch), (0, 1), START, method="Radau", rtol=1e-10, atol=1e-10).y[:, -1]
    # Tolerances are those of a step; a few hundred steps of either solver, more at kinks, with growth by about 10.
    np.testing.assert_allclose(output, other, atol=1e-6)
    assert error < 1e-6


def test_networks_of_a_batch_are_those_one_by_one():
    matrices, starts = np.random.default_rng(3).standard_normal((2, 5, 3, 3))
    starts = starts[:, 0]
    together = Flow(Branch("res-1", Activation("tanh")), path_of(lambda t: (1 + t) * matrices))
    outputs, (limit, error) = euler_outputs(together, starts, (2, 4)), flow_output(together, starts)
    assert outputs.shape == (2, 5, 3)
    assert error.shape == (5,)
    for n in range(5):
        alone = Flow(together.branch, path_of(lambda t, n=n: (1 + t) * matrices[n]))
        np.testing.assert_allclose(outputs[:, n], euler_outputs(alone, starts[n], (2, 4)), rtol=1e-13)
        # Other steps, each within its tolerance of 1e-10.
        np.testing.assert_allclose(limit[n], flow_output(alone, starts[n])[0], atol=1e-8)


def test_the_linear_flow_of_tied_weights():
    flow = Flow(Branch("linear"), path_of(lambda t: A))
    exact = expm(A) @ START
    for tolerance in (1e-6, 1e-8, 1e-10, 1e-12):
        output, estimate = flow_output(flow, START, tolerance=tolerance)
        error = np.linalg.norm(output - exact)
        # The tolerance is that of a step, and the flow multiplies errors by at most exp of the norm of A.
        assert error < 100 * tolerance * math.exp(np.linalg.norm(A, 2))
        # The estimate is above the error, or both are rounding.
        assert error < max(estimate, 1e-13)
    for depth, output in zip((7, 14, 28), euler_outputs(flow, START, (7, 14, 28)), strict=True):
        np.testing.assert_allclose(output, tied_output(A, depth), rtol=1e-12)
    # Factors L^(-beta) are those of weights multiplied by L^(1 - beta).
    for beta in (0.5, 1.5):
        outputs = euler_outputs(flow, START, (7, 14), beta=beta)
        for depth, output in zip((7, 14), outputs, strict=True):
            np.testing.assert_allclose(output, tied_output(A * depth ** (1.0 - beta), depth), rtol=1e-12)
    depth = 2**14
    scaled = depth * (euler_outputs(flow, START, (depth,))[0] - exact)
    # The next term of the error is relatively |V| / L times a constant near 1.
    np.testing.assert_allclose(scaled, -0.5 * A @ A @ exact, atol=20 * np.linalg.norm(A, 2) ** 3 / depth)


def test_the_constant_of_the_error_along_a_moving_path():
    """dH/dt = cos(t) H: H = e^sin t, J(1, s) = e^(sin 1 - sin s), H'' = (cos^2 t - sin t) H."""
    flow, depth = Flow(Branch("linear"), path_of(lambda t: [[math.cos(t)]])), 4096
    limit, _ = flow_output(flow, [1.0], tolerance=1e-12)
    assert limit[0] == pytest.approx(math.exp(math.sin(1)), rel=1e-11)
    rest = integrate.quad(lambda s: math.cos(s) ** 2 - math.sin(s), 0, 1)[0]
    scaled = depth * (euler_outputs(flow, [1.0], (depth,))[0, 0] - limit[0])
    # The next term is of relative order 1/L.
    assert scaled == pytest.approx(-0.5 * math.exp(math.sin(1)) * rest, rel=10 / depth)


@pytest.mark.parametrize("branch", BRANCHES, ids=str)
def test_errors_halve_with_the_depth(branch):
    flow = flow_of(branch)
    limit, _ = flow_output(flow, START, tolerance=1e-10)
    errors = np.linalg.norm(euler_outputs(flow, START, (256, 512, 1024)) - limit, axis=1)
    # One path, without noise: terms of order L^-2 are a hundredth of the error here, kinks move it by a few more.
    np.testing.assert_allclose(errors[:-1] / errors[1:], 2.0, rtol=0.05)


def test_what_a_flow_needs():
    with pytest.raises(SpecificationError, match="branch res-3 needs inner weights"):
        Flow(Branch("res-3"), waving(0.0))
    with pytest.raises(SpecificationError, match="branch linear has no inner weights"):
        Flow(Branch("linear"), waving(0.0), waving(0.0))
    with pytest.raises(SpecificationError, match="branch res-2 needs a bias"):
        Flow(Branch("res-2"), waving(0.0), waving(0.0))
    flow = flow_of(Branch("linear"))
    with pytest.raises(SpecificationError, match="depth is 3; it must divide the finest depth 8"):
        euler_outputs(flow, START, (3, 8))
    with pytest.raises(SpecificationError, match="tolerance is 1"):
        flow_output(flow, START, tolerance=1.0)
