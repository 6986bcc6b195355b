from __future__ import annotations

import numpy as np
import pytest

from theory_check.findings.pictures import CENTRAL_SHARE, histogram_bins


def test_bins_cover_the_central_part():
    values = np.random.default_rng(1).standard_cauchy(50_000)
    edges = histogram_bins(values)
    inside = np.mean((values >= edges[0]) & (values <= edges[-1]))
    # Each end lies between two neighbours of the 50,000 values.
    assert inside == pytest.approx(CENTRAL_SHARE, abs=1e-3)
    assert 8 <= edges.size - 1 <= 100
    assert np.all(np.diff(edges) > 0)
