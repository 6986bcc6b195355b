"""Factors of covariance matrices: pivoted Cholesky of low rank, and the spectrum of a circulant embedding.

Low rank. For points t_k and pivots p_1 .. p_r, the residual of the pivoted Cholesky factorisation, C - F F^T, is the
covariance of what the process keeps unexplained given its values at the pivots: positive semidefinite, so that no
entry exceeds the largest on the diagonal (Harbrecht, Peters, Schneider, *On the low-rank approximation by the pivoted
Cholesky decomposition*, 2012). It is computed for every layer, not estimated.

Circulant. A stationary sequence with correlations r(0..M) is embedded in a periodic one of period N = 2 M with the row
r(0), .., r(M), r(M - 1), .., r(1); its eigenvalues are the discrete Fourier transform of the row. If none is negative,
the transform of complex white noise times sqrt(eigenvalue / N) has real and imaginary parts that are independent paths,
exact in law (Davies, Harte 1987; Wood, Chan 1994; Dietrich, Newsam 1997).

No function here calls BLAS, whose results may depend on the number of threads and on shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray

Layers = NDArray[np.int64]

#: Largest variance, of 1, that a factor may leave out: its root is 2^-24, the unit roundoff of single precision.
TRUNCATION = 2.0**-48

#: Residuals that are equal up to this decide by the place of the point: symmetric points have equal ones but for
#: roundings, which differ between machines, and another pivot makes another path of the same random numbers. Factors
#: are then continuous: the pivots that roundings still decide are those of residuals of about 2^-52/2^-6.
_TIE = 2.0**-6

#: Points among which pivots are searched.
_CANDIDATES = 2048

#: ``covariance(layers, pivot)``: covariances of a layer with others.
Covariance = Callable[[Layers, int], FloatArray]


@dataclass(frozen=True, eq=False)
class LowRankFactor:
    """Pivots and the lower triangular factor of their covariance: rows of F for any layers.

    Attributes
    ----------
    pivots : tuple of int
    triangle : (rank, rank) array
    """

    pivots: tuple[int, ...]
    triangle: FloatArray

    def rows(self, covariance: Covariance, layers: Layers) -> FloatArray:
        """Return F for these layers, shape (layers, rank), by forward substitution."""
        factor = np.empty((len(layers), len(self.pivots)))
        for j, pivot in enumerate(self.pivots):
            explained = np.einsum("kj,j->k", factor[:, :j], self.triangle[j, :j])
            factor[:, j] = (covariance(layers, pivot) - explained) / self.triangle[j, j]
        return factor


def candidate_layers(depth: int) -> Layers:
    """Return all layers, or 2048 of them that crowd towards both ends as the nodes of Chebyshev do."""
    if depth <= _CANDIDATES:
        return np.arange(depth)
    angle = np.pi * np.arange(_CANDIDATES) / (_CANDIDATES - 1)
    return np.unique(np.rint((depth - 1) * (1.0 - np.cos(angle)) / 2.0).astype(np.int64))


def low_rank_factor(covariance: Covariance, variances: FloatArray, most: int) -> LowRankFactor | None:
    """Return the pivoted Cholesky factor that leaves at most :data:`TRUNCATION` of the largest variance in any layer.

    Parameters
    ----------
    covariance : callable
    variances : (depth,) array
        Diagonal of the covariance matrix.
    most : int
        Largest rank to try.

    Returns
    -------
    LowRankFactor or None
        None if that rank does not suffice.

    Examples
    --------
    Tied weights have one random number for all layers.

    >>> low_rank_factor(lambda layers, pivot: np.ones(len(layers)), np.ones(100), 8).pivots
    (0,)
    """
    tolerance = TRUNCATION * float(variances.max())
    candidates = candidate_layers(len(variances))
    left = variances[candidates].copy()
    factor = np.zeros((min(most, len(candidates)), len(candidates)))
    chosen: list[int] = []
    while left.max() > tolerance:
        pivot = int(np.argmax(left >= (1.0 - _TIE) * left.max()))
        rank = len(chosen)
        if rank == len(factor):
            return None
        column = covariance(candidates, int(candidates[pivot]))
        column = column - np.einsum("jk,j->k", factor[:rank], factor[:rank, pivot])
        factor[rank] = column / np.sqrt(left[pivot])
        left = left - factor[rank] ** 2
        left[pivot] = 0.0
        chosen.append(pivot)
    found = LowRankFactor(tuple(int(candidates[i]) for i in chosen), np.tril(factor[: len(chosen), chosen].T))
    # Between the candidates the residual may be larger, if they are too coarse for the process. Twice the deviation is
    # allowed: near the tolerance it is made of the roundings of a covariance, a few 2^-53.
    for start in range(0, len(variances) if len(candidates) < len(variances) else 0, _CANDIDATES):
        layers = np.arange(start, min(start + _CANDIDATES, len(variances)))
        rows = found.rows(covariance, layers)
        if np.any(variances[layers] - np.einsum("kj,kj->k", rows, rows) > 4.0 * tolerance):
            return None
    return found


def circulant_spectrum(correlations: FloatArray) -> FloatArray | None:
    """Return the N = 2 M eigenvalues of the embedding of the correlations at lags 0 .. M; None if one is negative.

    Negative eigenvalues that are roundings are set to 0, if together they carry at most :data:`TRUNCATION` of the
    variance.
    """
    from scipy import fft

    row = np.concatenate([correlations, correlations[-2:0:-1]])
    eigenvalues = np.asarray(fft.fft(row).real)
    negative = -float(eigenvalues[eigenvalues < 0.0].sum()) / len(row)
    return None if negative > TRUNCATION else np.maximum(eigenvalues, 0.0)


def embedding_size(depth: int) -> int:
    """Return the smallest M >= depth - 1 for which a Fourier transform of length 2 M is fast."""
    from scipy import fft

    return int(fft.next_fast_len(max(depth - 1, 1)))
