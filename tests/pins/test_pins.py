"""What earlier versions simulated and planned, to the last bit: a move or a new name must not change it.

``python tests/pins/test_pins.py`` writes the pins anew, for a change that is meant: it belongs in the CHANGELOG.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest
import scipy
from pinned_experiments import EXPERIMENTS, REPLICATES, SEED

from theory_check.catalogue.regimes import REGIMES
from theory_check.claims.claim import PROFILES
from theory_check.claims.planning import plan_claim
from theory_check.simulation.runner import run_experiments

FOLDER = Path(__file__).parent

#: Other versions of these libraries move the last digits: by at most 4e-7 where no pivot is tied.
LIBRARIES = {"numpy": np.__version__, "numba": numba.__version__, "scipy": scipy.__version__}
ACROSS_LIBRARIES = 1e-6


@cache
def pinned(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def simulated(name):
    experiment = EXPERIMENTS[name]
    values = run_experiments({experiment: REPLICATES}, SEED, threads=1)[experiment].values
    return {column: [list(array.shape), [x.hex() for x in array.ravel()]] for column, array in values.items()}


def planned():
    claims = [claim for regime in REGIMES for claim in regime.claims]
    return {
        check.id: [experiment.content_hash for experiment in check.experiments]
        for claim in claims
        for check in plan_claim(claim, PROFILES["quick"])
    }


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_simulated_values_are_those_of_earlier_versions(name):
    expected, found = pinned("values")[name], simulated(name)
    if pinned("libraries") == LIBRARIES:
        assert found == expected
        return
    assert found.keys() == expected.keys()
    for column, (shape, numbers) in expected.items():
        values = np.array([float.fromhex(x) for x in numbers]).reshape(shape)
        now = np.array([float.fromhex(x) for x in found[column][1]]).reshape(found[column][0])
        np.testing.assert_allclose(now, values, rtol=ACROSS_LIBRARIES, atol=ACROSS_LIBRARIES)


def test_the_networks_of_the_quick_catalogue_are_those_of_earlier_versions():
    assert planned() == pinned("networks")


def write(name, content):
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=0) + "\n")


if __name__ == "__main__":
    write("values", {name: simulated(name) for name in EXPERIMENTS})
    write("networks", planned())
    write("libraries", LIBRARIES)
