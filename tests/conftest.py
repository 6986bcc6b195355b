"""Profiles of Hypothesis, written out: under CI some defaults change silently.

``ci`` draws the same examples in every run. ``nightly`` draws new ones and keeps what failed in a database of its own.
"""

from __future__ import annotations

import os
import pkgutil
from importlib import import_module

import pytest
from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

from theory_check import kernels
from theory_check.foundation import stored_values

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile(
    "nightly",
    derandomize=False,
    deadline=None,
    print_blob=True,
    database=DirectoryBasedExampleDatabase(".hypothesis/nightly"),
)
settings.load_profile(os.environ.get("THEORY_CHECK_HYPOTHESIS_PROFILE", "ci"))


def pytest_sessionstart(session):
    """Compile the kernels, every other worker from the last: what one has compiled another finds on the disk."""
    worker = getattr(session.config, "workerinput", {}).get("workerid")
    if worker is not None:
        names = sorted(module.name for module in pkgutil.iter_modules(kernels.__path__))
        for name in names[:: 1 if int(worker.removeprefix("gw")) % 2 == 0 else -1]:
            import_module(f"{kernels.__name__}.{name}")


@pytest.fixture(autouse=True, scope="session")
def no_stored_values():
    """Compute plans and laws in every process: what a test changes must not reach the cache of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_values, "values_folder", lambda: None)
        yield
