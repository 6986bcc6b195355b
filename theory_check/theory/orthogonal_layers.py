"""Exact moments of linear networks whose weights are Haar orthogonal matrices (E3)."""

from __future__ import annotations

import math

from theory_check.foundation.arguments import check_count
from theory_check.foundation.errors import NumericalOverflowError


def orthogonal_norm_ratio_moment(width: int, a: float, depth: int, order: int) -> float:
    """Return E R^order of a linear network with Haar orthogonal weights (E3).

    V h has the length of h and a uniform direction: a layer multiplies ||h||^2 by M = 1 + a^2 + 2 a x, x a coordinate
    of a uniform unit vector, of which E x^(2j) = prod_{i<j} (2 i + 1)/(d + 2 i), and the layers are independent.

    Parameters
    ----------
    width : int
        d.
    a : float
        Scaling of a layer.
    depth : int
        L.
    order : int
        Exponent of R, not negative.

    Returns
    -------
    float

    Raises
    ------
    NumericalOverflowError
        If the moment is above double precision.

    Examples
    --------
    At width 1 a layer multiplies h by 2 or by 0:

    >>> round(orthogonal_norm_ratio_moment(1, 1.0, 1, 2), 12)
    8.0
    """
    check_count("order", order, 0)
    # In units of (1 + a^2)^order, where a factor of any size leaves numbers below 1.
    share, total, coordinate = 2.0 * a / math.hypot(1.0, a) / math.hypot(1.0, a), 0.0, 1.0
    for j in range(order // 2 + 1):
        total += math.comb(order, 2 * j) * share ** (2 * j) * coordinate
        coordinate *= (2.0 * j + 1.0) / (width + 2.0 * j)
    log_moment = depth * (2.0 * order * math.log(math.hypot(1.0, a)) + math.log(total))
    try:
        return math.exp(log_moment)
    except OverflowError:
        raise NumericalOverflowError(f"E R^{order} is exp({log_moment:.6g}), above double precision") from None
