"""The numbers of a lane of the plane chain, drawn one after another, in the arithmetic of a type of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy_twins import LANES, key_of, words

from theory_check.foundation.streams import Purpose
from theory_check.kernels.rows import normal_pair

KEY = key_of(23)
FIRST_REPLICATE = 3 * LANES


@cache
def _stream(layer, purpose):
    return words(KEY, FIRST_REPLICATE, layer, purpose, 100)


class Lane:
    """The stream of a lane at a layer as a list of words, and the numbers of a chain that are made of them."""

    def __init__(self, layer, purpose, lane, number=float):
        self._drawn, self._number = iter(_stream(layer, purpose)[:, lane]), number

    def words(self, count):
        return [int(next(self._drawn)) for _ in range(count)]

    def normals(self, count):
        given = self.words(count)
        pairs = [
            normal_pair(np.uint32(r), np.uint32(a))
            for r, a in zip(given[: count // 2], given[count // 2 :], strict=True)
        ]
        return [self._number(float(pair[part])) for part in (0, 1) for pair in pairs]

    def chi_square(self, degrees, normal, word):
        """Marsaglia and Tsang with the quick test left out, which changes nothing."""
        if degrees < 2:
            return max(degrees, 0) * normal**2
        m = self._number(degrees) / 2 - self._number(1) / 3
        while True:
            z = (1 + normal / (9 * m) ** self._number(0.5)) ** 3
            # Rounded, the test decides alike but for one word in 2^20 or so.
            bound = float(normal) ** 2 / 2 + float(m) * (1 - float(z) + math.log(z)) if z > 0 else -math.inf
            if math.log((word + 0.5) / 2**32) < bound:
                return 2 * m * z
            normal = self.normals(2)[0]
            word = self.words(1)[0]


@dataclass(frozen=True)
class LayerNumbers:
    """Of a forward pass: eta along e and f, the square of its rest, N, and the squares of both parts of W h."""

    along: object
    beside: object
    rest: object
    count: int
    active: object
    passive: object


def layer_numbers(branch, slope, width, layer, lane, number=float):
    """The numbers that the forward pass draws for a layer."""
    draw = Lane(layer, Purpose.REDUCED_FORWARD, lane, number)
    normals, given = draw.normals(4), draw.words(2)
    rest = draw.chi_square(max(width - 2, 0), normals[2], given[0])
    count, active, passive = 0, number(0), number(0)
    if branch != "linear":
        for place, word in enumerate(draw.words(-(-width // 32))):
            count += (word >> max(0, 32 * (place + 1) - width)).bit_count()
        active = draw.chi_square(count, normals[3], given[1])
        if slope:
            more, other = draw.normals(2), draw.words(2)
            passive = draw.chi_square(width - count, more[0], other[0])
    return LayerNumbers(normals[0], normals[1] if width > 1 else number(0), rest, count, active, passive)
