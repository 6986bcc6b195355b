from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version

from theory_check.findings.circumstances import circumstances


def test_circumstances_name_machine_versions_and_times():
    started = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
    found = circumstances(started, 1.5, threads=2, processors=8, packages=("numpy", "scipy"), seconds={"a": 0.1})
    assert found.started == "2026-01-02T03:04:05+00:00"
    assert (found.duration, found.threads, found.seconds) == (1.5, 2, {"a": 0.1})
    assert found.machine.endswith(f"{platform.machine()}, 8 processors")
    assert found.versions == {
        "python": platform.python_version(), "numpy": version("numpy"), "scipy": version("scipy"),
    }  # fmt: skip
