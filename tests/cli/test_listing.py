"""What ``show`` prints of every claim can be read on a terminal."""

from __future__ import annotations

import re

import pytest

from theory_check.catalogue.regimes import all_claims
from theory_check.claims.claim import PROFILES
from theory_check.claims.planning import PlannedCheck
from theory_check.cli.listing import _print_check, _print_claim


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.id)
def test_no_claim_is_printed_in_latex(claim, capsys):
    # A plan adds numbers alone to the checks.
    checks = tuple(PlannedCheck(check.name, check, 1e-6, 100) for check in claim.checks(PROFILES["quick"]))
    _print_claim(claim, checks)
    for planned in checks:
        _print_check(planned)
    printed = capsys.readouterr().out
    assert re.findall(r"[\\$\ue000-\uf8ff].*", printed) == []
    assert "Formula: " in printed
