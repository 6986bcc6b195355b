"""All methods that are calibrated, in the order of the report."""

from __future__ import annotations

from theory_check.calibration.fixed_samples import DISTANCE, MEAN, PROPORTION, QUANTILE, SLOPE, SPREAD
from theory_check.calibration.methods import Method
from theory_check.calibration.sequences import BOUNDED, CATONI, NONNEGATIVE

#: A method is calibrated by standing here.
METHODS: tuple[Method, ...] = (MEAN, CATONI, NONNEGATIVE, BOUNDED, PROPORTION, QUANTILE, SPREAD, DISTANCE, SLOPE)
