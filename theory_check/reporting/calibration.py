"""The report on a calibration: ``CALIBRATION.md``, ``calibration.json`` and ``figures/calibration.png``.

Two calibrations with identical samples give the same text but for the block between
:data:`theory_check.reporting.markdown.RUN_BEGIN` and :data:`~theory_check.reporting.markdown.RUN_END`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from theory_check.findings.calibration import CalibrationRecord, RateFinding
from theory_check.foundation.files import write_together
from theory_check.foundation.records import encode_record
from theory_check.reporting.calibration_picture import calibration_picture
from theory_check.reporting.drawing import render
from theory_check.reporting.markdown import (
    RUN_BEGIN,
    RUN_END,
    one_line,
    safe_mathematics,
    table_cell,
    template_environment,
    tidy,
)
from theory_check.reporting.numerals import format_at_most, format_duration, format_estimate, format_significant
from theory_check.reporting.summary import plural

#: Version of ``calibration.json``.
SCHEMA_VERSION = 1

#: The report marks methods that take more seconds than this for a million observations.
LONGEST = 1.0


def write_calibration(record: CalibrationRecord, directory: Path) -> list[Path]:
    """Write the report on a calibration into a folder, each file whole or not at all, ``CALIBRATION.md`` last.

    Returns
    -------
    list of Path
        The files written, ``CALIBRATION.md`` first.
    """
    contents: dict[Path, bytes | str] = {
        directory / "CALIBRATION.md": render_calibration(record),
        directory / "calibration.json": encode_calibration(record),
        directory / "figures" / "calibration.png": render(calibration_picture(record).panels)["png"],
    }
    write_together(dict(reversed(contents.items())))
    return list(contents)


def encode_calibration(record: CalibrationRecord) -> bytes:
    """Return the content of ``calibration.json``: equal records give equal bytes.

    Raises
    ------
    SpecificationError
        If a value is outside the constraints of its field.
    """
    return msgspec.json.format(encode_record(record, SCHEMA_VERSION, "calibration"), indent=2) + b"\n"


def render_calibration(record: CalibrationRecord) -> str:
    """Return the report as Markdown that renders on GitHub, with its picture in ``figures/``."""
    environment = template_environment()
    environment.filters |= {
        "at_most": format_at_most,
        "cell": table_cell,
        "duration": format_duration,
        "line": one_line,
        "mark": mark,
        "number": format_significant,
        "observed": observed_text,
        "procedure": procedure_text,
        "promised": promised_text,
        "safe": safe_mathematics,
        "what": what_text,
    }
    text = environment.get_template("calibration.md.jinja").render(
        record=record,
        example=example(record),
        answers=(answer_promises(record), answer_controls(record)),
        unexpected=unexpected(record),
        longest=LONGEST,
        run_begin=RUN_BEGIN,
        run_end=RUN_END,
    )
    return tidy(text)


def example(record: CalibrationRecord) -> list[tuple[str, RateFinding]]:
    """Return the rates of the example at the head of the report with the titles of their methods, controls first."""
    rates = [(method.title, rate) for method in record.methods for rate in method.rates if rate.example]
    return sorted(rates, key=lambda titled: not titled[1].control)


def unexpected(record: CalibrationRecord) -> tuple[RateFinding, ...]:
    """Return refuted promises, then controls that were not refuted."""
    return tuple(rate for rate in (*record.promises, *record.controls) if not rate.as_expected)


def answer_promises(record: CalibrationRecord) -> str:
    """Answer in one sentence whether the promises are kept."""
    promises = record.promises
    refuted = sum(not rate.as_expected for rate in promises)
    counts = f"{len(promises) - refuted} of {plural(len(promises), 'promise')}"
    methods = f"of {plural(len(record.methods), 'method')}"
    judged = f"{sum(rate.repetitions for rate in promises):,} samples judged"
    if not promises:
        return "Nothing was calibrated."
    if refuted:
        return f"Not all of them: {counts} {methods} are consistent with their counts, {refuted} refuted, {judged}."
    return f"Nothing contradicts them: {counts} {methods} are consistent with their counts, {judged}."


def answer_controls(record: CalibrationRecord) -> str:
    """Answer in one sentence whether the calibration could have failed."""
    controls = record.controls
    refuted = sum(rate.as_expected for rate in controls)
    begin = "Yes" if refuted == len(controls) > 0 else "Not everywhere"
    if not controls:
        return "Unknown: no negative control was tried."
    return (
        f"{begin}: {refuted} of {plural(len(controls), 'negative control')}, procedures known to break their promise, "
        f"{'was' if refuted == 1 else 'were'} refuted by the same test."
    )


def method_lines(record: CalibrationRecord) -> list[str]:
    """Return a line for every method, then one for everything that is not as it should be."""
    width = max((len(method.name) for method in record.methods), default=0)
    lines = []
    for method in record.methods:
        kept = sum(rate.as_expected for rate in method.promises)
        found = sum(rate.as_expected for rate in method.controls)
        word = "kept" if kept == len(method.promises) else "refuted"
        counts = f"promises {kept}/{len(method.promises)}  controls {found}/{len(method.controls)}"
        line = f"{word:<8}  {method.name:<{width}}  {counts}"
        seconds = record.run.seconds.get(method.name)
        if seconds is not None:
            line += f"  {format_duration(seconds)} for 10^6 observations"
        lines.append(line)
    for rate in unexpected(record):
        word = "promise refuted" if not rate.control else "control not refuted"
        lines.append(f"{word}  {rate.id}: {rate.count} of {rate.repetitions}, promised {promised_text(rate)}")
    return lines


def observed_text(rate: RateFinding) -> str:
    """Return the observed rate with its interval."""
    return format_estimate(rate.rate, rate.lower, rate.upper)


def promised_text(rate: RateFinding) -> str:
    """Return the promised rate."""
    sign = {"at most": "≤ ", "at least": "≥ ", "exactly": "= "}[rate.sense]
    return f"{sign}{format_significant(rate.promise)}"


def what_text(rate: RateFinding) -> str:
    """Return what was done with which law: procedure, law, deviation."""
    return "; ".join(words for words in (procedure_text(rate), rate.law, rate.deviation) if words)


def procedure_text(rate: RateFinding) -> str:
    """Return what was applied, and whether it was monitored."""
    looks = "looked at after every observation" if rate.monitored else ""
    return ", ".join(words for words in (rate.procedure, looks) if words)


def mark(rate: RateFinding) -> str:
    """Return the verdict, marked if it is not as it should be."""
    if rate.as_expected:
        return rate.verdict
    return "❌ **refuted**" if rate.verdict == "refuted" else "⚠️ **not refuted**"
