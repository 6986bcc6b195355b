"""Second moments of the Gram matrix of two coupled linear networks, exact (E14).

Notation
    x, y: states of the networks of depths N_1 and N_2 = m N_1, linear branch, Gaussian weights, one Brownian motion, on
    the finest steps i; g: x at its own last step; h: the input, ||h|| = 1. Z: these four as rows, G = Z Z^T.

Recurrence. One finest step is Z' = Z + a Y, where the rows of Y = B Z V^T are V g for x, V y for y and 0 for g and h.
Given the past, Y is Gaussian, its columns independent with covariance C / d, C = gain B G B^T; odd moments vanish. So

    E G'_pq = G_pq + a^2 C_pq,
    E G'_pq G'_rs = G_pq G_rs + a^2 (G_pq C_rs + C_pq G_rs)
                    + (a^2 / d) (G_pr C_qs + G_ps C_qr + G_qr C_ps + G_qs C_pr)
                    + a^4 (C_pq C_rs + (C_pr C_qs + C_ps C_qr) / d),

linear in E G and E G (x) G. Every m steps g takes the value of x, a linear map of Z. From these: the exact variances of
squared distances, of differences of norm ratios and of projections, which make intervals of their means valid at every
sample size.

Source: the moments of a Gaussian matrix (Isserlis 1918). Exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.stored_values import stored

#: Places of x, y and g; the last of the four is h.
_X, _Y, _G = range(3)


@dataclass(frozen=True)
class CoupledMoments:
    """Mean and second moments of the inner products of x, y, g and h at the output.

    Attributes
    ----------
    mean : float64 array (4, 4)
        E G.
    second : float64 array (4, 4, 4, 4)
        E G_pq G_rs.
    """

    mean: FloatArray
    second: FloatArray

    def _moments(self, form: FloatArray) -> tuple[float, float]:
        """Mean and variance of sum_pq form_pq G_pq."""
        mean = float(np.sum(form * self.mean))
        return mean, float(np.einsum("pq,pqrs,rs->", form, self.second, form)) - mean**2

    @property
    def squared_error(self) -> tuple[float, float]:
        """Mean and variance of ||x - y||^2 / ||h_0||^2."""
        difference = np.zeros(4)
        difference[[_X, _Y]] = 1.0, -1.0
        return self._moments(np.outer(difference, difference))

    @property
    def norm_ratio_difference(self) -> tuple[float, float]:
        """Mean and variance of R of the finer less R of the coarser network."""
        form = np.zeros((4, 4))
        form[_X, _X], form[_Y, _Y] = -1.0, 1.0
        return self._moments(form)


@stored
def coupled_moments(width: int, coarse: int, fine: int, *, gain: float = 1.0) -> CoupledMoments:
    """Moments of the pair of networks of two depths.

    Parameters
    ----------
    width : int
        Dimension d of the hidden states.
    coarse, fine : int
        Depths N_1 and N_2, a multiple of it; the computing time grows with N_2.
    gain : float
        Variance of an entry of sqrt(d) V.

    Returns
    -------
    CoupledMoments

    Raises
    ------
    SpecificationError
        If the fine depth is not a multiple of the coarse one.

    Examples
    --------
    For N = 1 against 2 the squared error is |V_2 V_1 h|^2 / 4:

    >>> mean, variance = coupled_moments(2, 1, 2).squared_error
    >>> round(mean, 12), round(variance, 12)
    (0.25, 0.1875)
    """
    check_integer("width", width, 1, 10**9)
    check_integer("coarse depth", coarse, 1, 10**6)
    check_integer("fine depth", fine, 1, 10**6)
    if fine % coarse:
        raise SpecificationError(f"fine depth is {fine}; it must be a multiple of the coarse depth {coarse}")
    square = 1.0 / fine
    drive = np.zeros((4, 4))
    drive[_X, _G] = drive[_Y, _Y] = np.sqrt(gain)
    hold = np.eye(4)
    hold[_G] = hold[_X]
    mean, second = np.ones((4, 4)), np.ones((4, 4, 4, 4))
    for step in range(fine):
        if step % (fine // coarse) == 0:
            mean = hold @ mean @ hold.T
            second = np.einsum("ap,bq,cr,ds,pqrs->abcd", hold, hold, hold, hold, second, optimize=True)
        driven = drive @ mean @ drive.T
        # E G_pq C_rs and E C_pq C_rs.
        mixed = np.einsum("cr,ds,pqrs->pqcd", drive, drive, second, optimize=True)
        pure = np.einsum("ap,bq,pqcd->abcd", drive, drive, mixed, optimize=True)
        crossed = np.sum([np.einsum(f"{order}->pqrs", mixed) for order in ("prqs", "psqr", "qrps", "qspr")], axis=0)
        paired = np.einsum("prqs->pqrs", pure) + np.einsum("psqr->pqrs", pure)
        second = (
            second
            + square * (mixed + np.einsum("rspq->pqrs", mixed) + crossed / width)
            + square**2 * (pure + paired / width)
        )
        mean = mean + square * driven
    return CoupledMoments(mean, second)
