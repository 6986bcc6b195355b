"""When to look at a sample that grows: planned looks share the level, and a judgement stops at the one that decides.

A union bound: with an interval at level alpha_k at the k-th look and alpha_1 + alpha_2 + ... <= alpha, the probability
that any of them is wrong is at most alpha, for any dependence between the looks and any rule of stopping.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import SupportsFloat, SupportsIndex

from theory_check.foundation.arguments import check_count
from theory_check.inference.design.search import LARGEST_SAMPLE
from theory_check.inference.validation import check_level

#: Parts of a planned sample at which it is looked at before the last look. Most statements are decided between a
#: quarter and a half, where the looks are closest.
EARLY_LOOKS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4)

#: Fewest replicates of a look before the last.
_FEWEST = 16


#: Most looks whose shares are listed.
MOST_LOOKS = 10**6


def planned_looks(observations: SupportsIndex, *, block: SupportsIndex = 1) -> tuple[int, ...]:
    """Return the sample sizes at which a planned sample is looked at: whole blocks, and the planned number.

    Few observations, a block or two, are looked at once.

    Parameters
    ----------
    observations : int
        Planned number.
    block : int
        Observations that are made together.

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> planned_looks(6400), planned_looks(10), planned_looks(300, block=100)
    ((200, 400, 800, 1600, 2400, 3200, 4800, 6400), (10,), (100, 200, 300))
    """
    n, size = check_count("observations", observations, maximum=LARGEST_SAMPLE), check_count("block", block)
    counts = {math.ceil(part * n / size) * size for part in EARLY_LOOKS}
    return (*sorted(count for count in counts if _FEWEST <= count <= n - size), n)


def look_shares(looks: SupportsIndex) -> tuple[float, ...]:
    """Return the share of the level of each planned look: half for the last, the rest equally for the others.

    Examples
    --------
    >>> look_shares(1), look_shares(3)
    ((1.0,), (0.25, 0.25, 0.5))
    """
    count = check_count("looks", looks, maximum=MOST_LOOKS)
    return (1.0,) if count == 1 else (*(0.5 / (count - 1) for _ in range(count - 1)), 0.5)


def open_looks(first: SupportsIndex, last: SupportsIndex, *, alpha: SupportsFloat) -> Iterator[tuple[int, float]]:
    r"""Yield sample sizes and levels of looks without a plan: each sample twice the one before.

    The k-th look has the level :math:`\alpha / (k (k + 1))`; they add up to at most :math:`\alpha`, however many there
    are. A doubling costs little: the sample at which a statement is decided is at most twice the least that decides.

    Parameters
    ----------
    first, last : int
        Smallest and largest sample size.
    alpha : float
        Probability, at most, that any of the intervals misses.

    Yields
    ------
    size : int
    level : float

    Examples
    --------
    >>> list(open_looks(100, 300, alpha=0.06))
    [(100, 0.03), (200, 0.01), (300, 0.005)]
    """
    size, most = check_count("first", first), check_count("last", last)
    alpha = check_level("alpha", alpha)
    number = 1
    while True:
        yield min(size, most), alpha / (number * (number + 1))
        if size >= most:
            return
        size, number = 2 * size, number + 1
