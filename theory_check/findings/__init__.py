"""Conclusions of runs and calibrations, and the pictures that illustrate them, as frozen values.

``claims`` and ``calibration`` make these values, ``reporting`` shows them; no sample and no estimator enters.
"""

from __future__ import annotations

from theory_check.findings import pictures

__all__ = ["pictures"]
