"""The identity of a claim at a profile: no name and no prose changes it, every change of meaning does."""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass, replace

import pytest

from theory_check.claims import (
    EXACT,
    PROFILES,
    PROVEN,
    Basis,
    CriticalPoint,
    Distance,
    LogNormal,
    Mean,
    Normal,
    Order,
    Probability,
    Quantile,
    Slope,
    Spread,
    check,
    claim,
    median,
)
from theory_check.claims import identity as module
from theory_check.claims.identity import claim_version
from theory_check.claims.observables import LOG_DISPLACEMENT, LOG_NORM_RATIO, between
from theory_check.claims.planning import plan_claim
from theory_check.experiments.spelling import brownian_networks, network, path_networks
from theory_check.foundation.laws import Tilted

CELL = network("linear", width=4, depth=8)
LAW = Normal(0.5, 4.0)
OTHER_LAW = Normal(0.6, 4.0)
EVENT = between(LOG_NORM_RATIO, upper=0.0)


MEAN = Mean(LOG_NORM_RATIO, 1.0)


def version(estimator=MEAN, target=0.25, *, point="point", experiments=CELL, **options):
    """Return the identity of a claim of one check."""

    @claim("N1")
    def stated(profile):
        """State it."""
        return check(
            point, experiments, "a quantity", estimator, target, **{"margin": 0.1, "wrong": {"another": "y"}} | options
        )

    return claim_version(plan_claim(stated, PROFILES["quick"]))


def test_it_is_the_same_twice_and_short():
    assert version() == version()
    assert len(version()) == 16
    int(version(), 16)


def test_prose_leaves_it_alone():
    planned = plan_claim(stated_with_prose("P"), PROFILES["quick"])
    other = plan_claim(stated_with_prose("Q"), PROFILES["quick"])
    assert planned != other
    assert claim_version(planned) == claim_version(other)


def stated_with_prose(text):
    def function(profile):
        basis = Basis(f"because of {text}")
        return check("point", CELL, text, Mean(LOG_NORM_RATIO, 1.0), 0.25, margin=0.1, basis=basis, wrong={text: 9.0})

    function.__doc__ = f"State {text}."
    prose = dict.fromkeys(("title", "formula", "source", "derivation", "hypotheses"), text)
    return claim("N1", sharpens=(text,), **prose)(function)


class RenamedMean(Mean):
    """A mean of another class, reported as another method."""

    method = "another name of the same interval"


@dataclass(frozen=True)
class RenamedNormal:
    """A normal law of another class, with parameters of other names."""

    centre: float
    deviation: float

    def cdf(self, x):
        return Normal(self.centre, self.deviation**2).cdf(x)

    def quantile(self, p):
        return Normal(self.centre, self.deviation**2).quantile(p)


def doubled(samples):
    return 2.0 * samples[0].column("log_norm_ratio")


def twice(samples):
    """Return the same by another name."""
    return 2.0 * samples[0].column("log_norm_ratio")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Mean(LOG_NORM_RATIO, 1.0), RenamedMean(LOG_NORM_RATIO, 1.0)),
        (Distance(LOG_NORM_RATIO, LAW), Distance(LOG_NORM_RATIO, RenamedNormal(0.5, 2.0))),
        (Mean(doubled, 1.0), Mean(twice, 1.0)),
        (Mean("log_norm_ratio", 1.0), Mean(LOG_NORM_RATIO, 1.0)),
    ],
    ids=["estimator", "law", "function", "spelling of a column"],
)
def test_a_new_name_leaves_it_alone(one, other):
    assert version(one) == version(other)


def test_a_renamed_experiment_leaves_it_alone():
    """The class of the experiment; its identity is a text of its own."""
    renamed = make_dataclass("RenamedCell", [], bases=(type(CELL),), frozen=True)
    fields = {name: getattr(CELL, name) for name in CELL.__dataclass_fields__}
    assert version(experiments=renamed(**fields)) == version()


