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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.networks.custom_processes import CovarianceProcess
from theory_check.networks.definitions import Parameters
from theory_check.networks.processes import Process

Layers = NDArray[np.int64]

#: Largest variance, of 1, that a factor may leave out: its root is 2^-24, the unit roundoff of single precision.
TRUNCATION = 2.0**-48

#: Residuals that are equal up to this decide by the place of the point: symmetric points have equal ones but for
#: roundings, which differ between machines, and another pivot makes another path of the same random numbers. Factors
#: are then continuous: the pivots that roundings still decide are those of residuals of about 2^-52/2^-6.
_TIE = 2.0**-6

#: Points among which pivots are searched.
CANDIDATES = 2048

#: Largest rank of a factor that is preferred to the Fourier transform, and largest depth for a factor of full rank.
LOW_RANK = 256
FULL_RANK_DEPTH = 2048

#: The longest embedding that is tried, over the shortest, and its most lags.
LONGEST_EMBEDDING = 64
_MOST_LAGS = 2**22

#: Layers whose rows of a factor are made together, and how many such tiles are kept.
TILE, TILES = 256, 64

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
    if depth <= CANDIDATES:
        return np.arange(depth)
    angle = np.pi * np.arange(CANDIDATES) / (CANDIDATES - 1)
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
    for start in range(0, len(variances) if len(candidates) < len(variances) else 0, CANDIDATES):
        layers = np.arange(start, min(start + CANDIDATES, len(variances)))
        rows = found.rows(covariance, layers)
        if np.any(variances[layers] - np.einsum("kj,kj->k", rows, rows) > 4.0 * tolerance):
            return None
    return found


def padded_rank(rank: int) -> int:
    """Return the length of a row of a factor: a multiple of 4, filled up with zeros."""
    return -(-max(rank, 1) // 4) * 4


def path_covariance(process: Process, parameters: Parameters, depth: int) -> Covariance:
    """Return covariances of a layer with others.

    Parameters
    ----------
    process : Process
        A stationary one, or a CovarianceProcess.
    parameters : mapping
    depth : int

    Returns
    -------
    callable
    """
    if isinstance(process, CovarianceProcess):
        return lambda layers, pivot: process.evaluate(layers / depth, np.array(pivot / depth), parameters)
    correlations = process.autocovariance(parameters, depth)
    return lambda layers, pivot: correlations[np.abs(layers - pivot)]


def path_variances(process: Process, parameters: Parameters, depth: int) -> FloatArray:
    """Return the variance of an entry in each layer.

    Parameters
    ----------
    process, parameters, depth
        As of :func:`path_covariance`.

    Returns
    -------
    array, shape (depth,)
    """
    if not isinstance(process, CovarianceProcess):
        return np.ones(depth)
    times = np.arange(depth) / depth
    return process.evaluate(times, times, parameters)


@lru_cache(maxsize=64)
def path_rank(process: Process, parameters: tuple[tuple[str, float], ...], depth: int) -> int | None:
    """Return about the rank of the factor that makes a path: that of so many layers as are searched for pivots.

    Parameters
    ----------
    process : Process
    parameters : tuple of (str, float)
    depth : int

    Returns
    -------
    int or None
        None if it is above :data:`LOW_RANK`.
    """
    few, named = min(depth, CANDIDATES), dict(parameters)
    found = low_rank_factor(path_covariance(process, named, few), path_variances(process, named, few), LOW_RANK)
    return None if found is None else len(found.pivots)


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


def embedding_sizes(depth: int) -> Iterator[int]:
    """Yield the numbers M of lags that are tried: a longer embedding has fewer negative eigenvalues."""
    shortest = length = embedding_size(depth)
    while length == shortest or length <= min(LONGEST_EMBEDDING * shortest, _MOST_LAGS):
        yield length
        length *= 2


@lru_cache(maxsize=64)
def embedding_factor(process: Process, parameters: tuple[tuple[str, float], ...], depth: int) -> int:
    """Return about how many times as long as the shortest the embedding of a stationary process is.

    Found for at most as many layers as are searched for pivots: what decides is the correlation as a function of time.

    Parameters
    ----------
    process : Process
    parameters : tuple of (str, float)
    depth : int

    Returns
    -------
    int
        A power of 2; 1 where no embedding has a spectrum.
    """
    few, named = min(depth, CANDIDATES), dict(parameters)
    for length in embedding_sizes(few):
        if circulant_spectrum(process.autocovariance(named, few, length + 1)) is not None:
            return length // embedding_size(few)
    return 1


def embedding_size(depth: int) -> int:
    """Return the smallest M >= depth - 1 for which a Fourier transform of length 2 M is fast."""
    from scipy import fft

    return int(fft.next_fast_len(max(depth - 1, 1)))
