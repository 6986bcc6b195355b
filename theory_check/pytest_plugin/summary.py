"""Summary of the statistical tests of a session, printed at its end: verdicts, their level, and what was drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest

#: Name of the property of a test report that carries its verdicts.
PROPERTY = "theory_check"


class Summary:
    """Collects verdicts from the reports of all workers and prints what they are."""

    def __init__(self, family_level: float) -> None:
        self._family_level = family_level
        self._tests = 0
        self._records: list[dict[str, Any]] = []
        self._strata: list[dict[str, str]] = []
        self._told: dict[str, dict[str, bool]] = {}
        self._level = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdicts of a finished test."""
        # What is run again, as some plugins do with what failed, reports once more.
        if report.when != "call" or str(report.outcome) == "rerun":
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

    @property
    def _is_overspent(self) -> bool:
        # 1e-9: levels that add up to the family level may exceed it by rounding.
        return self._level > self._family_level * (1.0 + 1e-9)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a session that has spent more than the family level: collection does not see every test."""
        if self._is_overspent and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print how many verdicts were as they should be, and the chance of a false alarm among them."""
        if not self._records:
            return
        kept = sum(record["wanted"] == record["verdict"] for record in self._records)
        terminalreporter.write_line(
            f"theory_check: {kept} of {len(self._records)} verdicts as stated in {self._tests} statistical tests; "
            f"chance of any false alarm at most {min(1.0, self._level):.1e}"
        )
        if self._is_overspent:
            terminalreporter.write_line(
                f"theory_check: the session fails, for it spent more than the family level of {self._family_level:g}",
                red=True,
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
