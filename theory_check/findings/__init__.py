"""What a run or a calibration concludes, and the pictures that illustrate it, as frozen values.

``claims`` and ``calibration`` make these values, ``reporting`` shows them; no sample and no estimator enters.
"""

from __future__ import annotations

from theory_check.findings import pictures

__all__ = ["pictures"]
