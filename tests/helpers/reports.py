"""Reports without what varies between runs with identical samples."""

from __future__ import annotations

from theory_check.reporting.markdown import RUN_BEGIN, RUN_END


def without_run_block(report: str) -> str:
    before, begin, rest = report.partition(RUN_BEGIN)
    _, end, after = rest.partition(RUN_END)
    return before + after if begin and end else report
