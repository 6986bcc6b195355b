"""Paths of weights along the layers, for one replicate.

Entries of a matrix are numbered row by row; the lanes are LANES entries of a group, or LANES parts of the stream of one
pair of entries. Every entry has streams of its own, so that its path depends on nothing but its number, and a layer is
computed by the same operations whatever other layers are asked for. Paths are written layer by layer,
``out[layer - first, entry]``, with the deviation of the weights multiplied in.
"""

from __future__ import annotations

import numpy as np
from numpy import float32

from theory_check.kernels import LANES
from theory_check.kernels.compilation import kernel
from theory_check.kernels.rows import fill_normal
from theory_check.kernels.tiles import multiply
from theory_check.kernels.vectors import SIZE
from theory_check.kernels.words import seed_entries

_PART = 64  # layers of combinations whose last entries are copied at a time
_BLOCK = 16  # layers of a block of a transposition: 16 lines of 64 bytes for each pair stay in the first-level cache


@kernel()
def fill_spectra(key, replicate, first_pair, purpose, amplitudes, spectra):
    """Write ``spectra[p, i] = amplitudes[i] * z``, z standard normal, for the pairs of entries from ``first_pair``."""
    state = np.empty(4 * LANES, np.uint32)
    size = amplitudes.size
    row = np.empty((size + 2 * LANES - 1) // (2 * LANES) * 2 * LANES, np.float32)
    parameters = np.empty(0, np.float64)
    for p in range(spectra.shape[0]):
        seed_entries(state, key, replicate, first_pair + p, 0, purpose)
        fill_normal(state, row, parameters)
        for i in range(size):
            spectra[p, i] = amplitudes[i] * row[i]


@kernel()
def write_pairs(series, first, out, first_entry):
    """Copy layers from ``first`` of series of pairs, shape (pairs, 2 * length), to the columns of their entries.

    ``series[p, 2 k]`` and ``series[p, 2 k + 1]`` are layer k of the two entries of pair p. Entries beyond the last
    column of ``out`` are dropped.
    """
    layers, entries = out.shape
    last_entry = min(first_entry + 2 * series.shape[0], entries)
    for start in range(0, layers, _BLOCK):
        stop = min(start + _BLOCK, layers)
        for entry in range(first_entry, last_entry):
            pair = (entry - first_entry) // 2
            part = (entry - first_entry) % 2
            for k in range(start, stop):
                out[k, entry] = series[pair, 2 * (first + k) + part]


@kernel()
def write_combinations(key, replicate, purpose, factor, out):
    """Write ``out[k, entry] = sum_j factor[k, j] z[j, entry]`` with standard normal z.

    ``factor`` has at least the layers of ``out``, and an even number of columns.
    """
    layers, entries = out.shape
    rank = factor.shape[1]
    state = np.empty(4 * LANES, np.uint32)
    normals = np.empty(rank * LANES, np.float32)
    part = np.empty(_PART * SIZE, np.float32)
    parameters = np.empty(0, np.float64)
    coefficients, flat = factor.reshape(-1), out.reshape(-1)
    rows, columns = np.arange(layers) * rank, np.arange(rank)
    for group in range((entries + LANES - 1) // LANES):
        seed_entries(state, key, replicate, group, 0, purpose)
        fill_normal(state, normals, parameters)
        start = group * LANES
        lanes = min(LANES, entries - start)
        whole = lanes // SIZE
        multiply(coefficients, rows, columns, normals, (LANES, SIZE), whole, flat[start:], (entries, SIZE))
        if lanes == whole * SIZE:
            continue
        # Sixteen entries at a time would write beyond the last.
        rest = normals[whole * SIZE :]
        for first in range(0, layers, _PART):
            some = rows[first : min(first + _PART, layers)]
            multiply(coefficients, some, columns, rest, (LANES, SIZE), 1, part, (SIZE, SIZE))
            for i in range(some.size):
                for lane in range(whole * SIZE, lanes):
                    out[first + i, start + lane] = part[i * SIZE + lane - whole * SIZE]


@kernel()
def write_pieces(key, replicate, purpose, pieces, deviation, out):
    """Write ``out[k, entry] = deviation * z[pieces[k], entry]``, standard normal z independent for different pieces."""
    layers, entries = out.shape
    state = np.empty(4 * LANES, np.uint32)
    row = np.empty(2 * LANES, np.float32)
    parameters = np.empty(0, np.float64)
    scale = float32(deviation)
    for k in range(layers):
        if k > 0 and pieces[k] == pieces[k - 1]:
            for entry in range(entries):
                out[k, entry] = out[k - 1, entry]
        else:
            for start in range(0, entries, 2 * LANES):
                seed_entries(state, key, replicate, start // (2 * LANES), pieces[k], purpose)
                fill_normal(state, row, parameters)
                for entry in range(start, min(start + 2 * LANES, entries)):
                    out[k, entry] = scale * row[entry - start]


@kernel()
def write_bridges(key, replicate, purpose, chain, steps, tiles, increments, deviation, first, out):
    """Write a stationary Gaussian Markov sequence, or its normalised increments, from layer ``first`` on.

    Layers are cut into tiles of ``len(steps)``, ``tiles`` of them. The values x at the ends of the tiles are a chain,
    ``x' = chain[0] x + chain[1] z``; within a tile, the bridge between its ends is filled from the left,
    ``x_{i+1} = steps[i, 0] x_i + steps[i, 1] end + steps[i, 2] z``. The chain is drawn anew in every call, a tile only
    if it is needed. Increments are in units of 1 / ``increments``; 0 stands for values. State in double precision, so
    that increments of a slow process do not cancel.
    """
    layers, entries = out.shape
    length = steps.shape[0]
    state = np.empty(4 * LANES, np.uint32)
    knots = np.empty((tiles + 2) // 2 * 2 * LANES, np.float32)
    row = np.empty((length + 1) // 2 * 2 * LANES, np.float32)
    start, now, end = np.empty(LANES, np.float64), np.empty(LANES, np.float64), np.empty(LANES, np.float64)
    parameters = np.empty(0, np.float64)
    for group in range((entries + LANES - 1) // LANES):
        seed_entries(state, key, replicate, group, 0, purpose)
        fill_normal(state, knots, parameters)
        first_entry = group * LANES
        lanes = min(LANES, entries - first_entry)
        for lane in range(LANES):
            end[lane] = knots[lane]
        for tile in range((first + layers - 1) // length + 1):
            for lane in range(LANES):
                start[lane] = end[lane]
                end[lane] = chain[0] * end[lane] + chain[1] * knots[(tile + 1) * LANES + lane]
            if (tile + 1) * length <= first:
                continue
            seed_entries(state, key, replicate, group, tile + 1, purpose)
            fill_normal(state, row, parameters)
            for i in range(length):
                k = tile * length + i - first
                z = row[i * LANES : (i + 1) * LANES]
                for lane in range(LANES):
                    now[lane] = start[lane]
                    start[lane] = steps[i, 0] * start[lane] + steps[i, 1] * end[lane] + steps[i, 2] * z[lane]
                if 0 <= k < layers:
                    if increments > 0.0:
                        for lane in range(lanes):
                            out[k, first_entry + lane] = deviation * (increments * (start[lane] - now[lane]))
                    else:
                        for lane in range(lanes):
                            out[k, first_entry + lane] = deviation * now[lane]
