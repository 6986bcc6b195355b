"""What statistical tests concluded, printed at the end of a session: verdicts, their level, and what was drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest

#: Name of the property of a test report that carries its verdicts.
PROPERTY = "theory_check"


class Summary:
    """Collects verdicts from the reports of all workers and prints what they are."""

    def __init__(self) -> None:
        self._tests = 0
        self._records: list[dict[str, str]] = []
        self._strata: list[dict[str, str]] = []
        self._told: dict[str, dict[str, bool]] = {}
        self._level = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdicts of a finished test."""
        if report.when != "call":
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._tests += 1
                told = json.loads(str(value))
                self._records += told["verdicts"]
                self._strata += told["strata"]
                self._level += told["level"]
                if told["told"]:
                    self._told[report.nodeid.rpartition("::")[2]] = told["told"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print how many verdicts were as they should be, and the chance of a false alarm among them."""
        if not self._records:
            return
        kept = sum(record["wanted"] == record["verdict"] for record in self._records)
        terminalreporter.write_line(
            f"theory_check: {kept} of {len(self._records)} verdicts as stated in {self._tests} statistical tests; "
            f"chance of any false alarm at most {self._level:.1e}"
        )
        if self._strata:
            names = dict.fromkeys(name for place in self._strata for name in place)
            found = {name: sorted({place[name] for place in self._strata if name in place}) for name in names}
            counts = "".join(f"; {len(values)} of {name}: {', '.join(values)}" for name, values in found.items())
            terminalreporter.write_line(f"theory_check: {len(self._strata)} examples of properties{counts}")
        if self._told:
            every = [told for mistakes in self._told.values() for told in mistakes.values()]
            terminalreporter.write_line(
                f"theory_check: {sum(every)} of {len(every)} named mistakes are told by some example with a "
                "probability of 99% or more"
            )
            for test, mistakes in self._told.items():
                if untold := [name for name, told in mistakes.items() if not told]:
                    terminalreporter.write_line(f"  not by {test}: {'; '.join(untold)}")
