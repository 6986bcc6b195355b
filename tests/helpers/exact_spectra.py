"""Singular values of products of matrices of doubles, in whole numbers: no rounding but that of the last logarithm."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np


def whole_numbers(matrix, shifts):
    """A matrix of doubles, row i times 2^shifts[i], as whole numbers over one power of two."""
    ratios = [[float(x).as_integer_ratio() for x in row] for row in matrix]
    places = max(bottom.bit_length() - 1 - int(s) for row, s in zip(ratios, shifts, strict=True) for _, bottom in row)
    rows = [
        [top * 2 ** (places + int(s) - bottom.bit_length() + 1) for top, bottom in row]
        for row, s in zip(ratios, shifts, strict=True)
    ]
    return np.array(rows, dtype=object), places


def exact_symmetric(matrix, places):
    """log e_k of the squared singular values of a whole matrix over 2^places, k = 1..width, in whole numbers.

    e_k, the sum over all k of them of their product, is up to its sign a coefficient of the characteristic polynomial
    of A^T A (Faddeev and LeVerrier; the divisions are exact). All terms are positive: values that are all right to a
    relative error eps give e_k to 2 k eps, and a wrong k-th value shows in e_k.
    """
    product = matrix.T @ matrix
    power, found = np.identity(len(matrix), dtype=int).astype(object), []
    for k in range(1, len(matrix) + 1):
        power = product @ power
        trace = sum(power[i, i] for i in range(len(matrix)))
        assert trace % k == 0
        found.append(math.log(abs(trace // k)) - 2 * k * places * math.log(2))
        power = power - (trace // k) * np.identity(len(matrix), dtype=int).astype(object)
    return np.array(found)


def symmetric(logarithms):
    """log e_k of the squares, from the logarithms of singular values."""
    sums = [[2 * sum(part) for part in combinations(logarithms, k)] for k in range(1, len(logarithms) + 1)]
    return np.array([max(part) + math.log(math.fsum(math.exp(x - max(part)) for x in part)) for part in sums])
