from __future__ import annotations

import pytest

from theory_check.networks.additions import temporary_additions


@pytest.fixture(autouse=True)
def _temporary():
    with temporary_additions():
        yield
