"""Defects of one per cent, planted in a weight law, a kernel and an oracle: the exact mean of D must notice.

On wide networks of few layers D hardly fluctuates: its deviation is about sqrt(2/(d L)) of its mean, and 1% of the
weights move the mean by 2%. A second of simulation tells that nearly always.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

import theory_check as tc
from theory_check.catalogue import exact_means
from theory_check.networks.weights import Weights
from theory_check.simulation.passes import dense
from theory_check.theory import moments
from theory_check.verification.drawn import judge_drawn

CLAIM = {claim.id: claim for claim in tc.all_claims()}["E1"]

#: One network for each run: branch, weights, width, depth and beta.
NETWORKS = [
    (branch, law, 64, depth, beta)
    for branch, depth in (("linear", 3), ("res-3", 4))
    for law, beta in (("uniform", 0.5), ("uniform", 1.0), ("rademacher", 0.75), ("triangular", 1.5), ("gaussian", 1.0))
]


def _weights(monkeypatch):
    filler = dense.row_filler
    monkeypatch.setattr(
        dense, "row_filler", lambda w: replace(filler(w), natural_deviation=filler(w).natural_deviation / 1.01)
    )


def _kernel(monkeypatch):
    forward = dense.DensePasses.forward
    monkeypatch.setattr(dense.DensePasses, "forward", lambda self, k, a, *rest: forward(self, k, 1.01 * a, *rest))


def _oracle(monkeypatch):
    # The variance that the interval needs is not the defect.
    wrong = {"mean_displacement": lambda *layer: 1.02 * moments.mean_displacement(*layer)}
    monkeypatch.setattr(exact_means, "moments", SimpleNamespace(**{**vars(moments), **wrong}))


def _verdicts():
    for number, (branch, law, width, depth, beta) in enumerate(NETWORKS):
        deep = tc.network(branch, Weights(law), width=width, depth=depth, beta=beta, gradients=True, kernel="dense")
        name = next(check.name for check in CLAIM.domain.checks(deep, 1.0) if check.name.endswith("displacement"))
        yield judge_drawn(CLAIM, deep, name, seed=number, level=1e-7, seconds=1.5, precision=0.2).verdict


@pytest.mark.parametrize("defect", [_weights, _kernel, _oracle])
def test_one_per_cent_is_noticed_nine_times_in_ten(defect, monkeypatch):
    defect(monkeypatch)
    assert list(_verdicts()).count("refuted") >= 9


def test_nothing_is_noticed_without_a_defect():
    assert "refuted" not in set(_verdicts())
