from . import design
from .betting import (
    bounded_mean_evidence,
    bounded_mean_interval,
    bounded_mean_sequence,
    nonnegative_mean_evidence,
    nonnegative_mean_interval,
)
from .catoni import mean_evidence, mean_sequence
from .dependence import concordance_test, neighbour_test
from .equivalence import equivalence_test, proportion_test, quantile_test
from .gaussian import (
    covariance_test,
    mean_vector_test,
    norms_test,
    scale_test,
    variance_interval,
    variance_test,
)
from .goodness_of_fit import (
    anderson_darling_test,
    chi_square_test,
    cramer_von_mises_test,
    kolmogorov_test,
)
from .intervals import (
    Interval,
    kolmogorov_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_spread_interval,
)
from .rates import Rate, error_intervals, rate, slope_interval
from .roughness import (
    drifted_index,
    hurst_index,
    hurst_interval,
    quadratic_variations,
    variation_index,
    whittle_index,
)
from .sequential import ConfidenceSequence, EvidencePath
from .significance import Test
from .symmetry import symmetry_test
from .two_samples import law_distance_interval, smirnov_test
from .variances import pilot_size, variance_bound_test, variance_limit
from .verdicts import judge

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
