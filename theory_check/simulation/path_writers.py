"""How the paths of a process are made: in pieces, by bridges, by a factor of low rank, by a Fourier transform.

What a writer writes to a layer does not depend on the other layers that are asked for: tables are made for fixed tiles
of layers and batches of entries, and matrix products run in a kernel of our own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.covariances import ORNSTEIN_UHLENBECK
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.processes import piece_of_layer
from theory_check.networks.weights import Weights
from theory_check.simulation.covariance_factors import (
    Covariance,
    LowRankFactor,
    circulant_spectrum,
    embedding_size,
    low_rank_factor,
)

SingleArray = NDArray[np.float32]

#: Key, replicate and purpose.
Stream = tuple[NDArray[np.uint32], int, int]

#: Largest rank of a factor that is preferred to the Fourier transform, and largest depth for a factor of full rank.
LOW_RANK = 256
FULL_RANK_DEPTH = 2048

#: A longer embedding has fewer negative eigenvalues; the longest that is tried, over the shortest.
LONGEST_EMBEDDING = 64
_MOST_LAGS = 2**22

#: Layers whose rows of a factor are made together.
_TILE = 256


@dataclass(frozen=True)
class Writer:
    """How to write the layers of a path.

    Attributes
    ----------
    write : callable
        ``write(first, out)`` writes the layers from ``first`` on to ``out``, shape (layers, entries).
    method : str
        In words.
    whole : bool
        Whether a whole path is made to write any part of it.
    """

    write: Callable[[int, SingleArray], None]
    method: str
    whole: bool = False


def process_writer(weights: Weights, depth: int, deviation: float, stream: Stream) -> Writer:
    """Return the writer of a registered process, entries scaled by ``deviation``."""
    process = weights.process
    assert process is not None
    parameters = dict(weights.parameters)
    if process.generator == "pieces":
        return _pieces(int(parameters.get("pieces", 1.0)), depth, deviation, stream)
    if process.generator == "markov":
        rate = ORNSTEIN_UHLENBECK.rate(parameters) / depth
        return _bridges(rate, process.increments, depth, deviation, stream)
    law = Weights(weights.law, weights.parameters)
    if process.generator != "circulant" and (factor := _factor(law, depth, LOW_RANK)) is not None:
        return _combinations(law, factor, depth, deviation, stream)
    if (spectrum := _spectrum(law, depth)) is not None:
        return _transforms(spectrum, deviation, stream)
    if depth <= FULL_RANK_DEPTH and (factor := _factor(law, depth, depth)) is not None:
        return _combinations(law, factor, depth, deviation, stream)
    raise SpecificationError(
        f"{weights} weights at depth {depth} vary too slowly for a Fourier transform and too roughly for a factor of "
        f"rank {LOW_RANK}; use a depth up to {FULL_RANK_DEPTH} or another length"
    )


def covariance_writer(law: CovarianceProcess, depth: int, deviation: float, stream: Stream) -> Writer:
    """Return the writer of a process given by its covariance."""
    law.check(depth)
    factor = _factor(law, depth, depth if depth <= FULL_RANK_DEPTH else LOW_RANK)
    if factor is None:
        raise SpecificationError(
            f"covariance {law.name} has a rank above {LOW_RANK} at depth {depth}; use a depth up to {FULL_RANK_DEPTH}"
        )
    return _combinations(law, factor, depth, deviation, stream)


def function_writer(law: PathFunction, depth: int, shape: tuple[int, int]) -> Writer:
    """Return the writer of a given path."""

    def write(first: int, out: SingleArray) -> None:
        # One layer at a time: what the function does to several at once is its own affair.
        for k, row in enumerate(out, first):
            row[:] = law.evaluate(np.array([k / depth]), shape).ravel()

    return Writer(write, f"function {law.name}")


def _pieces(pieces: int, depth: int, deviation: float, stream: Stream) -> Writer:
    from theory_check.kernels import paths

    def write(first: int, out: SingleArray) -> None:
        layers = np.arange(first, first + len(out))
        paths.write_pieces(*stream, piece_of_layer(pieces, layers, depth), deviation, out)

    return Writer(write, f"{pieces} pieces")


def bridge_steps(rate: float, length: int) -> FloatArray:
    """Return the coefficients of x_i, of the end and of the noise in x_{i+1}, i = 0 .. length - 1.

    For a stationary Gaussian Markov sequence with correlation q^n, q = e^-rate, and s = length - i steps to the end:
    x_{i+1} given x_i and the end is normal with mean [q (1 - q^(2s-2)) x_i + q^(s-1) (1 - q^2) end] / (1 - q^2s) and
    variance (1 - q^2) (1 - q^(2s-2)) / (1 - q^2s), the regression of the middle one of three on the others.
    """
    s = np.arange(length, 0, -1, dtype=np.float64)
    one, rest, whole = (-np.expm1(-2.0 * rate * n) for n in (1.0, s - 1.0, s))
    left = np.exp(-rate) * rest / whole
    right = np.exp(-rate * (s - 1.0)) * one / whole
    return np.ascontiguousarray(np.stack([left, right, np.sqrt(one * rest / whole)], axis=1))


def _bridges(rate: float, increments: bool, depth: int, deviation: float, stream: Stream) -> Writer:
    from theory_check.kernels import paths

    # A call draws the chain of the ends and at most two tiles that it does not return: 3 sqrt(depth) layers at most.
    length = 2 ** max(0, round(math.log2(depth) / 2.0))
    chain = np.array([math.exp(-rate * length), math.sqrt(-math.expm1(-2.0 * rate * length))])
    unit = 1.0 / math.sqrt(-2.0 * math.expm1(-rate)) if increments else 0.0
    steps, tiles = bridge_steps(rate, length), -(-depth // length)

    def write(first: int, out: SingleArray) -> None:
        paths.write_bridges(*stream, chain, steps, tiles, unit, deviation, first, out)

    return Writer(write, f"bridges over {length} layers")


def _correlations(weights: Weights, depth: int, lags: int) -> FloatArray:
    assert weights.process is not None
    return weights.process.autocovariance(dict(weights.parameters), depth, lags)


@lru_cache(maxsize=8)
def _correlations_of_layers(weights: Weights, depth: int) -> FloatArray:
    return _correlations(weights, depth, depth)


def _covariance(law: Weights | CovarianceProcess, depth: int) -> Covariance:
    if isinstance(law, CovarianceProcess):
        return lambda layers, pivot: law.evaluate(layers / depth, np.array(pivot / depth))
    correlations = _correlations_of_layers(law, depth)
    return lambda layers, pivot: correlations[np.abs(layers - pivot)]


@lru_cache(maxsize=8)
def _factor(law: Weights | CovarianceProcess, depth: int, most: int) -> LowRankFactor | None:
    if isinstance(law, CovarianceProcess):
        times = np.arange(depth) / depth
        return low_rank_factor(_covariance(law, depth), law.evaluate(times, times), most)
    return low_rank_factor(_covariance(law, depth), np.ones(depth), most)


@lru_cache(maxsize=64)
def _factor_rows(law: Weights | CovarianceProcess, factor: LowRankFactor, depth: int, tile: int) -> SingleArray:
    """Return the rows of the factor for the layers of a tile, padded by zeros to multiples of 4."""
    layers = np.arange(tile * _TILE, min((tile + 1) * _TILE, depth))
    rows = factor.rows(_covariance(law, depth), layers)
    padded = np.zeros((len(rows), -(-max(rows.shape[1], 1) // 4) * 4), np.float32)
    padded[:, : rows.shape[1]] = rows
    return padded


def _combinations(
    law: Weights | CovarianceProcess, factor: LowRankFactor, depth: int, deviation: float, stream: Stream
) -> Writer:
    from theory_check.kernels import paths

    rank = len(factor.pivots)

    def write(first: int, out: SingleArray) -> None:
        last = first + len(out)
        tiles = range(first // _TILE, -(-last // _TILE))
        rows = np.concatenate([_factor_rows(law, factor, depth, tile) for tile in tiles])
        needed = np.zeros((-(-len(out) // 4) * 4, rows.shape[1]), np.float32)
        start = first - tiles[0] * _TILE
        needed[: len(out)] = rows[start : start + len(out)]
        needed *= np.float32(deviation)
        paths.write_combinations(*stream, needed, out)

    return Writer(write, f"factor of rank {rank}")


@lru_cache(maxsize=8)
def _spectrum(weights: Weights, depth: int) -> FloatArray | None:
    """Return the square roots of eigenvalue / N of the shortest embedding without negative eigenvalues."""
    shortest = embedding_size(depth)
    length = shortest
    while length == shortest or length <= min(LONGEST_EMBEDDING * shortest, _MOST_LAGS):
        eigenvalues = circulant_spectrum(_correlations(weights, depth, length + 1))
        if eigenvalues is not None:
            return np.asarray(np.sqrt(eigenvalues / len(eigenvalues)))
        length *= 2
    return None


def _transforms(spectrum: FloatArray, deviation: float, stream: Stream) -> Writer:
    from scipy import fft

    from theory_check.kernels import paths

    key, replicate, purpose = stream
    amplitudes = np.repeat((deviation * spectrum).astype(np.float32), 2)
    # Pairs transformed together, always as many, so that a pair's arithmetic does not depend on the others: what fits
    # the second-level cache, at least four for the vector instructions, one where memory would be felt.
    batch = max(4 if len(spectrum) <= 2**20 else 1, min(32, 2**16 // len(spectrum)))

    def write(first: int, out: SingleArray) -> None:
        spectra = np.empty((batch, len(amplitudes)), np.float32)
        for first_entry in range(0, out.shape[1], 2 * batch):
            paths.fill_spectra(key, replicate, first_entry // 2, purpose, amplitudes, spectra)
            series: Any = fft.fft(spectra.view(np.complex64), axis=1, overwrite_x=True)
            paths.write_pairs(series.view(np.float32), first, out, first_entry)

    return Writer(write, f"circulant embedding of length {len(spectrum)}", whole=True)
