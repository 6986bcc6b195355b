"""Paths of correlated weights: the matrices of consecutive layers of one replicate, exact in law, in any order.

    source = open_paths(Weights.parse("fgn:hurst=0.7"), 40, 1000, key, replicate, Purpose.OUTER_WEIGHTS)
    source.layers(0, 100)  # V_1 .. V_100, shape (100, 40, 40), single precision

A path is a function of (key, replicate, purpose) alone: whatever layers are asked for, in whatever order, each has the
same bits. Memory is bounded by a budget. A path that fits is made once and kept; otherwise each call makes the layers
that it returns. That costs the same for every process but fractional noise (and others that are neither smooth nor
Markov), of which a whole path must be made to know any part: ask for as many layers at a time as memory allows.

Values are rounded to single precision; so is the arithmetic that makes them, with a relative error of a few 1e-7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.covariance_factors import (
    LowRankFactor,
    circulant_spectrum,
    embedding_size,
    low_rank_factor,
)
from theory_check.errors import SpecificationError
from theory_check.initializations import Weights
from theory_check.processes import piece_of_layer, process_names
from theory_check.specifications import check_integer
from theory_check.streams import Purpose, stream_key

SingleArray = NDArray[np.float32]
Words = NDArray[np.uint32]

#: ``write(first, out)`` writes the layers from ``first`` to ``out``, shape (layers, entries).
Writer = Callable[[int, SingleArray], None]

#: Bytes that a path may keep between calls, unless the caller says otherwise.
DEFAULT_BUDGET = 256 * 2**20

#: Largest rank of a factor that is preferred to the Fourier transform, and largest depth for a factor of full rank.
_LOW_RANK = 256
_FULL_RANK_DEPTH = 2048

#: A longer embedding has fewer negative eigenvalues; the longest that is tried, over the shortest.
_LONGEST_EMBEDDING = 16

#: Layers of a tile, computed together so that no layer's arithmetic depends on what is asked for.
_TILE = 256


@dataclass(frozen=True)
class PathSource:
    """The matrices of all layers of one replicate; see :func:`open_paths`.

    Attributes
    ----------
    weights : Weights
    depth : int
    shape : (int, int)
        Rows and columns of a matrix.
    kept : array, optional
        All layers, if they fit the budget.
    """

    weights: Weights
    depth: int
    shape: tuple[int, int]
    kept: SingleArray | None
    _write: Writer

    def layers(self, first: int, last: int) -> SingleArray:
        """Return the matrices of layers ``first`` to ``last - 1``, counted from 0: (last - first, rows, columns).

        The array is contiguous; it is a view of what is kept, not to be written to, or else new.
        """
        check_integer("first layer", first, 0, self.depth)
        check_integer("last layer", last, first, self.depth)
        if self.kept is not None:
            return self.kept[first:last]
        return self._make(first, last)

    def _make(self, first: int, last: int) -> SingleArray:
        out = np.empty((last - first, self.shape[0] * self.shape[1]), np.float32)
        if last > first:
            self._write(first, out)
        return out.reshape(last - first, *self.shape)


def open_paths(
    weights: Weights,
    width: int,
    depth: int,
    key: Words,
    replicate: int,
    purpose: Purpose,
    *,
    rows: int | None = None,
    budget_bytes: int = DEFAULT_BUDGET,
) -> PathSource:
    """Return the path of a weight matrix through the layers of one replicate.

    Entries are independent copies of the process, of variance ``weights.gain / width``.

    Parameters
    ----------
    weights : Weights
        Of a process.
    width, depth : int
        Columns of a matrix, number of layers.
    key : (2,) array of uint32
        Key of the streams of the cell.
    replicate : int
        Below 2^32.
    purpose : Purpose
        Which matrices: paths of different purposes are independent.
    rows : int, optional
        Rows of a matrix; default: as many as columns.
    budget_bytes : int
        Most memory that the path keeps between calls. A call needs the memory of what it returns, and fractional noise
        for a moment that of the spectra of eight paths.
    """
    if weights.process is None:
        raise SpecificationError(
            f"{weights} weights are independent from layer to layer; paths are made of {', '.join(process_names())}"
        )
    check_integer("replicate", replicate, 0, 2**32 - 1)
    shape = (width if rows is None else rows, width)
    write = _writer(weights, depth, math.sqrt(weights.gain / width), key, replicate, int(purpose))
    source = PathSource(weights, depth, shape, None, write)
    if 4 * depth * shape[0] * shape[1] > budget_bytes:
        return source
    kept = source._make(0, depth)
    kept.flags.writeable = False
    return PathSource(weights, depth, shape, kept, write)


def sample_paths(weights: Weights | str, *, depth: int, count: int, seed: int) -> SingleArray:
    """Return independent paths of one entry through the layers, of variance ``weights.gain``: (count, depth).

    The path of fractional Brownian motion of which fractional noise is the increment, on [0, 1]::

        noise = sample_paths("fgn:hurst=0.2", depth=1000, count=5, seed=1)
        path = noise.cumsum(axis=1) * 1000**-0.2
    """
    weights = Weights.parse(weights) if isinstance(weights, str) else weights
    key = np.array(stream_key(seed, f"sample paths of {weights} at depth {depth}"), np.uint32)
    # One column, so that the variance of an entry is the gain.
    source = open_paths(weights, 1, depth, key, 0, Purpose.OUTER_WEIGHTS, rows=count)
    return np.ascontiguousarray(source.layers(0, depth)[:, :, 0].T)


def _writer(weights: Weights, depth: int, deviation: float, key: Words, replicate: int, purpose: int) -> Writer:
    process = weights.process
    assert process is not None
    stream = (key, replicate, purpose)
    if process.generator == "pieces":
        return _write_pieces(int(dict(weights.parameters).get("pieces", 1.0)), depth, deviation, stream)
    law = Weights(weights.law, weights.parameters)
    if process.generator != "circulant" and (factor := _factor(law, depth, _LOW_RANK)) is not None:
        return _write_combinations(law, factor, depth, deviation, stream)
    if (spectrum := _spectrum(law, depth)) is not None:
        return _write_transforms(spectrum, deviation, stream)
    if depth <= _FULL_RANK_DEPTH and (factor := _factor(law, depth, depth)) is not None:
        return _write_combinations(law, factor, depth, deviation, stream)
    raise SpecificationError(
        f"{weights} weights at depth {depth} vary too slowly for a Fourier transform and too roughly for a factor of "
        f"rank {_LOW_RANK}; use a depth up to {_FULL_RANK_DEPTH} or another length"
    )


Stream = tuple[Words, int, int]


def _write_pieces(pieces: int, depth: int, deviation: float, stream: Stream) -> Writer:
    from theory_check.kernels import paths

    def write(first: int, out: SingleArray) -> None:
        layers = np.arange(first, first + len(out))
        paths.write_pieces(*stream, piece_of_layer(pieces, layers, depth), deviation, out)

    return write


@lru_cache(maxsize=8)
def _correlations(weights: Weights, depth: int, lags: int) -> NDArray[np.float64]:
    assert weights.process is not None
    return weights.process.autocovariance(dict(weights.parameters), depth, lags)


@lru_cache(maxsize=8)
def _factor(weights: Weights, depth: int, most: int) -> LowRankFactor | None:
    return low_rank_factor(_covariance(weights, depth), np.ones(depth), most)


def _covariance(weights: Weights, depth: int) -> Callable[[NDArray[np.int64], int], NDArray[np.float64]]:
    correlations = _correlations(weights, depth, depth)
    return lambda layers, pivot: correlations[np.abs(layers - pivot)]


@lru_cache(maxsize=64)
def _factor_tile(weights: Weights, depth: int, factor_rank: int, tile: int) -> SingleArray:
    """Return the rows of the factor for the layers of a tile, padded by zeros to multiples of 4."""
    most = _LOW_RANK if factor_rank <= _LOW_RANK else depth
    factor = _factor(weights, depth, most)
    assert factor is not None
    layers = np.arange(tile * _TILE, min((tile + 1) * _TILE, depth))
    rows = factor.rows(_covariance(weights, depth), layers)
    padded = np.zeros((_TILE, -(-rows.shape[1] // 4) * 4), np.float32)
    padded[: len(rows), : rows.shape[1]] = rows
    return padded


def _write_combinations(
    weights: Weights, factor: LowRankFactor, depth: int, deviation: float, stream: Stream
) -> Writer:
    from theory_check.kernels import paths

    rank = len(factor.pivots)

    def write(first: int, out: SingleArray) -> None:
        last = first + len(out)
        tiles = range(first // _TILE, -(-last // _TILE))
        rows = np.concatenate([_factor_tile(weights, depth, rank, tile) for tile in tiles])
        needed = np.zeros((-(-len(out) // 4) * 4, rows.shape[1]), np.float32)
        start = first - tiles[0] * _TILE
        needed[: len(out)] = rows[start : start + len(out)]
        needed *= np.float32(deviation)
        paths.write_combinations(*stream, needed, out)

    return write


@lru_cache(maxsize=8)
def _spectrum(weights: Weights, depth: int) -> NDArray[np.float64] | None:
    """Return the square roots of eigenvalue / N of the shortest embedding without negative eigenvalues."""
    shortest = embedding_size(depth)
    length = shortest
    while length <= _LONGEST_EMBEDDING * shortest:
        eigenvalues = circulant_spectrum(_correlations(weights, depth, length + 1))
        if eigenvalues is not None:
            return np.asarray(np.sqrt(eigenvalues / len(eigenvalues)))
        length *= 2
    return None


def _write_transforms(spectrum: NDArray[np.float64], deviation: float, stream: Stream) -> Writer:
    from scipy import fft

    from theory_check.kernels import paths

    key, replicate, purpose = stream
    amplitudes = np.repeat((deviation * spectrum).astype(np.float32), 2)
    # Pairs transformed together, always as many, so that a pair's arithmetic does not depend on the others.
    batch = max(4, min(32, 2**16 // len(spectrum)))

    def write(first: int, out: SingleArray) -> None:
        spectra = np.empty((batch, len(amplitudes)), np.float32)
        for first_entry in range(0, out.shape[1], 2 * batch):
            paths.fill_spectra(key, replicate, first_entry // 2, purpose, amplitudes, spectra)
            series: Any = fft.fft(spectra.view(np.complex64), axis=1, overwrite_x=True)
            paths.write_pairs(series.view(np.float32), first, out, first_entry)

    return write
