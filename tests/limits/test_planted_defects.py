"""Defects of one per cent, planted in a weight law, a kernel and an oracle: the property that should notice does.

Planning promises it: of the networks that the property of a claim judges, the first of the kernel in question sees
factors that are larger by 1% with a probability of 99%. Over ten runs of the whole property, each with networks and
streams of its own, each of these defects was caught at least nine times. On ten streams each, weights larger by 1% were
caught ten times for each law of independent entries that E1 speaks of, and both defects of E10 ten times by these
networks, which the right factors passed ten times.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from claim_examples import choices

import theory_check as tc
from theory_check.catalogue import exact_means, tangent_kernel
from theory_check.simulation.passes import dense
from theory_check.simulation.passes.reduced import GaussianPasses
from theory_check.simulation.weight_gradients import WeightGradients
from theory_check.theory import moments, weight_gradients
from theory_check.verification.drawn import judge_drawn

CLAIMS = {claim.id: claim for claim in tc.all_claims()}


def _weights(monkeypatch):
    filler = dense.row_filler
    monkeypatch.setattr(
        dense, "row_filler", lambda w: replace(filler(w), natural_deviation=filler(w).natural_deviation / 1.01)
    )


def _pass(name):
    def plant(monkeypatch):
        way = getattr(dense.DensePasses, name)
        monkeypatch.setattr(dense.DensePasses, name, lambda self, k, a, *rest: way(self, k, 1.01 * a, *rest))

    return plant


def _after(kind, name, factor):
    def plant(monkeypatch):
        made = kind.__init__

        def make(self, *arguments, **options):
            made(self, *arguments, **options)
            setattr(self, name, factor * getattr(self, name))

        monkeypatch.setattr(kind, "__init__", make)

    return plant


def _oracle(module, oracles, name):
    def plant(monkeypatch):
        right = getattr(oracles, name)
        # The variance that the interval needs is not the defect.
        wrong = {name: lambda *layer: 1.02 * right(*layer)}
        if hasattr(module, name):
            monkeypatch.setattr(module, name, wrong[name])
        else:
            monkeypatch.setattr(module, "moments", SimpleNamespace(**{**vars(oracles), **wrong}))

    return plant


#: The claim whose property should notice, the kernel or weight law that has the defect (None: all), what is planted.
DEFECTS = {
    "dense weights are larger by 1%": ("E1", "dense", _weights),
    "ternary weights are larger by 1%": ("E1", "ternary", _weights),
    "the factors of the dense forward pass are larger by 1%": ("E1", "dense", _pass("forward")),
    "the factors of the dense backward pass are larger by 1%": ("P5", "dense", _pass("backward")),
    "the same factors, seen in gradients of weights": ("E10", "uniform", _pass("backward")),
    "the mean of D is larger by 2%": ("E1", None, _oracle(exact_means, moments, "mean_displacement")),
    "reduced weights are larger by 1%": ("E17", "reduced", _after(GaussianPasses, "_deviation", 1.01)),
    "gradients of weights are larger by 1%": ("E10", "rademacher", _after(WeightGradients, "_scaling", 1.01)),
    "the mean of a weight gradient is larger by 2%": ("N1", None, _oracle(tangent_kernel, weight_gradients,
                                                                          "mean_weight_gradient")),
}  # fmt: skip


def sharpest(id, part):
    """The network of a kernel or weight law that sees most, and its place among those of the property."""
    found = enumerate(choices(CLAIMS[id]))
    return next((n, c) for n, c in found if part in (None, c.network.kernel, c.network.weights.law))


def refuted(id, part, seed):
    """Points that this network refutes."""
    claim, (number, choice) = CLAIMS[id], sharpest(id, part)
    found = judge_drawn(
        claim, choice.network, seed=1000 * seed + number, level=1e-5 / len(choices(claim)), seconds=choice.seconds
    )
    return [one.finding.id for one in found if one.finding.verdict == "refuted"]


@pytest.mark.parametrize(("id", "part"), sorted({(id, part) for id, part, _ in DEFECTS.values()}, key=str))
def test_planning_promises_to_see_one_per_cent(id, part):
    assert sharpest(id, part)[1].pull >= 1.0
    assert not refuted(id, part, 1)


def test_planning_promises_to_see_one_per_cent_of_every_law_of_weights():
    seen = [choice for id in ("E1", "E17") for choice in choices(CLAIMS[id]) if choice.pull >= 1.0]
    every = {choice.network.weights.law for choice in choices(CLAIMS["E1"])}
    assert {choice.network.weights.law for choice in seen} == every


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", DEFECTS)
def test_the_property_that_should_notice_does(name, seed, monkeypatch):
    id, part, plant = DEFECTS[name]
    choices(CLAIMS[id])  # of the right theory
    plant(monkeypatch)
    assert refuted(id, part, seed)
