"""The planted defects: what they name exists, and the command tells what a claim finds from what escapes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from planted import DEFECTS

from theory_check.catalogue.regimes import all_claims

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_name_claims_and_tests_that_exist_and_can_be_planted(name):
    defect = DEFECTS[name]
    assert set(defect.claims) <= {claim.id for claim in all_claims()}
    assert not defect.unit_test or (FOLDER.parents[1] / defect.unit_test).is_file()
    with pytest.MonkeyPatch.context() as patch:
        defect.plant(patch)


def command(*arguments):
    done = subprocess.run(
        [sys.executable, FOLDER, *arguments], capture_output=True, text=True, check=False, cwd=FOLDER.parents[1]
    )
    return done.returncode, done.stdout


def test_the_command_prints_which_claim_finds_a_defect():
    code, table = command("lanes are identical in pairs")
    assert code == 0
    assert table.count("\n") == 3
    assert "| lanes are identical in pairs | `E3/linear-gaussian-d40` inapplicable |" in table


def test_a_defect_without_a_name_is_refused():
    assert command("nothing")[0] == 2
