"""Checks at their planned looks: level and power of every estimator, by the code that judges claims.

A row of a sample is a whole run of one point: its replicates in their order. The point is judged at one planned look
after the other until it is decided, and its verdict is frozen there. Looks are the plan's own, made for the number of
replicates in a row. What is counted is the frozen verdict, so a verdict at any of the looks counts.

* *Level*: the target is the truth and the margin so small that nothing is ever supported, which would end the looks.
  The statement is refuted with probability at most the level, all looks together.
* *Power*: margin, level and miss rate plan the number of replicates. A statement that is off by the part of its margin
  that planning leaves free is supported, and one that is off by two margins refuted, with probability at least 1 less
  the miss rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np
from numpy.typing import ArrayLike

from theory_check.calibration.known_laws import Law, bent, bernoulli, lognormal, normal, uniform
from theory_check.calibration.scenarios import BoolArray, Case, Method
from theory_check.claims.checks import EXACT, LIMIT, PROVEN, Basis, Check, check
from theory_check.claims.claim import Profile, claim
from theory_check.claims.estimators import (
    CriticalPoint,
    Distance,
    Estimator,
    Mean,
    Order,
    Probability,
    Quantile,
    Range,
    Slope,
    Spread,
)
from theory_check.claims.judging import decisive_look
from theory_check.claims.observables import Samples, column
from theory_check.claims.planning import PlannedCheck, plan_check
from theory_check.experiments.experiment import Sample
from theory_check.experiments.spelling import network
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import LogNormal, Normal
from theory_check.inference import bounded_mean_interval, design
from theory_check.inference.intervals import Interval
from theory_check.inference.verdicts import Verdict

#: Stands for the experiment of every sample: it says how many replicates make a block.
NETWORK = network("linear", width=2, depth=1)

#: Replicates of a run whose level is tested: five looks; two where an interval takes longest.
_REPLICATES, _FEWER = 320, 128

#: What every sample holds; each experiment of a slope is observed by itself.
VALUES = column("values")

#: A margin that no sample resolves.
TINY = 1e-9

_SIZES = (16, 64, 256)
_BETAS, _SLOPE = (0.3, 0.4, 0.6, 0.7), 5.0
_SPREAD, _ERROR = 0.3, 0.5


@claim("N1")
def _known_laws(_: Profile) -> Iterable[Check]:
    """Values drawn from known laws have the quantities of their laws."""
    return ()


@dataclass(frozen=True)
class _BettingMean(Mean):
    """The mean of values in [0, 1] by betting, as a file of claims would spell it."""

    def replicates(self, target: Range, margin: float, alpha: float, miss: float) -> int:
        return design.bounded_mean_sample_size(
            target[0], margin=margin, alpha=alpha, miss=miss, variance_bound=self.variance_bound
        )

    def interval(self, samples: Samples, alpha: float) -> Interval:
        return bounded_mean_interval(self.observable(samples), alpha=alpha)


@dataclass(frozen=True)
class _Falling:
    """The law of a quantity whose median falls in beta through 0 at 1/2."""

    def __call__(self, beta: float) -> Normal:
        return Normal(-float(_fall(beta)), 1.0)


def _fall(beta: ArrayLike) -> FloatArray:
    return _SLOPE * (np.asarray(beta) - 0.5)


@dataclass(frozen=True)
class Setting:
    """An estimator, and a world in which its quantity is known.

    Attributes
    ----------
    words : str
        The quantity, for the report.
    estimator : Estimator
    truth : float
    law : Law
        Of the numbers that replicates are made of.
    margin : float
        Of the checks that are planned.
    basis : Basis
        Of the checks that are planned.
    replicates : int
        Of the runs whose level is tested.
    numbers : int
        In a replicate.
    arrange : callable
        Turns the numbers of a run into the values of each experiment.
    """

    words: str
    estimator: Estimator
    truth: float
    law: Law
    margin: float
    basis: Basis = LIMIT
    replicates: int = _REPLICATES
    numbers: int = 1
    arrange: Callable[[FloatArray], Sequence[FloatArray]] = lambda numbers: (numbers,)

    def off_by(self, deviation: float) -> tuple[Law, Range]:
        """Return a world and the target of a statement that is off by a deviation."""
        if isinstance(self.estimator, Distance):
            return bent(deviation), (0.0, 0.0)
        if isinstance(self.estimator, CriticalPoint):
            # Its grid of betas lies about the target, and moves with it.
            return self.law.shifted(_SLOPE * deviation), (self.truth, self.truth)
        return self.law, (self.truth + deviation, self.truth + deviation)


def _by_depth(numbers: FloatArray) -> Sequence[FloatArray]:
    return [np.exp(_SPREAD * z) * depth**0.5 for z, depth in zip(np.split(numbers, len(_SIZES)), _SIZES, strict=True)]


def _errors(numbers: FloatArray) -> Sequence[FloatArray]:
    return (numbers.reshape(-1, 2) * np.array([1.0, _ERROR]),)


def _by_beta(numbers: FloatArray) -> Sequence[FloatArray]:
    return (numbers.reshape(-1, len(_BETAS)) - _fall(_BETAS),)


_MEDIANS = tuple(LogNormal(Normal(0.5 * float(np.log(depth)), _SPREAD**2)) for depth in _SIZES)
_NORMAL = Normal(0.0, 1.0)
_SKEWED, _RELATIVE = lognormal(1.0), lognormal(0.2)

SETTINGS = {
    "mean": Setting("mean", Mean(VALUES, _SKEWED.variance), 1.0, _SKEWED, margin=0.4, replicates=_FEWER),
    "betting": Setting("mean by betting", _BettingMean(VALUES, uniform().variance), 0.5, uniform(), margin=0.1),
    "probability": Setting("probability", Probability(VALUES), 0.3, bernoulli(0.3), margin=0.1),
    "quantile": Setting(
        "0.75-quantile", Quantile(VALUES, 0.75, _NORMAL), normal().quantile_at(0.75), normal(), margin=0.3
    ),
    "spread": Setting(
        "distance of quartiles", Spread(VALUES, (0.25, 0.75), _NORMAL), 2.0 * normal().quantile_at(0.75), normal(),
        margin=0.6,
    ),
    "distance": Setting(
        "distance to a law", Distance(VALUES, _NORMAL), 0.0, uniform(), margin=0.12,
        arrange=lambda numbers: (_NORMAL.quantile(numbers),),
    ),
    "slope": Setting(
        "slope of medians", Slope(VALUES, _SIZES, _MEDIANS), 0.5, normal(), margin=0.06, numbers=3, arrange=_by_depth
    ),
    "order": Setting(
        "order of errors",
        Order(VALUES, (16, 32), (1.0, _ERROR), (_RELATIVE.variance, _RELATIVE.variance * _ERROR**2)),
        -1.0, _RELATIVE, margin=0.25, replicates=_FEWER, numbers=2, arrange=_errors,
    ),
    "critical": Setting(
        "critical point", CriticalPoint(VALUES, _BETAS, _Falling()), 0.5, normal(), margin=0.15, basis=PROVEN,
        numbers=len(_BETAS), arrange=_by_beta,
    ),
}  # fmt: skip


class _WholeLevelAtEachLook(PlannedCheck):
    """The mistake that the shares of the level prevent."""

    @property
    def shares(self) -> tuple[float, ...]:
        return (1.0,) * len(self.looks)


class _WholeLevelAtEachBlock(_WholeLevelAtEachLook):
    """The mistake of looking after every block and stopping at the first that pleases."""

    @cached_property
    def looks(self) -> tuple[int, ...]:
        block = NETWORK.block_size
        return (*range(block, self.replicates, block), self.replicates)


@lru_cache(maxsize=64)
def plan(
    name: str, target: Range, margin: float, basis: Basis, level: float, miss: float, replicates: int | None = None
) -> PlannedCheck:
    """Plan a check of a setting.

    Parameters
    ----------
    name : str
        Of the setting.
    target : (float, float)
    margin : float
    basis : Basis
    level, miss : float
    replicates : int, optional
        Default: as many as the plan needs.

    Returns
    -------
    PlannedCheck
    """
    setting = SETTINGS[name]
    experiments = (NETWORK,) * (setting.numbers if isinstance(setting.estimator, Slope) else 1)
    stated = check(
        name, experiments, setting.words, setting.estimator, target, margin=margin, basis=basis, miss_rate=miss
    )
    if replicates is None:
        return plan_check(_known_laws, stated, level)
    return PlannedCheck(name, stated, level, replicates)


def verdicts(planned: PlannedCheck, name: str, rows: FloatArray) -> list[Verdict]:
    """Judge runs at the planned looks.

    Parameters
    ----------
    planned : PlannedCheck
    name : str
        Of the setting.
    rows : float64 array (runs, numbers)

    Returns
    -------
    list of str
        The verdict of each run, frozen at the look that decides.
    """
    arrange, found = SETTINGS[name].arrange, []
    for row in rows:
        samples = [Sample(NETWORK, 0, {"values": values}, 0.0) for values in arrange(row)]
        found.append(decisive_look(planned, samples).verdict)
    return found


def _refuted(name: str, kind: type[PlannedCheck], samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Refute the true value at any look."""
    del hypothesis
    setting = SETTINGS[name]
    replicates = samples.shape[1] // setting.numbers
    made = plan(name, (setting.truth, setting.truth), TINY, EXACT, level, 0.5, replicates)
    planned = kind(made.id, made.check, made.level, made.replicates)
    return np.array([verdict == "refuted" for verdict in verdicts(planned, name, samples)])


