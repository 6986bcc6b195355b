"""Samples as tables, and in words."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network
from theory_check.foundation.errors import SpecificationError

PROFILE = np.arange(6.0).reshape(3, 2)
SAMPLE = Sample(
    network("linear", "uniform", width=2, depth=5), 7, {"log_norm_ratio": np.arange(3.0), "norm_profile": PROFILE}, 0.5
)


def test_a_frame_has_a_row_per_replicate_and_a_column_per_entry():
    frame = SAMPLE.to_dataframe()
    assert list(frame.columns) == ["log_norm_ratio", "norm_profile_0", "norm_profile_1"]
    assert frame.index.name == "replicate"
    np.testing.assert_array_equal(frame[["norm_profile_0", "norm_profile_1"]].to_numpy(), PROFILE)
    assert frame.attrs == {"experiment": str(SAMPLE.experiment), "seed": 7}


def test_a_data_set_keeps_the_axes():
    pytest.importorskip("xarray")
    found = SAMPLE.to_xarray()
    assert found["norm_profile"].dims == ("replicate", "norm_profile_axis_1")
    np.testing.assert_array_equal(found["norm_profile"].to_numpy(), PROFILE)
    assert found.attrs["seed"] == 7


def test_without_xarray_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(SpecificationError, match="to_xarray needs xarray: pip install xarray"):
        SAMPLE.to_xarray()


def test_a_sample_is_readable():
    assert repr(SAMPLE) == f"<Sample of {SAMPLE.experiment}, seed 7: log_norm_ratio (3,), norm_profile (3, 2)>"
    page = SAMPLE._repr_html_()
    assert "<td>log_norm_ratio</td><td>(3,)</td><td>1</td>" in page
    assert "<td>norm_profile</td><td>(3, 2)</td><td></td>" in page
