"""What a run or a calibration concludes, and the pictures that illustrate it, as frozen values.

Values only: ``claims`` and ``calibration`` make them, ``reporting`` shows them.
"""

from __future__ import annotations

from theory_check.findings import pictures

__all__ = ["pictures"]
