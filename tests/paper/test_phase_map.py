from __future__ import annotations

import json
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from map_archives import read_map

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights
from theory_check.paper.map_pictures import draw_map, write_map
from theory_check.paper.phase_map import MapSpecification, make_map, run_map
from theory_check.simulation.runner import run_experiments

SEED = 6
MAP = MapSpecification(
    width=3, depth=5, values=(0.3, 0.5, 0.8), betas=(0.0, 0.5, 1.0, 1.5), draws=2, input=Input("paper", 3)
)
COLUMNS = ["log_displacement", "log_gradient_displacement", "log_gradient_ratio", "log_norm_ratio"]


@pytest.fixture(scope="module")
def phase_map():
    return run_map(MAP, SEED, threads=1)


def test_the_default_map_is_that_of_the_paper():
    assert MapSpecification() == make_map()
    specification = MapSpecification()
    assert (len(specification.values), len(specification.betas)) == (51, 70)
    assert (specification.values[0], specification.values[-1]) == (0.05, 0.97)
    assert (specification.betas[0], specification.betas[-1]) == (0.0, 1.3)
    assert (specification.width, specification.depth, specification.draws) == (40, 1000, 5)
    assert (specification.branch, specification.input) == (Branch("res-3"), Input("paper", 10))
    assert specification.gradients


def test_a_map_is_made_of_its_sweeps(phase_map):
    assert sorted(phase_map.values) == COLUMNS
    for index, sweep in enumerate(MAP.sweeps):
        assert dict(sweep.weights.parameters) == {"hurst": MAP.values[index]}
        sample = run_experiments({sweep: MAP.draws}, SEED)[sweep].values
        for name, column in phase_map.values.items():
            assert column.shape == (3, 4, 2, 3)
            for b in range(4):
                np.testing.assert_array_equal(column[index, b], sample[name][:, b])


@pytest.mark.parametrize("options", [{"threads": 2}, {"threads": 1, "memory": 1}], ids=str)
def test_values_do_not_depend_on_resources_or_on_the_grid(options, phase_map):
    specification = replace(MAP, values=(0.1, 0.5), betas=(0.5, 0.6, 1.5), draws=1)
    found = run_map(specification, SEED, **options)
    for name, column in found.values.items():
        np.testing.assert_array_equal(column[1, [0, 2]], phase_map.values[name][1, [1, 3], :1])


def test_an_interrupted_map_goes_on(phase_map, monkeypatch, tmp_path):
    monkeypatch.setattr("theory_check.simulation.units.UNIT_WORK", 1)
    calls = iter(range(3))

    def report(done, total):
        if next(calls, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_map(MAP, SEED, threads=1, folder=tmp_path, report=report)
    # A unit of work is one draw at one value: three of six are kept.
    assert len(list(tmp_path.iterdir())) == 3
    found = run_map(MAP, SEED, threads=2, folder=tmp_path)
    for name, column in phase_map.values.items():
        np.testing.assert_array_equal(found.values[name], column)


def test_medians_are_powers_of_ten(phase_map):
    median = phase_map.median("log_displacement")
    assert median.shape == (3, 4)
    column = phase_map.values["log_displacement"]
    for i, b in np.ndindex(3, 4):
        middle = np.sort(column[i, b].ravel())[2:4]
        assert median[i, b] == pytest.approx(middle.mean() / math.log(10.0), rel=1e-15)


def test_maps_without_gradients():
    found = run_map(replace(MAP, gradients=False), SEED)
    assert sorted(found.values) == ["log_displacement", "log_norm_ratio"]
    assert draw_map(found) != draw_map(run_map(MAP, SEED))


@pytest.mark.parametrize(
    "specification", [MAP, MapSpecification(), replace(MAP, branch=Branch("res-1", Activation("tanh")))]
)
def test_specifications_survive_json(specification):
    assert msgspec.convert(json.loads(json.dumps(specification.to_json())), MapSpecification) == specification


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": (0.5, 0.2)}, "the grid of hurst is"),
        ({"values": ()}, "the grid of hurst is"),
        ({"values": (0.5, 1.0)}, "hurst of fgn weights is 1; it must be between 0 and 1"),
        ({"betas": (1.0, 1.0)}, "the grid of beta is"),
        ({"parameter": "length"}, "unknown parameter of fgn weights 'length'; accepted: hurst"),
        ({"draws": 0}, "number of draws is 0"),
        (
            {"weights": Weights("student"), "parameter": "df", "values": (3.0, 4.0)},
            "the stored kernel does not take student",
        ),
    ],
)
def test_bad_specifications(changes, message):
    with pytest.raises(SpecificationError, match=message):
        replace(MAP, **changes)


def test_the_first_open_parameter_of_the_process_varies():
    assert make_map(parameters="0.1,0.5").parameter == "hurst"
    assert make_map(process="smooth", parameters="0.1:0.3:3").parameter == "length"
    matern = make_map(process="matern:length=0.3", parameters="0.5,1.5,2.5")
    assert matern.parameter == "nu"
    assert dict(matern.sweeps[1].weights.parameters) == {"length": 0.3, "nu": 1.5}
    assert make_map(process="matern:nu=2.5", parameters="0.1,0.2").parameter == "length"
    with pytest.raises(SpecificationError, match="leaves no parameter to vary"):
        make_map(process="fgn:hurst=0.5")
    with pytest.raises(SpecificationError, match="leaves no parameter to vary"):
        make_map(process="tied")
    with pytest.raises(SpecificationError, match="unknown process 'uniform'"):
        make_map(process="uniform")


def test_archives_are_read_back(phase_map, tmp_path):
    written = write_map(phase_map, tmp_path / "map.npz")
    assert [path.name for path in written] == ["map.npz", "map.png"]
    again = read_map(written[0])
    assert again.specification == MAP
    assert again.seed == SEED
    assert sorted(again.values) == COLUMNS
    for name, column in phase_map.values.items():
        np.testing.assert_array_equal(again.values[name], column)
    assert draw_map(again) == written[1].read_bytes()