def _found(
    name: str, target: Range, wanted: Verdict, miss: float, samples: FloatArray, hypothesis: Law, level: float
) -> BoolArray:
    """Find the verdict that planning promises."""
    del hypothesis
    replicates = samples.shape[1] // SETTINGS[name].numbers
    planned = plan(name, target, SETTINGS[name].margin, SETTINGS[name].basis, level, miss, replicates)
    return np.array([verdict == wanted for verdict in verdicts(planned, name, samples)])


def _level(name: str, flaw: str = "", kind: type[PlannedCheck] = PlannedCheck, replicates: int = 0) -> Case:
    setting = SETTINGS[name]
    return Case(
        setting.law, (replicates or setting.replicates) * setting.numbers, partial(_refuted, name, kind),
        procedure=f"{setting.words}{flaw}", levels=(0.01,), near=bool(flaw),
    )  # fmt: skip


def _plant(level: float, power: float) -> Iterator[Case]:
    miss = 1.0 - power
    for name, setting in SETTINGS.items():
        margin = setting.margin
        ends: tuple[tuple[float, Verdict], ...] = (
            (setting.basis.allowance * margin, "supported"),
            (2.0 * margin, "refuted"),
        )
        for deviation, wanted in ends:
            law, target = setting.off_by(deviation)
            replicates = plan(name, target, margin, setting.basis, level, miss).replicates
            yield Case(
                law, replicates * setting.numbers, partial(_found, name, target, wanted, miss),
                procedure=setting.words, deviation=f"off by {deviation:.3g}, to be {wanted}", most_repetitions=1000,
            )  # fmt: skip


LOOKS = Method(
    name="looks",
    title="Checks of claims at their planned looks",
    function="claims.judging.decisive_look",
    promise="refutes a true statement at any look with probability at most $\\alpha$, and finds the verdict that was "
    "planned for with the planned power",
    timed=Case(normal(), 10**6, partial(_refuted, "quantile", PlannedCheck)),
    nulls=tuple(_level(name) for name in SETTINGS),
    # Of methods that use up their level: for others, several looks at the whole of it may still keep within it.
    controls=(
        *(
            _level(name, ", each look at the whole level", _WholeLevelAtEachLook)
            for name in ("probability", "quantile", "distance")
        ),
        *(
            _level(name, ", stopped after the first block that pleases", _WholeLevelAtEachBlock, 1024)
            for name in ("quantile", "distance")
        ),
    ),
    plant=_plant,
)
