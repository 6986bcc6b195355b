from __future__ import annotations

import pytest
from example_record import make_record

from theory_check.findings.run import RunRecord


@pytest.fixture(scope="session")
def record() -> RunRecord:
    return make_record()
