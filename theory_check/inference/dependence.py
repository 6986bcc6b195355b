"""Tests of independence on samples that exist for another purpose: concordance about medians, and exact repetitions.

Notation. (x_i, y_i), i = 1..m, are pairs of values; a pair is concordant where both lie above their medians or both do
not. If the x are independent of the y, and either of them are exchangeable, the number of pairs with both above is
hypergeometric given how many x and how many y are above: exact at every m, for every law, with ties. Neighbours in
disjoint pairs make one sample two halves.

A marginal test does not see dependence: a sample whose every value stands twice has the right law.
"""

from __future__ import annotations

from typing import SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from theory_check.foundation.arguments import check_count
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference.significance import Test
from theory_check.inference.validation import check_sample


def concordance_test(first: ArrayLike, second: ArrayLike) -> Test:
    """Test that two samples of equal size are independent, pair by pair.

    Parameters
    ----------
    first, second : array_like, shape (m,)

    Returns
    -------
    Test
        Its statistic is the share of pairs that lie on one side of their medians.

    Examples
    --------
    >>> import math
    >>> found = concordance_test(range(20), range(20))
    >>> found.statistic, found.p_value == 2 / math.comb(20, 10)
    (1.0, True)
    """
    x, y = check_sample("first", first), check_sample("second", second)
    if x.shape != y.shape:
        raise SpecificationError(f"the samples have {x.size} and {y.size} values; give pairs")
    from scipy.stats import hypergeom

    middle = (x.size - 1) // 2
    above, over = (values > np.partition(values, middle)[middle] for values in (x, y))
    both = int(np.sum(above & over))
    # Not a frozen law, which would write its documentation each time.
    law = x.size, int(above.sum()), int(over.sum())
    p_value = min(1.0, 2.0 * min(float(hypergeom.cdf(both, *law)), float(hypergeom.sf(both - 1, *law))))
    return Test(float(np.mean(above == over)), p_value, "concordance, exact", x.size)


def neighbour_test(values: ArrayLike, distance: SupportsIndex = 1) -> Test:
    """Test that values a distance apart are independent, in disjoint pairs.

    Parameters
    ----------
    values : array_like, shape (n,)
        In the order in which they were made; at least twice the distance.
    distance : int
        1 for neighbours, the size of a block for blocks.

    Returns
    -------
    Test

    Examples
    --------
    >>> neighbour_test(np.repeat(np.arange(40.0), 2)).p_value < 1e-9
    True
    """
    sample, step = check_sample("values", values), check_count("distance", distance)
    if sample.size < 2 * step:
        raise SpecificationError(f"{sample.size} values have no pair at distance {step}")
    pairs = sample[: sample.size // (2 * step) * 2 * step].reshape(-1, 2, step)
    return concordance_test(pairs[:, 0].ravel(), pairs[:, 1].ravel())


def repetitions(values: FloatArray) -> int:
    """Return how many values of a continuous law stand there already; what has an atom, 0 and infinite values, is none.

    Examples
    --------
    >>> repetitions(np.array([0.1, 0.2, 0.1, 0.0, 0.0, -np.inf, -np.inf]))
    1
    """
    sample = np.asarray(values, dtype=np.float64)
    sample = sample[np.isfinite(sample) & (sample != 0.0)]
    return int(sample.size - np.unique(sample).size)
