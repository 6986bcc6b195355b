"""Profiles of Hypothesis, written out: under CI some defaults change silently.

``ci`` draws the same examples in every run. ``nightly`` draws new ones and keeps what failed in a database of its own.
"""

from __future__ import annotations

import os

from hypothesis import settings
from hypothesis.database import DirectoryBasedExampleDatabase

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, database=None)
settings.register_profile(
    "nightly",
    derandomize=False,
    deadline=None,
    print_blob=True,
    database=DirectoryBasedExampleDatabase(".hypothesis/nightly"),
)
settings.load_profile(os.environ.get("THEORY_CHECK_HYPOTHESIS_PROFILE", "ci"))
