"""From an interval and a prediction to a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from theory_check.foundation.arguments import check_nonnegative
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind
from theory_check.inference.intervals import Interval
from theory_check.inference.validation import check_range

#: ``inapplicable``: the sample contradicts a hypothesis of the judgement, such as independence.
Verdict = Literal["supported", "refuted", "inconclusive", "inapplicable"]


def judge(
    interval: Interval,
    *,
    target: tuple[float, float],
    margin: float,
    remainder: float = 0.0,
    exact: bool = False,
) -> Verdict:
    """Judge the statement that a quantity lies in `target`, up to `remainder`, tolerating `margin`.

    Let M be the target widened by margin + remainder on both sides and C the confidence interval.

    * ``refuted``: C and M are disjoint; for an exact statement it is enough that C and the target are.
    * ``supported``: C lies inside M and the estimate is a finite number.
    * ``inconclusive``: everything else. It never counts as a pass.

    Refutation comes first: an exact statement whose target is missed is refuted even where the miss is within the
    margin. If C misses the quantity with probability at most alpha, a quantity outside M is called supported, and a
    quantity in the target refuted, with probability at most alpha each.

    Parameters
    ----------
    interval : Interval
        A confidence interval of the quantity.
    target : tuple of float
        Predicted lower and upper value, equal for a point, infinite where the statement is one-sided.
    margin : float
        Deviation that still counts as agreement.
    remainder : float, optional
        Proven bound on the error of the prediction at this size.
    exact : bool, optional
        Whether the prediction is exact at this size; it then has no remainder.

    Returns
    -------
    {"supported", "refuted", "inconclusive"}

    Raises
    ------
    SpecificationError
        If an exact statement has a remainder.

    Examples
    --------
    >>> interval = Interval(0.51, 0.49, 0.53, 1e-3, "some method")
    >>> [judge(interval, target=(0.5, 0.5), margin=margin) for margin in (0.05, 0.01)]
    ['supported', 'inconclusive']
    >>> judge(interval, target=(0.6, 0.6), margin=0.05)
    'refuted'
    """
    check_kind("interval", interval, Interval, "an Interval")
    target_lower, target_upper = check_range("target", target)
    margin = check_nonnegative("margin", margin)
    remainder = check_nonnegative("remainder", remainder)
    if exact and remainder > 0.0:
        raise SpecificationError(f"an exact statement has remainder 0, got {remainder!r}")
    lower, upper = target_lower - margin - remainder, target_upper + margin + remainder
    if interval.disjoint(lower, upper) or (exact and interval.disjoint(target_lower, target_upper)):
        return "refuted"
    if math.isfinite(interval.estimate) and interval.inside(lower, upper):
        return "supported"
    return "inconclusive"


def combine_verdicts(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on a conjunction: one refuted part refutes it, all parts must support it.

    Without a refuted part it is ``inapplicable`` if one is. An empty conjunction is ``inconclusive``: nothing was
    checked.
    """
    seen = set(verdicts)
    if "refuted" in seen:
        return "refuted"
    if "inapplicable" in seen:
        return "inapplicable"
    return "supported" if seen == {"supported"} else "inconclusive"
