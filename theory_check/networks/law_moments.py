r"""Moments of a law of entries by adaptive integration of its transform over two uniform numbers, with error bounds.

Notation. T(u, v) maps two independent uniforms to an entry; wanted are m_r = E T^r, r = 1..4, the integrals of T^r over
the unit square. Cells of the square are integrated by the product of the Kronrod extension of the Lobatto rule with
itself, 7 points that include the ends (Gander, Gautschi, *Adaptive quadrature - revisited*, BIT 40, 2000). Its distance
from that of the Lobatto rule of 4 points, times 1.2, bounds the error for a step anywhere in the cell, and is far above
it where T is smooth. The cell of the largest share is halved along the direction in which the rules differ more, until
the sum of these distances is small or the cells are used up. Then the sum itself is the bound: a law that jumps
everywhere has a wide one.

Tails. Cells are halved towards u = 0 and u = 1 from the start: shells (c 2^-k, c 2^(1-k)). What lies beyond the last
shell is bounded by the geometric series of the last ratio of shells. Where shells do not shrink the moment does not
exist.

A function is known by its values alone: a needle between the points of the first cells, of a mass below 1/100 away from
the ends, is not seen.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError

#: The rules on [-1, 1]. The ends are moved inwards, since a law may jump where a cell ends, at v = 1/2 for example.
_NODES = np.array([-1.0, -math.sqrt(2 / 3), -math.sqrt(1 / 5), 0.0, math.sqrt(1 / 5), math.sqrt(2 / 3), 1.0]) * (
    1 - 1e-9
)
_KRONROD = np.array([77.0, 432.0, 625.0, 672.0, 625.0, 432.0, 77.0]) / 2940.0
_LOBATTO = np.array([1.0, 0.0, 5.0, 0.0, 5.0, 0.0, 1.0]) / 12.0

#: Largest error of the longer rule for a step, over its distance from the shorter one: .0656/.0572.
_STEP = 1.2

#: Shells on either side: u has 64 random bits, and near 1 the points of a shell must differ from 1 in double precision.
_LOWER_SHELLS, _UPPER_SHELLS = 64, 45

#: Where the outermost shells begin. No power of 2, so that points of different shells differ in their leading bits too:
#: laws are sometimes made by reading the bits of u in two halves.
_EDGE = 0.29

#: Cells in which the middle of u, and v, are cut from the start, so that no wide part of the square is overlooked.
_MIDDLE, _ACROSS = 16, 2

#: Shells over which the last ratio is averaged; the moment exists if it is below this.
_LAST = 8
_SHRINKING = 0.999

_ORDERS = 4


@dataclass(frozen=True)
class EntryMoments:
    """Raw moments of an entry with bounds of their errors, infinite where a moment does not exist.

    Attributes
    ----------
    values : tuple of float
        E T, E T^2, E T^3, E T^4.
    bounds : tuple of float
    """

    values: tuple[float, ...]
    bounds: tuple[float, ...]


@dataclass(frozen=True, order=True)
class _Cell:
    priority: float
    left: float
    bottom: float
    width: float
    height: float
    along_u: bool
    shell: int
    values: tuple[float, ...]
    errors: tuple[float, ...]


def entry_moments(
    transform: Callable[[float, float, Sequence[float]], float],
    constants: Sequence[float],
    *,
    error: float = 1e-4,
    cells: int = 4000,
) -> EntryMoments:
    """Return the first four moments of ``transform(u, v, constants)``.

    Parameters
    ----------
    transform : callable
        Of two uniform numbers on (0, 1) and the constants.
    constants : sequence of float
    error : float
        Bounds that are enough, relative to max(1, m_r).
    cells : int
        That are integrated at most, 49 values of the transform each.

    Returns
    -------
    EntryMoments

    Raises
    ------
    SpecificationError
        If a value is not finite.

    Examples
    --------
    >>> import math
    >>> laplace = entry_moments(lambda u, v, _: math.copysign(math.log(u), v - 0.5) / math.sqrt(2), ())
    >>> [round(value, 3) + 0.0 for value in laplace.values]
    [0.0, 1.0, 0.0, 6.0]
    """
    heap = [_integrated(transform, constants, place) for place in _first_places()]
    heapq.heapify(heap)
    count = len(heap)
    values = np.sum([cell.values for cell in heap], axis=0)
    errors = np.sum([cell.errors for cell in heap], axis=0)
    scale = np.maximum(1.0, np.abs(values))
    while count < cells and np.any(errors > error * np.maximum(1.0, np.abs(values))):
        worst = heapq.heappop(heap)
        for place in _halves(worst):
            found = _integrated(transform, constants, place, scale)
            heapq.heappush(heap, found)
            values += np.array(found.values)
            errors += np.array(found.errors)
            count += 1
        values -= np.array(worst.values)
        errors -= np.array(worst.errors)
    # Sums that were kept up to date have lost digits.
    values, errors = (np.sum([getattr(cell, name) for cell in heap], axis=0) for name in ("values", "errors"))
    bounds = errors + _beyond(heap, _LOWER_SHELLS, 1) + _beyond(heap, _UPPER_SHELLS, -1)
    return EntryMoments(tuple(map(float, values)), tuple(map(float, bounds)))


#: Left end, bottom, width, height and shell of a cell: 1, 2, .. from u = 0, -1, -2, .. from u = 1, 0 in the middle.
_Place = tuple[float, float, float, float, int]


def _first_places() -> list[_Place]:
    step = (1.0 - 2.0 * _EDGE) / _MIDDLE
    columns = [(_EDGE + k * step, step, 0) for k in range(_MIDDLE)]
    columns += [(_EDGE * 2.0**-k, _EDGE * 2.0**-k, k) for k in range(1, _LOWER_SHELLS + 1)]
    columns += [(1.0 - 2.0 * _EDGE * 2.0**-k, _EDGE * 2.0**-k, -k) for k in range(1, _UPPER_SHELLS + 1)]
    return [
        (left, row / _ACROSS, width, 1.0 / _ACROSS, shell) for left, width, shell in columns for row in range(_ACROSS)
    ]


def _halves(cell: _Cell) -> tuple[_Place, _Place]:
    if cell.along_u:
        half = cell.width / 2.0
        return (
            (cell.left, cell.bottom, half, cell.height, cell.shell),
            (cell.left + half, cell.bottom, half, cell.height, cell.shell),
        )
    half = cell.height / 2.0
    return (
        (cell.left, cell.bottom, cell.width, half, cell.shell),
        (cell.left, cell.bottom + half, cell.width, half, cell.shell),
    )


def _integrated(
    transform: Callable[[float, float, Sequence[float]], float],
    constants: Sequence[float],
    place: _Place,
    scale: FloatArray | None = None,
) -> _Cell:
    left, bottom, width, height, shell = place
    first = [left + width * (1.0 + node) / 2.0 for node in _NODES.tolist()]
    second = [bottom + height * (1.0 + node) / 2.0 for node in _NODES.tolist()]
    entries = np.array([[float(transform(u, v, constants)) for v in second] for u in first])
    with np.errstate(over="ignore"):
        powers = np.stack([entries**order for order in range(1, _ORDERS + 1)])
    if not np.all(np.isfinite(powers)):
        raise SpecificationError("its transform has values that are not finite")
    area = width * height
    across = powers @ _KRONROD
    values = area * (across @ _KRONROD)
    differs_u = _STEP * area * np.abs(across @ (_KRONROD - _LOBATTO))
    differs_v = _STEP * area * np.abs((powers @ (_KRONROD - _LOBATTO)) @ _KRONROD)
    errors = differs_u + differs_v
    unit = np.ones(_ORDERS) if scale is None else scale
    return _Cell(
        -float(np.max(errors / unit)), left, bottom, width, height,
        bool(np.max(differs_u / unit) >= np.max(differs_v / unit)), shell,
        tuple(values.tolist()), tuple(errors.tolist()),
    )  # fmt: skip


def _beyond(cells: Sequence[_Cell], last: int, side: int) -> FloatArray:
    """Bound what lies beyond the last shell of a side, by its ratio to those before."""
    sizes = {
        shell: np.sum([np.abs(cell.values) for cell in cells if cell.shell == side * shell], axis=0)
        for shell in (last - _LAST, last)
    }
    found = np.zeros(_ORDERS)
    for order in range(_ORDERS):
        before, now = float(sizes[last - _LAST][order]), float(sizes[last][order])
        if now == 0.0:
            continue
        ratio = max(0.5, (now / before) ** (1.0 / _LAST)) if before > 0.0 else 1.0
        found[order] = now * ratio / (1.0 - ratio) if ratio < _SHRINKING else math.inf
    return found
