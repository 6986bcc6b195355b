r"""Gradients of res-3 networks of infinite width with correlated weights, and their part in finite width.

Notation as in :mod:`theory_check.theory.infinite_width`; p_k = dLoss/dh_k, P(k, l) = lim E <p_k, p_l> / ||p_L||^2,
u_k = W_{k+1} h_k, x_k = diag sigma'(u_k) V_{k+1}^T p_{k+1}, so that p_k = p_{k+1} + a_k W_{k+1}^T x_k.

Derivation. p_L is independent of the residual weights. As the width grows, the backward pass then has the law that it
would have with weights independent of those of the forward pass (gradient independence, the assumption's condition for
tied weights too). With such a copy the entries of V^T p and W^T x are Gaussian, so that

    E <W^T x_k, W^T x_l> = rho_W E <x_k, x_l> = rho_W rho_V P(k+1, l+1) E sigma'(u_k) sigma'(u_l),
    E sigma'(u_k) sigma'(u_l) = s + (1 - s)^2 (1/4 + asin(r)/(2 pi)),     r = rho_W c(k, l),

and P(k, l) = P(k, l+1) + P(k+1, l) - P(k+1, l+1) + a_k a_l times that product, P(L, l) = P(k, L) = 1.

The factor is rho^2 where the forward pass of ReLU has rho: the mean of ReLU feeds the noise of V straight into the
state, while a gradient passes through both noises. Partial sums of rho^2 grow as n^(4H-3) for H > 3/4 and stay
bounded below: the gradient's critical exponent is max(1/2, 2H - 1), as that of outputs with an odd activation.

Finite width. With J = dh_L/dh_0 and p_L uniform given the weights, E D* = ||J - I||_F^2 / d; homogeneity gives J h_0 =
h_L, so that the direction of h_0 alone contributes D/d: E D* >= D/d, exactly and for all weights. To leading order the
other d - 1 directions have the infinite-width value,

    E D* = (1 - 1/d) (P(0, 0) - 1) + (C(L, L) - 1) / d  + ...

At fixed width the second term wins as L -> infinity, and the exponent is that of the output after all.

Source: Yang, *Tensor Programs II* (2020), for gradient independence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from theory_check.covariances import fractional_noise
from theory_check.errors import HypothesisError
from theory_check.specifications import check_finite, check_integer
from theory_check.theory.infinite_width import WideBranch
from theory_check.theory.multiplier import FloatArray

#: Largest depth: memory is quadratic, three matrices of this size.
MAXIMAL_DEPTH = 5_000


def wide_displacements(branch: WideBranch, hurst: float, beta: float, depth: int) -> tuple[float, float]:
    """Return E D and E D* at infinite width for fractional noise of Hurst index H and a = L^-beta.

    Raises
    ------
    HypothesisError
        Unless the branch is res-3.
    """
    if branch.name != "res-3":
        raise HypothesisError(f"the gradient's recursion is derived for res-3, not for {branch.name}")
    check_integer("depth", depth, 1, MAXIMAL_DEPTH)
    check_finite("beta", beta)
    lags = np.abs(np.subtract.outer(np.arange(depth), np.arange(depth)))
    rho = fractional_noise(hurst, depth)[lags]
    square, slope = depth ** (-2.0 * beta), branch.slope

    def forward(k: int, moments: FloatArray) -> FloatArray:
        r, scale = rho[k, : k + 1], np.sqrt(moments[k, k] * np.diagonal(moments)[: k + 1])
        cosine = np.clip(r * moments[k, : k + 1] / scale, -1.0, 1.0)
        kernel = (np.sqrt(1.0 - cosine**2) + cosine * (np.pi / 2.0 + np.arcsin(cosine))) / np.pi
        return np.asarray(square * r * scale * (0.5 * (1.0 - slope) ** 2 * kernel + slope * cosine))

    states = _second_moments(depth, forward)
    scale = np.sqrt(np.diagonal(states)[:depth])
    cosines = np.clip(rho * states[:depth, :depth] / np.outer(scale, scale), -1.0, 1.0)
    both = slope + (1.0 - slope) ** 2 * (0.25 + np.arcsin(cosines) / (2.0 * np.pi))
    factors = (square * rho**2 * both)[::-1, ::-1]
    gradients = _second_moments(depth, lambda k, moments: factors[k, : k + 1] * moments[k, : k + 1])
    return float(states[depth, depth] - 1.0), float(gradients[depth, depth] - 1.0)


def gradient_displacement(branch: WideBranch, hurst: float, beta: float, depth: int, width: float) -> float:
    """Return E D* at finite width to leading order: (1 - 1/d) of its infinite-width value and E D / d."""
    output, gradient = wide_displacements(branch, hurst, beta, depth)
    return gradient + (output - gradient) / width


def _second_moments(depth: int, increments: Callable[[int, FloatArray], FloatArray]) -> FloatArray:
    """Fill C(k+1, l+1) = C(k+1, l) + C(k, l+1) - C(k, l) + q(k, l) row by row; ``increments`` returns q(k, 0..k)."""
    moments = np.ones((depth + 1, depth + 1))
    for k in range(depth):
        q = increments(k, moments)
        moments[k + 1, 1 : k + 1] = moments[k, 1 : k + 1] + np.cumsum(q)[:k]
        moments[k + 1, k + 1] = 2.0 * moments[k + 1, k] - moments[k, k] + q[k]
        moments[: k + 1, k + 1] = moments[k + 1, : k + 1]
    return moments
