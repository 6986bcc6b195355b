"""Kernels of weight paths against NumPy twins, with bounds on the roundings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy_twins import LANES, UNIT, entry_normals, entry_words, key_of, new_state

from theory_check.kernels import paths
from theory_check.kernels.words import draw_words, seed_entries

KEY = key_of(11)
PURPOSE = 1

#: Numbers of entries on both sides of one and two groups of lanes.
ENTRIES = [1, 2, 63, 64, 65, 128, 130]


@given(
    replicate=st.integers(0, 2**32 - 1),
    group=st.integers(0, 2**26 - 1),
    layer=st.integers(0, 2**32 - 1),
    purpose=st.integers(0, 8),
)
def test_seeds_of_entries_are_those_of_the_twin(replicate, group, layer, purpose):
    state, found = new_state(), np.empty(3 * LANES, np.uint32)
    seed_entries(state, KEY, replicate, group, layer, purpose)
    draw_words(state, found)
    np.testing.assert_array_equal(found.reshape(3, LANES), entry_words(KEY, replicate, group, layer, purpose, 3))


@pytest.mark.parametrize("length", [1, 20, 64, 65])
def test_spectra_are_those_of_the_twin(length):
    amplitudes = np.repeat(np.linspace(0.1, 2.0, length), 2).astype(np.float32)
    found = np.empty((3, 2 * length), np.float32)
    paths.fill_spectra(KEY, 5, 7, PURPOSE, amplitudes, found)
    for row, pair in zip(found, (7, 8, 9), strict=True):
        columns = -(-2 * length // LANES)
        normals, bounds = (part.ravel()[: 2 * length] for part in entry_normals(KEY, 5, pair, 0, PURPOSE, columns))
        # One rounding of the product.
        assert np.all(np.abs(row - amplitudes * normals) <= amplitudes * (bounds + UNIT * (np.abs(normals) + bounds)))


@pytest.mark.parametrize("entries", [1, 2, 5, 6, 9])
@pytest.mark.parametrize(("first", "layers"), [(0, 1), (3, 17), (0, 40)])
def test_pairs_are_transposed_as_by_the_twin(entries, first, layers):
    series = np.arange(2 * 2 * 40, dtype=np.float32).reshape(2, 80)
    out = np.full((layers, entries), -1.0, np.float32)
    paths.write_pairs(series, first, out, 4)
    expected = np.full((layers, 8), -1.0, np.float32)
    expected[:, 4:] = series.reshape(2, 40, 2).transpose(1, 0, 2).reshape(40, 4)[first : first + layers]
    np.testing.assert_array_equal(out[:, :8], expected[:, :entries])
    assert np.all(out[:, 8:] == -1.0)


@pytest.mark.parametrize("entries", ENTRIES)
@pytest.mark.parametrize(("layers", "rank"), [(1, 4), (5, 8), (8, 36)])
def test_combinations_are_those_of_the_twin(entries, layers, rank):
    rng = np.random.Generator(np.random.Philox(3))
    factor = np.zeros((-(-layers // 4) * 4, rank), np.float32)
    factor[:layers] = rng.standard_normal((layers, rank))
    found = np.empty((layers, entries), np.float32)
    paths.write_combinations(KEY, 6, PURPOSE, factor, found)
    for group in range(-(-entries // LANES)):
        normals, bounds = entry_normals(KEY, 6, group, 0, PURPOSE, rank)
        expected = factor[:layers].astype(np.float64) @ normals
        size = np.abs(factor[:layers]).astype(np.float64)
        bound = size @ bounds + (rank + 1) * UNIT * (size @ (np.abs(normals) + bounds))
        part = found[:, group * LANES : (group + 1) * LANES]
        assert np.all(np.abs(part - expected[:, : part.shape[1]]) <= bound[:, : part.shape[1]])


@pytest.mark.parametrize("entries", ENTRIES)
def test_pieces_are_those_of_the_twin(entries):
    pieces = np.array([4, 4, 5, 9, 9, 9])
    found = np.empty((6, entries), np.float32)
    paths.write_pieces(KEY, 6, PURPOSE, pieces, 0.3, found)
    for row, piece in zip(found, pieces, strict=True):
        drawn = [entry_normals(KEY, 6, pair, piece, PURPOSE, 2) for pair in range(-(-entries // (2 * LANES)))]
        normals, bounds = (np.concatenate([d[i].ravel() for d in drawn])[:entries] for i in (0, 1))
        # The factor and the product are rounded.
        assert np.all(np.abs(row - 0.3 * normals) <= 0.3 * (bounds + 2 * UNIT * (np.abs(normals) + bounds)))


@pytest.mark.parametrize("entries", [1, 65])
@pytest.mark.parametrize("increments", [0.0, 2.5])
@pytest.mark.parametrize(("first", "last"), [(0, 1), (3, 5), (2, 11), (0, 12), (11, 12)])
def test_bridges_are_those_of_the_twin(entries, increments, first, last):
    length, tiles = 4, 3
    steps = np.array([[0.5, 0.3, 0.4], [0.2, 0.6, 0.3], [0.4, 0.5, 0.2], [0.0, 1.0, 0.0]])
    chain = np.array([0.8, 0.6])
    found = np.empty((last - first, entries), np.float32)
    paths.write_bridges(KEY, 6, PURPOSE, chain, steps, tiles, increments, 0.7, first, found)
    for group in range(-(-entries // LANES)):
        knots, knot_bounds = entry_normals(KEY, 6, group, 0, PURPOSE, tiles + 1)
        values, bounds = [knots[0]], [knot_bounds[0]]
        end, end_bound = values[0], bounds[0]
        for tile in range(tiles):
            end = chain[0] * end + chain[1] * knots[tile + 1]
            end_bound = chain[0] * end_bound + chain[1] * knot_bounds[tile + 1]
            noise, noise_bounds = entry_normals(KEY, 6, group, tile + 1, PURPOSE, length)
            for i in range(length):
                values.append(steps[i, 0] * values[-1] + steps[i, 1] * end + steps[i, 2] * noise[i])
                bounds.append(steps[i, 0] * bounds[-1] + steps[i, 1] * end_bound + steps[i, 2] * noise_bounds[i])
        values, bounds = np.array(values), np.array(bounds)
        if increments:
            values, bounds = increments * np.diff(values, axis=0), increments * (bounds[1:] + bounds[:-1])
        # Double precision but for the last rounding.
        part = found[:, group * LANES : (group + 1) * LANES]
        columns = part.shape[1]
        expected, bound = 0.7 * values[first:last, :columns], 0.7 * bounds[first:last, :columns]
        assert np.all(np.abs(part - expected) <= bound + 1.001 * UNIT * (np.abs(expected) + bound))
