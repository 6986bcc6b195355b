"""Paths of correlated weights from their normal numbers to their layers, by the textbook in decimal arithmetic."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from decimal_textbook import cosine, dot, half_turn, precisely
from numpy_twins import LANES, UNIT, key_of, new_state

from theory_check.foundation.streams import Purpose
from theory_check.kernels.rows import fill_normal
from theory_check.kernels.words import seed_entries
from theory_check.networks.weights import Weights
from theory_check.simulation.paths.sources import open_paths

KEY, REPLICATE, PURPOSE, WIDTH = key_of(31), 5, Purpose.INNER_WEIGHTS, 2


def normals(group, layer, count):
    """The normal numbers of a stream as the kernel draws them, as decimals; the order depends on their number."""
    state, row = new_state(), np.empty(count, np.float32)
    seed_entries(state, KEY, REPLICATE, group, layer, int(PURPOSE))
    fill_normal(state, row, np.empty(0))
    return [Decimal(float(z)) for z in row]


def correlation(name, parameters, lag):
    """Of two values whose times differ by a lag, from the definitions."""
    length = Decimal(parameters.get("length", 1.0))
    if name == "smooth":
        return (-lag * lag / (2 * length * length)).exp()
    if name == "periodic":
        # 2 sin^2 x is 1 - cos 2x.
        return (-(1 - cosine(2 * half_turn() * lag / Decimal(parameters["period"]))) / (length * length)).exp()
    if name == "ou":
        return (-lag / length).exp()
    x = (2 * Decimal(parameters["nu"])).sqrt() * lag / length
    polynomial = {0.5: 1, 1.5: 1 + x, 2.5: 1 + x + x * x / 3}[parameters["nu"]]
    return polynomial * (-x).exp()


def correlations(name, parameters, depth):
    """Of the weights of layers 0, 1, 2, ... apart."""
    if name == "fgn":
        twice = 2 * Decimal(parameters["hurst"])
        powers = [Decimal(n) ** twice for n in range(depth + 1)]
        return [Decimal(1), *((powers[n + 1] - 2 * powers[n] + powers[n - 1]) / 2 for n in range(1, depth))]
    of, lags = name.removesuffix("-increments"), [Decimal(n) / depth for n in range(depth + 1)]
    k = [correlation(of, parameters, lag) for lag in lags]
    if of == name:
        return k[:depth]
    return [Decimal(1), *((2 * k[n] - k[n - 1] - k[n + 1]) / (2 * (1 - k[1])) for n in range(1, depth))]


def factor(rho, depth):
    """Rows of the pivoted Cholesky factor; of pivots within 2^-6 of the largest the first; up to 2^-48 is left out."""
    left, rows = [Decimal(1)] * depth, [[] for _ in range(depth)]
    while max(left) > Decimal(2) ** -48:
        pivot = next(k for k in range(depth) if left[k] >= (1 - Decimal(2) ** -6) * max(left))
        root, known = left[pivot].sqrt(), list(rows[pivot])
        for k in range(depth):
            rows[k].append((rho[abs(k - pivot)] - dot(rows[k], known)) / root)
            left[k] -= rows[k][-1] ** 2
        left[pivot] = Decimal(0)
    return rows


@precisely
def by_factor(rho, depth):
    """Layers of each entry, and a bound on the roundings of the kernel in units of single precision."""
    rows = factor(rho, depth)
    rank = len(rows[0])
    drawn = normals(0, 0, -(-rank // 4) * 4 * LANES)
    paths, sizes = [], []
    for entry in range(WIDTH * WIDTH):
        z = [drawn[j * LANES + entry] for j in range(rank)]
        paths.append([dot(row, z) for row in rows])
        # Each term rounds in its row, times the deviation, in its product and in at most rank + 2 sums. Rows are known
        # to 2^-53 rank over the root of a residual above 2^-48, which is rank 2^-29 or rank UNIT / 32.
        size = [sum(abs(f * x) for f, x in zip(row, z, strict=True)) for row in rows]
        sizes.append([(rank + 5) * s + Decimal(rank) / 32 * sum(map(abs, z)) for s in size])
    return paths, sizes


@precisely
def by_transform(rho, depth, lags):
    """As above by a circulant embedding of 2 lags points, the discrete Fourier transforms written out."""
    points = 2 * lags
    turn = [cosine(2 * half_turn() * k / points) for k in range(points)]
    quarter = [cosine(2 * half_turn() * k / points - half_turn() / 2) for k in range(points)]
    row = [rho[min(k, points - k)] for k in range(points)]
    amplitudes = [(sum(r * turn[j * k % points] for k, r in enumerate(row)) / points).sqrt() for j in range(points)]
    paths, sizes = [], []
    for pair in range(WIDTH * WIDTH // 2):
        drawn = normals(pair, 0, -(-2 * points // (2 * LANES)) * 2 * LANES)
        real, imaginary = ([a * z for a, z in zip(amplitudes, drawn[part::2], strict=False)] for part in (0, 1))
        paths.append([dot(real, c) + dot(imaginary, s) for c, s in _waves(turn, quarter, depth, points)])
        paths.append([dot(imaginary, c) - dot(real, s) for c, s in _waves(turn, quarter, depth, points)])
        # Amplitude, product and at most 4 log2 2N roundings of the transform; the deviation is in the amplitudes.
        size = (4 * math.ceil(math.log2(2 * points)) + 3) * sum(map(abs, real + imaginary))
        sizes += [[size] * depth] * 2
    return paths, sizes


def _waves(turn, quarter, depth, points):
    return [[[table[j * k % points] for j in range(points)] for table in (turn, quarter)] for k in range(depth)]


@precisely
def by_bridges(rho, depth, increments, length):
    """As above, chains between the ends of tiles of a length and the regression of a value on its two neighbours."""
    tiles = -(-depth // length)
    knots = normals(0, 0, (tiles + 2) // 2 * 2 * LANES)
    noise = [normals(0, tile + 1, (length + 1) // 2 * 2 * LANES) for tile in range(tiles)]
    q, paths, sizes = rho[1], [], []
    for entry in range(WIDTH * WIDTH):
        values, end = [], knots[entry]
        for tile in range(tiles):
            now, end = end, q**length * end + (1 - q ** (2 * length)).sqrt() * knots[(tile + 1) * LANES + entry]
            for i in range(length):
                values.append(now)
                s = length - i
                one, rest, whole = (1 - q ** (2 * n) for n in (1, s - 1, s))
                z = noise[tile][i * LANES + entry]
                now = (q * rest * now + q ** (s - 1) * one * end) / whole + (one * rest / whole).sqrt() * z
        values.append(now)
        unit = 1 / (2 * (1 - q)).sqrt()
        steps = [unit * (y - x) for x, y in pairwise(values)]
        paths.append((steps if increments else values)[:depth])
        # Double precision but for the last rounding.
        sizes.append([Decimal("1.001") * (abs(x) + Decimal("1e-6")) for x in paths[-1]])
    return paths, sizes


CASES = [
    ("smooth", {"length": 0.1}), ("smooth", {"length": 0.5}), ("smooth-increments", {"length": 0.2}),
    ("matern", {"nu": 0.5, "length": 0.1}), ("matern", {"nu": 1.5, "length": 0.3}),
    ("matern", {"nu": 2.5, "length": 2.0}),
    ("matern-increments", {"nu": 1.5, "length": 0.3}), ("periodic", {"length": 1.0, "period": 1.0}),
    ("periodic", {"length": 0.5, "period": 3.0}), ("ou", {"length": 0.1}), ("ou-increments", {"length": 0.3}),
    ("fgn", {"hurst": 0.2}), ("fgn", {"hurst": 0.5}), ("fgn", {"hurst": 0.9}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=lambda part: part if isinstance(part, str) else None)
@pytest.mark.parametrize("depth", [5, 6])
def test_paths_are_the_textbook(name, parameters, depth):
    weights = Weights.parse(f"{name}:" + ",".join(f"{key}={value}" for key, value in parameters.items()))
    source = open_paths(weights, WIDTH, depth, KEY, REPLICATE, PURPOSE)
    found = source.layers(0, depth).reshape(depth, -1).astype(np.float64)
    # Bridges make increments of the values of that process.
    of = name.removesuffix("-increments") if name.startswith("ou") else name
    rho = precisely(correlations)(of, parameters, depth)
    if name == "fgn":
        paths, sizes = by_transform(rho, depth, int(source.method.split()[-1]) // 2)
    elif name.startswith("ou"):
        paths, sizes = by_bridges(rho, depth, name != "ou", 2)
    else:
        paths, sizes = by_factor(rho, depth)
        assert source.method == f"factor of rank {len(factor(rho, depth)[0])}"
    expected, bound = (math.sqrt(1 / WIDTH) * np.array(part, dtype=np.float64).T for part in (paths, sizes))
    assert np.all(np.abs(found - expected) <= UNIT * bound)
    assert np.max(bound) < 2000