def test_what_only_plans_the_sample_leaves_it_alone():
    assert version(miss_rate=1e-9) == version()
    assert version(basis=Basis(EXACT.reason, exact=True, allowance=0.2)) == version()
    assert version(wrong={"mistake": 9.0}) == version()
    assert version(median(LOG_NORM_RATIO, LAW)) == version(median(LOG_NORM_RATIO, OTHER_LAW))
    assert version(Probability(EVENT)) == version(Probability(EVENT, truth=0.24))
    planned = plan_claim(stated_with_prose("P"), PROFILES["quick"])
    assert claim_version([replace(planned[0], replicates=1)]) == claim_version(planned)


def test_what_is_observed_besides_leaves_it_alone():
    plain, watched = (
        network("linear", width=4, depth=8, kernel="reduced", gradients=gradients) for gradients in (False, True)
    )
    assert version(experiments=watched) == version(experiments=plain)


@pytest.mark.parametrize("change", [1.0 + 1e-12, 1.0 - 1e-9])
def test_the_last_digits_of_a_library_leave_it_alone(change):
    changed = version(target=0.25 * change, margin=0.1 * change, remainder=0.03 * change, basis=PROVEN)
    assert changed == version(remainder=0.03, basis=PROVEN)
    assert version(Mean(LOG_NORM_RATIO, change)) == version()
    laws = (Normal(0.5 * mu, 4.0) for mu in (1.0, change))
    assert len({version(Distance(LOG_NORM_RATIO, law), 0.0) for law in laws}) == 1


def test_a_zero_has_no_sign():
    assert version(target=-0.0) == version(target=0.0)
    assert version(MEAN, (-0.0, 0.5)) == version(MEAN, (0.0, 0.5))


DEEP = path_networks("linear", "smooth:length=0.5", width=4, depth=8, doublings=2)
NOISY = brownian_networks("linear", width=4, depth=8, doublings=2)
LAWS = (LogNormal(LAW), LogNormal(LAW))


def critical(*betas):
    return CriticalPoint(LOG_NORM_RATIO, betas, lambda beta: Normal(0.25 - beta, 0.01))


def order(depths=(10, 20), bounds=(1.0, 1.0)):
    return Order(LOG_NORM_RATIO, depths, (1.0, 0.9), bounds)


