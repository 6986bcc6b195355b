"""Levels assigned before sampling: over the claims of a family, the versions of a claim, the p-values of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import SupportsIndex

from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.validation import check_level, check_sample

#: 6/pi^2, the reciprocal of the sum of 1/j^2: shares of infinitely many versions, or nights.
_BASEL = 6.0 / math.pi**2


def assign_levels(weights: int | Sequence[float], family_level: float) -> tuple[float, ...]:
    """Return levels that add up to at most the family level, in proportion to `weights`, or equal for a count.

    Levels assigned before sampling control the chance of any false alarm under any dependence. A selection of the
    claims changes no level.
    """
    family_level = check_level("family_level", family_level)
    shares = [1.0] * check_count("number of claims", weights) if isinstance(weights, int) else list(weights)
    values = check_sample("weights", shares)
    if not (values > 0.0).all():
        raise SpecificationError(f"weights must be positive, got {weights!r}")
    return tuple((family_level * values / values.sum()).tolist())


def series_share(position: SupportsIndex) -> float:
    """Return 6 / (pi^2 j^2): the share of the j-th of infinitely many places, which add up to 1."""
    return _BASEL / check_count("position", position) ** 2


def restart_level(level: float, version: SupportsIndex) -> float:
    """Return the level of the v-th version of a claim: all versions together spend at most `level`."""
    return check_level("alpha", level) * series_share(version)


def holm(p_values: ArrayLike, *, alpha: float) -> tuple[float, ...]:
    """Return Holm's adjusted p-values: those up to `alpha` are rejected with family-wise level `alpha`.

    For a readable summary of one run; verdicts use the levels assigned before.
    """
    from statsmodels.stats.multitest import multipletests

    values = check_sample("p_values", p_values)
    return tuple(float(p) for p in multipletests(values, alpha=check_level("alpha", alpha), method="holm")[1])
