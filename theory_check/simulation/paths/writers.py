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
from theory_check.foundation.streams import Purpose
from theory_check.networks.covariance_factors import (
    FULL_RANK_DEPTH,
    LOW_RANK,
    TILE,
    TILES,
    Covariance,
    LowRankFactor,
    circulant_spectrum,
    embedding_sizes,
    low_rank_factor,
    padded_rank,
    path_covariance,
    path_variances,
)
from theory_check.networks.covariances import ORNSTEIN_UHLENBECK
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction
from theory_check.networks.processes import Generator, Process, WeightProcess, piece_of_layer

SingleArray = NDArray[np.float32]

#: Key, replicate and purpose.
Stream = tuple[NDArray[np.uint32], int, int]


@dataclass(frozen=True)
class Writer:
    """How to write the layers of a path.

    Attributes
    ----------
    write : callable
        ``write(first, out)`` writes the layers from ``first`` on to ``out``, shape (layers, entries).
    method : str
        In words.
    """

    write: Callable[[int, SingleArray], None]
    method: str


@dataclass(frozen=True)
class Path:
    """What a writer is made for: a process with its parameters, and where its normal numbers come from.

    Attributes
    ----------
    process : Process
    parameters : tuple of (str, float)
    depth : int
    shape : (int, int)
        Rows and columns of a matrix.
    deviation : float
        Factor of the entries.
    stream : (array, int, int)
        Key, replicate and purpose.
    """

    process: Process
    parameters: tuple[tuple[str, float], ...]
    depth: int
    shape: tuple[int, int]
    deviation: float
    stream: Stream

    @property
    def law(self) -> Law:
        """The process with its parameters and the grid."""
        return Law(self.process, self.parameters, self.depth)


@dataclass(frozen=True)
class Law:
    """A process with its parameters on the grid of a depth: what tables are made for."""

    process: Process
    parameters: tuple[tuple[str, float], ...]
    depth: int

    @property
    def covariance(self) -> Covariance:
        """Covariances of a layer with others."""
        return _covariance(self)

    @property
    def variances(self) -> FloatArray:
        """Variance of an entry in each layer."""
        return path_variances(self.process, dict(self.parameters), self.depth)

    def correlations(self, lags: int) -> FloatArray:
        """Correlations of layers 0 .. lags - 1 apart."""
        return self.process.autocovariance(dict(self.parameters), self.depth, lags)


def make_writer(path: Path) -> Writer:
    """Return the writer of a path, by the generator of its process."""
    return WRITERS[path.process.generator](path)


def _gaussian(path: Path) -> Writer:
    factor = _factor(path.law, LOW_RANK)
    return _circulant(path) if factor is None else _combinations(path, factor)


def _circulant(path: Path) -> Writer:
    if (spectrum := _spectrum(path.law)) is not None:
        return _transforms(spectrum, path.deviation, path.stream)
    if path.depth <= FULL_RANK_DEPTH and (factor := _factor(path.law, path.depth)) is not None:
        return _combinations(path, factor)
    raise SpecificationError(
        f"{path.process.name} weights at depth {path.depth} vary too slowly for a Fourier transform and too roughly "
        f"for a factor of rank {LOW_RANK}; use a depth up to {FULL_RANK_DEPTH} or another length"
    )


def _given_covariance(path: Path) -> Writer:
    if (factor := _checked_factor(path.law)) is None:
        raise SpecificationError(
            f"covariance {path.process.name} has a rank above {LOW_RANK} at depth {path.depth}; use a depth up to "
            f"{FULL_RANK_DEPTH}"
        )
    return _combinations(path, factor)


def _given_function(path: Path) -> Writer:
    process, named = path.process, dict(path.parameters)
    assert isinstance(process, PathFunction)
    part = {Purpose.OUTER_WEIGHTS: "outer", Purpose.INNER_WEIGHTS: "inner", Purpose.BIAS: "bias"}[
        Purpose(path.stream[2])
    ]

    def write(first: int, out: SingleArray) -> None:
        # One layer at a time: a function of several times may round each in another way.
        for k, row in enumerate(out, first):
            row[:] = process.evaluate(np.array([k / path.depth]), path.shape, named, part=part).ravel()

    return Writer(write, f"function {process.name}")


