"""The picture of a calibration: observed error rates with exact intervals beside the promised ones.

There is one panel for each promised error rate, all on one logarithmic axis: false rejections of a true statement at
each level, and misses of a planted deviation. A method is a row, and every law it was tried on a line in that row;
negative controls stand below, each in a row of its own, but for plans with too few observations, which share one.
"""

from __future__ import annotations

from collections.abc import Sequence

from theory_check.findings.calibration import CalibrationRecord, RateFinding
from theory_check.findings.pictures import Picture, PromisePanel, RateDot, RateRow
from theory_check.reporting.numerals import format_significant


def error_rate(rate: RateFinding) -> tuple[float, float, float]:
    """Return how often the method erred, with the interval: false rejections, or misses of a planted deviation."""
    if rate.sense == "at least":
        return 1.0 - rate.rate, 1.0 - rate.upper, 1.0 - rate.lower
    return rate.rate, rate.lower, rate.upper


def promised_error(rate: RateFinding) -> float:
    """Return how often the method may err."""
    # Rounded, because 1 - 0.99 is not 0.01.
    return round(1.0 - rate.promise, 12) if rate.sense == "at least" else rate.promise


def calibration_picture(record: CalibrationRecord) -> Picture:
    """Return the picture: levels from the largest down, then planted deviations."""
    rates = (*record.promises, *record.controls)
    rows = [(method.title, False, method.promises) for method in record.methods]
    rows += [(label, True, controls) for label, controls in _labelled_controls(record.controls)]
    # Below a single error in all the repetitions.
    smallest = 0.4 / max((rate.repetitions for rate in rates), default=1)
    panels = []
    for planted, minus_promise in sorted({(rate.sense == "at least", -promised_error(rate)) for rate in rates}):
        promise, what = -minus_promise, "missed deviations" if planted else "false rejections"
        shown = [r for r in rates if (r.sense == "at least", promised_error(r)) == (planted, promise)]
        panels.append(
            PromisePanel(
                f"{what},\nat most {format_significant(100 * promise)}% promised",
                "observed rate",
                promise,
                smallest,
                tuple(
                    RateRow(label, control, tuple(_dot(rate) for rate in beside if rate in shown))
                    for label, control, beside in rows
                ),
            )
        )
    return Picture("calibration", "Observed error rates beside the promised ones.", tuple(panels))


def _dot(rate: RateFinding) -> RateDot:
    return RateDot(*error_rate(rate), exact=rate.sense == "exactly", as_expected=rate.as_expected)


def _labelled_controls(controls: Sequence[RateFinding]) -> list[tuple[str, tuple[RateFinding, ...]]]:
    """Return rows of controls; the law is named where one procedure is tried on several."""
    plans = tuple(rate for rate in controls if rate.sense == "at least")
    others = [rate for rate in controls if rate.sense != "at least"]
    names = [rate.procedure + (", monitored" if rate.monitored else "") for rate in others]
    labelled: list[tuple[str, tuple[RateFinding, ...]]] = [
        (f"{name} ({rate.law}, n = {rate.observations:,})" if names.count(name) > 1 else name, (rate,))
        for name, rate in zip(names, others, strict=True)
    ]
    return [*labelled, ("plans with half or a quarter of the observations", plans)] if plans else labelled