CHANGES = {
    "width": ({}, {"experiments": network("linear", width=5, depth=8)}),
    "depth": ({}, {"experiments": network("linear", width=4, depth=9)}),
    "scaling": ({}, {"experiments": network("linear", width=4, depth=8, beta=0.6)}),
    "branch": ({}, {"experiments": network("res-3", width=4, depth=8)}),
    "weights": ({}, {"experiments": network("linear", "uniform", width=4, depth=8)}),
    "input": ({}, {"experiments": network("linear", width=4, depth=8, input="sphere")}),
    "kernel": ({}, {"experiments": network("linear", width=4, depth=8, kernel="dense")}),
    "one experiment more": ({}, {"experiments": (CELL, DEEP)}),
    "order of the experiments": ({"experiments": (CELL, DEEP)}, {"experiments": (DEEP, CELL)}),
    "doublings": ({"experiments": DEEP}, {"experiments": replace(DEEP, doublings=3)}),
    "path": ({"experiments": DEEP}, {"experiments": replace(DEEP, path=type(DEEP.path).parse("periodic"))}),
    "noise": ({"experiments": NOISY}, {"experiments": replace(NOISY, noise="independent")}),
    "column": ({}, {"estimator": Mean(LOG_DISPLACEMENT, 1.0)}),
    "number in the observable": ({}, {"estimator": Mean(1.01 * LOG_NORM_RATIO, 1.0)}),
    "event": ({"estimator": Probability(EVENT)}, {"estimator": Probability(between(LOG_NORM_RATIO, upper=0.01))}),
    "code of a function": (
        {"estimator": Mean(doubled, 1.0)},
        {"estimator": Mean(lambda samples: 3.0 * samples[0].column("log_norm_ratio"), 1.0)},
    ),
    "kind of estimator": ({}, {"estimator": median(LOG_NORM_RATIO, LAW)}),
    "bound of the variance": ({}, {"estimator": Mean(LOG_NORM_RATIO, 1.1)}),
    "probability of a quantile": (
        {"estimator": Quantile(LOG_NORM_RATIO, 0.5, LAW)},
        {"estimator": Quantile(LOG_NORM_RATIO, 0.6, LAW)},
    ),
    "probabilities of a spread": (
        {"estimator": Spread(LOG_NORM_RATIO, (0.25, 0.75), LAW)},
        {"estimator": Spread(LOG_NORM_RATIO, (0.2, 0.75), LAW)},
    ),
    "mean of a law": (
        {"estimator": Distance(LOG_NORM_RATIO, LAW)},
        {"estimator": Distance(LOG_NORM_RATIO, OTHER_LAW)},
    ),
    "shape of a law": (
        {"estimator": Distance(LOG_NORM_RATIO, LAW)},
        {"estimator": Distance(LOG_NORM_RATIO, Tilted(LAW, 0.01))},
    ),
    "depths of a slope": (
        {"estimator": Slope(LOG_NORM_RATIO, (10, 20), LAWS)},
        {"estimator": Slope(LOG_NORM_RATIO, (10, 30), LAWS)},
    ),
    "depths of an order": ({"estimator": order()}, {"estimator": order(depths=(10, 30))}),
    "bounds of an order": ({"estimator": order()}, {"estimator": order(bounds=(1.0, 1.1))}),
    "betas": ({"estimator": critical(0.2, 0.3)}, {"estimator": critical(0.2, 0.31)}),
    "target": ({}, {"target": 0.2501}),
    "lower end of the target": ({"target": (0.25, 0.3)}, {"target": (0.24, 0.3)}),
    "upper end of the target": ({"target": (0.25, 0.3)}, {"target": (0.25, 0.31)}),
    "margin": ({}, {"margin": 0.1001}),
    "remainder": ({"basis": PROVEN}, {"remainder": 0.001}),
    "exactness": ({}, {"basis": Basis(EXACT.reason)}),
    "point": ({}, {"point": "another"}),
}


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_meaning_changes_it(before, after):
    assert version(**before) != version(**before | after)


def planned_with(*points, **options):
    @claim("N1", **options)
    def stated(profile):
        """State it."""
        return tuple(
            check(p, CELL, "", Mean(LOG_NORM_RATIO, 1.0), 0.25, margin=0.1, wrong={"another": "y"}) for p in points
        )

    return plan_claim(stated, PROFILES["quick"])


def test_the_level_and_the_number_of_checks_change_it():
    (alone,) = planned_with("a")
    (first, second) = planned_with("a", "b")
    assert len({claim_version(c) for c in ([alone], [first], [first, second], [second, first])}) == 4
    assert claim_version([replace(alone, level=alone.level * 1.001)]) != claim_version([alone])


def test_the_kernel_version_changes_it(monkeypatch):
    before = version()
    monkeypatch.setattr(module, "KERNEL_VERSION", module.KERNEL_VERSION + 1)
    assert version() != before


@pytest.mark.parametrize(
    ("estimator", "plans_only"),
    [
        (MEAN, {"values_per_replicate"}),
        (Probability(EVENT), {"truth", "exact"}),
        (Quantile("a", 0.5, LAW), {"law"}),
        (Spread("a", (0.25, 0.75), LAW), {"law"}),
        (Distance("a", LAW), set()),
        (Slope("a", (10, 20), LAWS), {"laws"}),
        (order(), {"errors"}),
        (critical(0.2, 0.3), {"law_at"}),
    ],
    ids=lambda part: getattr(part, "kind", ""),
)
def test_an_estimator_is_told_by_all_that_does_not_only_plan_it(estimator, plans_only):
    names = {field.name for field in fields(estimator)} - {"observable"}
    assert set(estimator.told_by) == names - plans_only
