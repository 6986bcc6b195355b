"""All methods that are calibrated, in the order of the report."""

from __future__ import annotations

from theory_check.calibration.binomial_counts import PROPORTION, QUANTILE, SPREAD
from theory_check.calibration.exact_tests import ANDERSON, CRAMER, EQUIVALENCE, KOLMOGOROV, VARIANCE, VECTORS
from theory_check.calibration.fixed_samples import DISTANCE, MEAN, SLOPE
from theory_check.calibration.lives import LIVES
from theory_check.calibration.looks import LOOKS
from theory_check.calibration.nights import HISTORY, NIGHTLY
from theory_check.calibration.scenarios import Method
from theory_check.calibration.sequences import BOUNDED, CATONI, NONNEGATIVE

#: Every method in this list is calibrated.
METHODS: tuple[Method, ...] = (
    *(MEAN, CATONI, NONNEGATIVE, BOUNDED),
    *(PROPORTION, EQUIVALENCE, QUANTILE, SPREAD),
    *(DISTANCE, KOLMOGOROV, CRAMER, ANDERSON),
    *(VARIANCE, VECTORS, SLOPE),
    *(LOOKS, NIGHTLY, HISTORY, LIVES),
)
