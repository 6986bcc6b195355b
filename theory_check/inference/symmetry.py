"""Test of symmetry about 0 at every size: partial sums of the signs, from the largest absolute value on.

Notation. x_1, .., x_n with |x_1| >= .. >= |x_n|, those that are 0 left out, and S_k the number of positive less that of
negative ones among the first k. If the law is symmetric the signs are fair and independent given the sizes, whatever
the law, with ties and without any moment: max_k |S_k| exceeds c with probability at most 2 P(|S_n| >= c) (Levy's
inequality for the reflected walk), twice a binomial tail.

A skewness of 0 is not symmetry; this test sees a law that is skewed one way in its tails and the other way in its core.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory_check.inference.significance import Test
from theory_check.inference.validation import check_sample


def symmetry_test(values: ArrayLike) -> Test:
    """Test that values have the law of their negatives.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent; some other than 0.

    Returns
    -------
    Test
        Its statistic is the largest partial sum of signs, in absolute value.

    Examples
    --------
    >>> symmetry_test([-3.0, 2.5, 1.5, -1.0, 0.5]).p_value
    1.0
    >>> symmetry_test([float(k) for k in range(1, 41)]).p_value < 1e-11
    True
    """
    from scipy.stats import binom

    sample = check_sample("values", values)
    moved = sample[sample != 0.0]
    signs = np.sign(moved[np.argsort(-np.abs(moved), kind="stable")])
    most = int(np.max(np.abs(np.cumsum(signs)), initial=0.0))
    # |S_n| >= c: at least (n + c)/2 of one sign.
    tail = 2.0 * float(binom.sf((moved.size + most + 1) // 2 - 1, moved.size, 0.5)) if moved.size else 1.0
    return Test(float(most), min(1.0, 2.0 * tail), "partial sums of signs", sample.size)
