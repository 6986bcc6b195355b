"""Planning of means with a proven bound on the variance, by Catoni's interval."""

from __future__ import annotations

import math
from typing import SupportsIndex

from theory_check.foundation.arguments import check_count, check_positive
from theory_check.inference.design.search import smallest_sample
from theory_check.inference.validation import check_level, check_power


def _reach(variance_bound: float, observations: int, alpha: float, log_miss: float) -> float:
    r"""Return the deviation that one end of Catoni's interval exceeds with probability at most exp(-log_miss).

    The upper end exceeds :math:`m + \delta` iff :math:`r(m + \delta) > -B` with :math:`B = n \ln(1 + a) + s`,
    :math:`s = \ln(2/\alpha)`, :math:`a = \lambda^2 v/2 = s/n`. Since :math:`\psi(z) \le \ln(1 + z + z^2/2)`,

    .. math:: P(r(m + \delta) > -B) \le e^{B} (1 - u + u^2/2 + a)^n, \qquad u = \lambda\delta,

    which is at most :math:`e^{-t}` when :math:`u - u^2/2 \ge c = 1 + a - e^{-(s + t)/n} / (1 + a)`. The smallest such u
    is :math:`1 - \sqrt{1 - 2c}`, if :math:`c \le 1/2`; a larger deviation is exceeded less often. Asymptotically
    :math:`\delta = (3s + t) \sqrt{v/(2sn)}`: half width plus deviation of the estimate.
    """
    n = observations
    s = math.log(2.0 / alpha)
    a = s / n
    c = a - math.expm1(-math.log1p(a) - (s + log_miss) / n)
    if c > 0.5:
        return math.inf
    u = 2.0 * c / (1.0 + math.sqrt(1.0 - 2.0 * c))
    return u * math.sqrt(n / (2.0 * s)) * math.sqrt(variance_bound)


def mean_margin(*, variance_bound: float, observations: SupportsIndex, alpha: float, miss: float) -> float:
    r"""Return the smallest margin that holds Catoni's interval around the true mean with probability 1 - miss.

    Each end has half of `miss`. With :math:`s = \ln(2/\alpha)`, :math:`t = \ln(2/\text{miss})`, :math:`a = s/n` and
    :math:`c = 1 + a - e^{-(s+t)/n}/(1 + a)` the margin is :math:`(1 - \sqrt{1 - 2c}) \sqrt{nv/(2s)}`, about
    :math:`(3s + t) \sqrt{v/(2sn)}`; it is inf when c > 1/2. The only assumption is a variance of at most
    `variance_bound`.

    References
    ----------
    O. Catoni, Annales de l'Institut Henri Poincare 48 (2012) 1148-1185, for the inequality behind it.
    """
    v = check_positive("variance_bound", variance_bound)
    n = check_count("observations", observations)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return _reach(v, n, alpha, math.log(2.0 / miss))


def mean_sample_size(*, variance_bound: float, margin: float, alpha: float, miss: float) -> int:
    """Return the smallest sample size whose :func:`mean_margin` is at most `margin`."""
    v = check_positive("variance_bound", variance_bound)
    margin = check_positive("margin", margin)
    alpha, miss = check_level("alpha", alpha), check_level("miss", miss)
    return smallest_sample(lambda n: _reach(v, n, alpha, math.log(2.0 / miss)) <= margin)


def mean_resolution(*, variance_bound: float, observations: SupportsIndex, alpha: float, power: float = 0.99) -> float:
    """Return the distance of the true mean from the target at which Catoni's interval excludes the target.

    As :func:`mean_margin` with the whole miss probability 1 - power on one side; the variance bound must hold for the
    true law too.
    """
    v = check_positive("variance_bound", variance_bound)
    n = check_count("observations", observations)
    alpha, power = check_level("alpha", alpha), check_power("power", power)
    return _reach(v, n, alpha, -math.log1p(-power))
