"""Statistical inference with a guaranteed level at finite sample size; it knows arrays and numbers, no networks.

Values in, a frozen result out:

* **intervals** of a probability, a quantile, a distance between quantiles, a mean (Catoni; bounded or non-negative
  values), a variance, a Kolmogorov distance, an order of convergence;
* **tests** with exact p-values of a known law, a probability, a quantile, an equivalence, Gaussian vectors;
* **roughness** of paths, by quadratic variations and Whittle's likelihood;
* **sequential evidence** that may be looked at after every observation, and confidence sequences;
* :func:`judge`, from an interval and a prediction to one of three verdicts.

``design`` plans sample sizes and computes what a sample size resolves.
The first call that needs SciPy, statsmodels or compiled loops loads them.

>>> from theory_check.inference import bounded_mean_evidence
>>> bounded_mean_evidence([1, 1, 0, 1, 1, 1, 1, 1, 1, 1] * 5, mean=0.5).crossing(alpha=0.01)
29
"""

from __future__ import annotations

from theory_check.inference import design
from theory_check.inference.betting import (
    bounded_mean_evidence,
    bounded_mean_interval,
    bounded_mean_sequence,
    nonnegative_mean_evidence,
    nonnegative_mean_interval,
)
from theory_check.inference.catoni import mean_evidence, mean_sequence
from theory_check.inference.dependence import concordance_test, neighbour_test
from theory_check.inference.equivalence import equivalence_test, proportion_test, quantile_test
from theory_check.inference.gaussian import (
    covariance_test,
    mean_vector_test,
    norms_test,
    scale_test,
    variance_interval,
    variance_test,
)
from theory_check.inference.goodness_of_fit import (
    anderson_darling_test,
    chi_square_test,
    cramer_von_mises_test,
    kolmogorov_test,
)
from theory_check.inference.intervals import (
    Interval,
    kolmogorov_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_spread_interval,
)
from theory_check.inference.rates import Rate, error_intervals, rate, slope_interval
from theory_check.inference.roughness import (
    drifted_index,
    hurst_index,
    hurst_interval,
    quadratic_variations,
    variation_index,
    whittle_index,
)
from theory_check.inference.sequential import ConfidenceSequence, EvidencePath
from theory_check.inference.significance import Test
from theory_check.inference.symmetry import symmetry_test
from theory_check.inference.two_samples import law_distance_interval, smirnov_test
from theory_check.inference.variances import pilot_size, variance_bound_test, variance_limit
from theory_check.inference.verdicts import judge

__all__ = [
    "ConfidenceSequence",
    "EvidencePath",
    "Interval",
    "Rate",
    "Test",
    "anderson_darling_test",
    "bounded_mean_evidence",
    "bounded_mean_interval",
    "bounded_mean_sequence",
    "chi_square_test",
    "concordance_test",
    "covariance_test",
    "cramer_von_mises_test",
    "design",
    "drifted_index",
    "equivalence_test",
    "error_intervals",
    "hurst_index",
    "hurst_interval",
    "judge",
    "kolmogorov_interval",
    "kolmogorov_test",
    "law_distance_interval",
    "mean_evidence",
    "mean_interval",
    "mean_sequence",
    "mean_vector_test",
    "neighbour_test",
    "nonnegative_mean_evidence",
    "nonnegative_mean_interval",
    "norms_test",
    "pilot_size",
    "proportion_interval",
    "proportion_test",
    "quadratic_variations",
    "quantile_interval",
    "quantile_spread_interval",
    "quantile_test",
    "rate",
    "scale_test",
    "slope_interval",
    "smirnov_test",
    "symmetry_test",
    "variance_bound_test",
    "variance_interval",
    "variance_limit",
    "variance_test",
    "variation_index",
    "whittle_index",
]
