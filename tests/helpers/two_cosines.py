"""Cosines of two inputs of networks in plain NumPy."""

from __future__ import annotations

import math

import numpy as np


def cosines_after(rng, n, width, cosine, scaling, depth, slope):
    """Cosines of two inputs after networks of Gaussian weights."""
    h = np.zeros((n, width, 2))
    h[:, 0] = 1, cosine
    h[:, 1, 1] = math.sqrt(1 - cosine**2)
    for _ in range(depth):
        pre = rng.standard_normal((n, width, width)) @ h / math.sqrt(width)
        post = np.where(pre > 0, pre, slope * pre)
        h = h + scaling * (rng.standard_normal((n, width, width)) @ post) / math.sqrt(width)
    product = np.einsum("nij,nik->njk", h, h)
    return product[:, 0, 1] / np.sqrt(product[:, 0, 0] * product[:, 1, 1])
