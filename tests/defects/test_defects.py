"""The planted defects: what they name exists, and the command tells what a claim finds from what escapes it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from planted import DEFECTS

from theory_check.catalogue.regimes import all_claims
from theory_check.simulation.engines import Threads
from theory_check.simulation.execution import Simulation, silent
from theory_check.verification.looks import decide, stops

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_name_claims_and_tests_that_exist_and_can_be_planted(name):
    defect = DEFECTS[name]
    assert set(defect.claims) <= {claim.id for claim in all_claims()}
    assert not defect.unit_test or (FOLDER.parents[1] / defect.unit_test).is_file()
    with pytest.MonkeyPatch.context() as patch:
        defect.plant(patch)


#: Runs the command three times in a process of its own, which forks: with a defect, one that breaks off, and none.
SESSION = """
import contextlib, io, json, runpy, sys
sys.path.insert(0, sys.argv[1])
import planted, planting
from theory_check.simulation.boundary import Boundary

def broken(*arguments):
    raise ValueError("planted")

main = runpy.run_path(f"{sys.argv[1]}/__main__.py")["main"]
planted.DEFECTS["breaks off"] = planting.Defect(planting.around(Boundary, "hidden", broken), ("E21",))
for names in ["lanes are identical in pairs"], ["breaks off"], ["nothing"]:
    sys.argv[1:], output = names, io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        code = 2
        code = main()
    print(json.dumps([code, output.getvalue()]))
"""


@pytest.fixture(scope="module")
def session():
    done = subprocess.run(
        [sys.executable, "-c", SESSION, FOLDER], capture_output=True, text=True, check=False, cwd=FOLDER.parents[1]
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_the_command_prints_which_claim_finds_a_defect(session):
    code, table = session[0][0]
    assert code == 0
    assert table.count("\n") == 3
    assert "| lanes are identical in pairs | `E3/linear-orthogonal-d4` inapplicable |" in table


def test_an_error_in_the_place_of_a_verdict_is_no_find(session):
    code, table = session[0][1]
    assert code == 1
    assert "| breaks off | **broke off** by an error |" in table
    assert "ValueError: planted" in session[1]


def test_a_defect_without_a_name_is_refused(session):
    assert session[0][2] == [2, ""]
    assert "there is no defect 'nothing'" in session[1]


@pytest.fixture
def tool():
    specification = importlib.util.spec_from_file_location("tool_of_defects", FOLDER / "__main__.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_points_judged_one_after_another_are_those_of_a_run(tool):
    checks = tool.plan_run(["E21"], tool.find_profile("quick")).checks
    together = Simulation(
        tool.workload(checks, "replicates"), 1, stops=stops(checks, {}), engine=Threads(1), folder=None, report=silent
    )
    with together as simulation:
        whole = {id: decision.finding for id, decision in decide(checks, {}, simulation).items()}
    found = {finding.id: finding for finding in tool.judged("E21", "quick", 1)}
    assert len(tool.sharing(checks)) == 8
    assert found == whole
