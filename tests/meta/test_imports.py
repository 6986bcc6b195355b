"""Importing the package stays light: heavy libraries are loaded by the first function that needs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numba", "scipy", "statsmodels", "pandas", "matplotlib", "jinja2", "PIL", "rich")


@pytest.mark.parametrize("module", ["theory_check.inference", "theory_check.catalogue.regimes"])
def test_importing_loads_no_heavy_library(module):
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
