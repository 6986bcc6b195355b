"""Planning before sampling: how many replicates, for which margin, and what they would detect.

Each method has its module; all names are available here. An interval has three functions.

* ``*_sample_size``: replicates such that a true statement is supported (the interval lies within the margin) with
  probability at least 1 - ``miss``. Every larger sample keeps the promise.
* ``*_margin``: the smallest margin for which a given sample size keeps it.
* ``*_resolution``: the smallest deviation of the truth from the target at which the interval excludes the target with
  probability at least ``power``.

Looks at a growing sample share the level: :func:`planned_looks`, :func:`look_shares`, :func:`open_looks`.

A significance test has a sample size, for the deviation that it must detect, and a resolution.

All rest on inequalities that hold at finite sample size, never on a normal approximation. A proven remainder does not
enter a plan: it widens the target and the tolerated range by the same amount. For laws that are known only through
their quantiles, margins and resolutions are values of the distribution function: see :func:`quantile_margin`.
"""

from __future__ import annotations

from theory_check.inference.design.betting import (
    bounded_mean_margin,
    bounded_mean_resolution,
    bounded_mean_sample_size,
    nonnegative_mean_resolution,
    nonnegative_mean_sample_size,
)
from theory_check.inference.design.distances import (
    anderson_darling_resolution,
    anderson_darling_sample_size,
    cramer_von_mises_resolution,
    cramer_von_mises_sample_size,
    kolmogorov_detection_size,
    kolmogorov_margin,
    kolmogorov_resolution,
    kolmogorov_sample_size,
    law_distance_margin,
    law_distance_sample_size,
)
from theory_check.inference.design.gaussian import (
    covariance_resolution,
    covariance_sample_size,
    mean_vector_resolution,
    mean_vector_sample_size,
    variance_margin,
    variance_resolution,
    variance_sample_size,
)
from theory_check.inference.design.looks import look_shares, open_looks, planned_looks
from theory_check.inference.design.means import (
    mean_margin,
    mean_resolution,
    mean_sample_size,
    mean_sequence_margin,
    mean_sequence_resolution,
    mean_sequence_sample_size,
)
from theory_check.inference.design.nights import nights_to_refute
from theory_check.inference.design.proportions import (
    equivalence_margin,
    equivalence_sample_size,
    proportion_margin,
    proportion_resolution,
    proportion_sample_size,
    proportion_test_resolution,
    proportion_test_sample_size,
)
from theory_check.inference.design.quantiles import (
    quantile_margin,
    quantile_resolution,
    quantile_sample_size,
    quantile_spread_margin,
    quantile_spread_resolution,
    quantile_spread_sample_size,
)
from theory_check.inference.design.slopes import rate_margin, rate_sample_size, slope_component_margin, slope_margin

__all__ = [
    "anderson_darling_resolution",
    "anderson_darling_sample_size",
    "bounded_mean_margin",
    "bounded_mean_resolution",
    "bounded_mean_sample_size",
    "covariance_resolution",
    "covariance_sample_size",
    "cramer_von_mises_resolution",
    "cramer_von_mises_sample_size",
    "equivalence_margin",
    "equivalence_sample_size",
    "kolmogorov_detection_size",
    "kolmogorov_margin",
    "kolmogorov_resolution",
    "kolmogorov_sample_size",
    "law_distance_margin",
    "law_distance_sample_size",
    "look_shares",
    "mean_margin",
    "mean_resolution",
    "mean_sample_size",
    "mean_sequence_margin",
    "mean_sequence_resolution",
    "mean_sequence_sample_size",
    "mean_vector_resolution",
    "mean_vector_sample_size",
    "nights_to_refute",
    "nonnegative_mean_resolution",
    "nonnegative_mean_sample_size",
    "open_looks",
    "planned_looks",
    "proportion_margin",
    "proportion_resolution",
    "proportion_sample_size",
    "proportion_test_resolution",
    "proportion_test_sample_size",
    "quantile_margin",
    "quantile_resolution",
    "quantile_sample_size",
    "quantile_spread_margin",
    "quantile_spread_resolution",
    "quantile_spread_sample_size",
    "rate_margin",
    "rate_sample_size",
    "slope_component_margin",
    "slope_margin",
    "variance_margin",
    "variance_resolution",
    "variance_sample_size",
]
