r"""Confidence sequences on a grid: an interval for the same quantity after every night, all nights together.

Fixed candidates :math:`c_1 < \dots < c_m` around the prediction carry two accumulated log evidences each, against "the
quantity is at most c" and against "at least c": sums over nights of one-sided log e-values.

**What it guarantees.** Let the quantity be the same on all nights, and let every night's e-values have mean at most 1
given the nights before, if their null is true. With probability at least 1 - ``level``, the quantity lies in the
interval after *every* night. For the lower end is the last of the leading candidates whose evidence against "at most c"
reached ln(2 / level). If it exceeds the quantity q, the first candidate from q on is among them, and its null is true:
by Ville's inequality that happens, on any night, with probability at most level / 2. The upper end is its mirror image,
and intersecting the nights costs nothing. No monotony of the evidence is needed, and no union over the candidates. In
other words the interval is the hull of the candidates not rejected and one cell of the grid on each side.

The guarantee does not cover a quantity that changes. The intersection may then become empty, which shows the change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.records import Count, LowerEnd, UpperEnd
from theory_check.inference.evidence import LARGEST_LOG
from theory_check.inference.validation import check_level, check_range

#: Number of candidates, and how far the grid reaches from the target in units of the tolerance.
CANDIDATES = 41
REACH = 3.0

_Row = Annotated[tuple[float, ...], msgspec.Meta(min_length=CANDIDATES, max_length=CANDIDATES)]


class Limits(NamedTuple):
    """The interval from a night on, the nights counted from 1."""

    night: Count
    lower: LowerEnd
    upper: UpperEnd

    @property
    def width(self) -> float:
        """Upper minus lower end; negative if no value is compatible with all nights."""
        return self.upper - self.lower


@dataclass(frozen=True, kw_only=True)
class PointSequence:
    """The sequence of one point of a claim.

    Attributes
    ----------
    version : str
        Identity of the statement; another one starts another sequence.
    level : float
        Probability, at most, that the quantity is outside on any night.
    target : (float, float)
        Predicted value, lower and upper.
    tolerance : float
        Deviation from it that counts as agreement.
    bounds : (float, float)
        Range of the quantity: the interval before the first night.
    nights : int
    below, above : tuple of float
        Accumulated log evidence against "at most c" and "at least c", for each candidate.
    limits : tuple of Limits
        The intersection of all nights, listed when it changes.
    """

    version: str
    level: float
    target: tuple[LowerEnd, UpperEnd]
    tolerance: float
    bounds: tuple[LowerEnd, UpperEnd] = (-math.inf, math.inf)
    nights: Count = 0
    below: _Row = (0.0,) * CANDIDATES
    above: _Row = (0.0,) * CANDIDATES
    limits: tuple[Limits, ...] = ()

    def __post_init__(self) -> None:
        check_level("level", self.level)
        low, high = check_range("target", self.target)
        first, last = self._ends
        if not (math.isfinite(first) and math.isfinite(last) and first < last):
            raise SpecificationError(
                f"a grid needs a target with a finite end and a positive tolerance, got ({low!r}, {high!r}) and "
                f"{self.tolerance!r}"
            )

    @property
    def _ends(self) -> tuple[float, float]:
        low, high = self.target
        reach = REACH * self.tolerance
        first = (low if low > -math.inf else high) - reach
        last = (high if high < math.inf else low) + reach
        return max(first, self.bounds[0]), min(last, self.bounds[1])

    @property
    def candidates(self) -> FloatArray:
        """The grid: equally spaced, three tolerances beyond the target, cut at the bounds."""
        return np.linspace(*self._ends, CANDIDATES)

    @property
    def gain(self) -> float:
        r"""The gain for the e-values of the next night: ln(2 / level) on the first, less in proportion 1/t later.

        Deviations to look for then shrink as :math:`1/\sqrt t`, and the interval as :math:`\ln t/\sqrt t`; evidence
        tuned to one night alone would stop at about half the width of that night's interval. It depends on the number
        of nights alone, since a gain must not depend on the samples.
        """
        return math.log(2.0 / self.level) / (self.nights + 1)

    @property
    def now(self) -> Limits:
        """The interval after the last night."""
        return self.limits[-1] if self.limits else Limits(0, *self.bounds)

    @property
    def supports(self) -> bool:
        """Whether the interval lies inside the target widened by the tolerance."""
        low, high = self.target[0] - self.tolerance, self.target[1] + self.tolerance
        return bool(self.limits) and low <= self.now.lower <= self.now.upper <= high


def extend(sequence: PointSequence, below: ArrayLike, above: ArrayLike) -> PointSequence:
    """Return the sequence after one more night.

    Parameters
    ----------
    sequence : PointSequence
        After the nights before.
    below, above : array_like, shape (CANDIDATES,)
        Log e-values of the night against "the quantity is at most c" and "at least c", for each candidate c.

    Returns
    -------
    PointSequence

    Raises
    ------
    SpecificationError
        If there is not one number per candidate on each side.

    Examples
    --------
    Evidence against "at most c" for the first twenty candidates raises the lower end to the last of them:

    >>> before = PointSequence(version="v", level=1e-3, target=(0.0, 0.0), tolerance=1.0)
    >>> after = extend(before, [10.0] * 20 + [0.0] * 21, [0.0] * 41)
    >>> round(after.now.lower, 12), after.now.upper
    (-0.15, inf)
    """
    rows = [np.asarray(row, dtype=np.float64) for row in (below, above)]
    if any(row.shape != (CANDIDATES,) or np.isnan(row).any() for row in rows):
        raise SpecificationError(f"one log e-value for each of {CANDIDATES} candidates is needed on either side")
    # Evidence that is cut is smaller on all later nights too, hence still valid.
    first = np.minimum(np.array(sequence.below) + rows[0], LARGEST_LOG)
    second = np.minimum(np.array(sequence.above) + rows[1], LARGEST_LOG)
    threshold = math.log(2.0 / sequence.level)
    grid = sequence.candidates
    lower, upper = sequence.now.lower, sequence.now.upper
    leading = _leading(first >= threshold)
    if leading:
        lower = max(lower, float(grid[leading - 1]))
    trailing = _leading(second[::-1] >= threshold)
    if trailing:
        upper = min(upper, float(grid[CANDIDATES - trailing]))
    nights = sequence.nights + 1
    limits = sequence.limits
    if not limits or (lower, upper) != (sequence.now.lower, sequence.now.upper):
        limits = (*limits, Limits(nights, lower, upper))
    return replace(sequence, nights=nights, below=tuple(first.tolist()), above=tuple(second.tolist()), limits=limits)


def _leading(rejected: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """Return how many of the first candidates are rejected, up to the first one that is not."""
    return int(rejected.size if rejected.all() else np.argmin(rejected))
