"""``import theory_check as tc``: quick, and every public name loads and says what it is."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import theory_check as tc

#: Longer than ten imports that read one file each, shorter than NumPy's.
LONGEST = 0.2

HEAVY = ("numpy", "numba", "scipy", "matplotlib", "msgspec", "hypothesis", "statsmodels")


def in_a_new_process(code):
    path = os.pathsep.join([str(Path(tc.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize("name", tc.__all__)
def test_every_name_loads_and_is_documented(name):
    value = getattr(tc, name)
    kind = value if hasattr(value, "__name__") else type(value)
    # PROFILES is a dictionary, whose values are documented.
    assert isinstance(value, dict) or (kind.__doc__ or "").strip()


def test_names_are_those_of_the_stub_and_public():
    assert set(tc.__all__) <= set(dir(tc))
    assert not [name for name in tc.__all__ if name.startswith("_")]
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tc.no_such_name


def test_the_import_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys; from time import process_time as now; start = now(); import theory_check; spent = now() - start\n"
        f"print(spent, *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    runs = [in_a_new_process(code) for _ in range(3)]
    assert all(len(run) == 1 for run in runs), runs
    # Processor time, the median of three: other processes on the machine count for little.
    assert statistics.median(float(run[0]) for run in runs) < LONGEST


def test_a_first_name_loads_no_more_than_it_needs():
    loaded = in_a_new_process("import sys, theory_check as tc; tc.WeightLaw; print(*sys.modules)")
    assert "theory_check.catalogue.regimes" not in loaded
    assert "matplotlib" not in loaded