def _pieces(path: Path) -> Writer:
    from theory_check.kernels import paths

    pieces = int(dict(path.parameters).get("pieces", 1.0))

    def write(first: int, out: SingleArray) -> None:
        layers = np.arange(first, first + len(out))
        paths.write_pieces(*path.stream, piece_of_layer(pieces, layers, path.depth), path.deviation, out)

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


def _bridges(path: Path) -> Writer:
    from theory_check.kernels import paths

    depth, process = path.depth, path.process
    rate = ORNSTEIN_UHLENBECK.rate(dict(path.parameters)) / depth
    increments = isinstance(process, WeightProcess) and process.increments
    # A call draws the chain of the ends and at most two tiles that it does not return: 3 sqrt(depth) layers at most.
    length = 2 ** max(0, round(math.log2(depth) / 2.0))
    chain = np.array([math.exp(-rate * length), math.sqrt(-math.expm1(-2.0 * rate * length))])
    unit = 1.0 / math.sqrt(-2.0 * math.expm1(-rate)) if increments else 0.0
    steps, tiles = bridge_steps(rate, length), -(-depth // length)

    def write(first: int, out: SingleArray) -> None:
        paths.write_bridges(*path.stream, chain, steps, tiles, unit, path.deviation, first, out)

    return Writer(write, f"bridges over {length} layers")


@lru_cache(maxsize=8)
def _covariance(law: Law) -> Covariance:
    return path_covariance(law.process, dict(law.parameters), law.depth)


@lru_cache(maxsize=8)
def _factor(law: Law, most: int) -> LowRankFactor | None:
    return low_rank_factor(law.covariance, law.variances, most)


@lru_cache(maxsize=8)
def _checked_factor(law: Law) -> LowRankFactor | None:
    assert isinstance(law.process, CovarianceProcess)
    law.process.check(law.depth, dict(law.parameters))
    return _factor(law, law.depth if law.depth <= FULL_RANK_DEPTH else LOW_RANK)


@lru_cache(maxsize=TILES)
def _factor_rows(law: Law, factor: LowRankFactor, tile: int) -> SingleArray:
    """Return the rows of the factor for the layers of a tile, padded by zeros to multiples of 4."""
    layers = np.arange(tile * TILE, min((tile + 1) * TILE, law.depth))
    rows = factor.rows(law.covariance, layers)
    padded = np.zeros((len(rows), padded_rank(rows.shape[1])), np.float32)
    padded[:, : rows.shape[1]] = rows
    return padded


@lru_cache(maxsize=2)
def _scaled_rows(law: Law, factor: LowRankFactor, deviation: float, first: int, last: int) -> SingleArray:
    """Return the rows of layers ``first`` to ``last - 1`` times the deviation: weights have one, biases another."""
    tiles = range(first // TILE, -(-last // TILE))
    rows = np.concatenate([_factor_rows(law, factor, tile) for tile in tiles])
    scaled = rows[first - tiles.start * TILE :][: last - first] * np.float32(deviation)
    scaled.setflags(write=False)
    return np.asarray(scaled)


def _combinations(path: Path, factor: LowRankFactor) -> Writer:
    from theory_check.kernels import paths

    law = path.law

    def write(first: int, out: SingleArray) -> None:
        paths.write_combinations(*path.stream, _scaled_rows(law, factor, path.deviation, first, first + len(out)), out)

    return Writer(write, f"factor of rank {len(factor.pivots)}")


@lru_cache(maxsize=8)
def _spectrum(law: Law) -> FloatArray | None:
    """Return the square roots of eigenvalue / N of the shortest embedding without negative eigenvalues."""
    for length in embedding_sizes(law.depth):
        eigenvalues = circulant_spectrum(law.correlations(length + 1))
        if eigenvalues is not None:
            return np.asarray(np.sqrt(eigenvalues / len(eigenvalues)))
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

    return Writer(write, f"circulant embedding of length {len(spectrum)}")


#: How the paths of a process are made, by its generator.
WRITERS: dict[Generator, Callable[[Path], Writer]] = {
    "circulant": _circulant,
    "gaussian": _gaussian,
    "markov": _bridges,
    "pieces": _pieces,
    "covariance": _given_covariance,
    "function": _given_function,
}
