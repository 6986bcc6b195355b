"""All increments of a layer with random signs as weights, for moments by enumeration."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

#: Branch, width and kappa of networks small enough to enumerate.
CASES = [("linear", 2, 1.0), ("linear", 3, 1.0), ("res-3", 2, 0.5)]


def sign_matrices(width: int) -> Iterator[np.ndarray]:
    for signs in itertools.product((-1.0, 1.0), repeat=width * width):
        yield np.array(signs).reshape(width, width) / np.sqrt(width)


def increments(branch: str, width: int) -> np.ndarray:
    """All values of X in J = I + a X, equally likely, for random signs."""
    if branch == "linear":
        return np.array(list(sign_matrices(width)))
    slopes = [np.array(s) for s in itertools.product((0.0, 1.0), repeat=width)]
    return np.array([v * s @ w for v in sign_matrices(width) for s in slopes for w in sign_matrices(width)])
