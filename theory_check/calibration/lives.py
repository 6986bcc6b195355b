"""Lives of a ledger: a year of nights of several claims, judged at their looks, with all that happens in a year.

A row of a sample is a life of 365 nights. Each night judges every claim that is there by the code of claims: its points
at their planned looks, the evidence of those looks, the mean over the points. The nights make a history, and its
processes are replayed. What happens on the way:

* the clock is put back an hour in autumn and a machine comes with a wrong date: nights count in the order in which they
  were added;
* a claim is removed and returns: its process goes on;
* claims are changed, changed again, and once back: each time another process begins, at a smaller level.

A replicate has one of two values, so that a night is told by the number of upper values among the first and among the
last half of its replicates, and evidence is computed once for each pair of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import pairwise

import numpy as np

from theory_check.calibration.known_laws import Law, uniform
from theory_check.calibration.looks import NETWORK, TINY, VALUES
from theory_check.calibration.scenarios import BoolArray, Case, Method
from theory_check.claims.checks import EXACT, check
from theory_check.claims.estimators import Estimator, Mean, Probability, Quantile
from theory_check.claims.judging import decisive_look, log_evidence
from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import Sample
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Normal
from theory_check.inference.design import nights_to_refute
from theory_check.inference.multiplicity import assign_levels, series_share
from theory_check.inference.nights import ClaimNight, History, Night, trajectories

NIGHTS = 365

#: Replicates of half a night: there is a look after each half.
_HALF = NETWORK.block_size


@dataclass(frozen=True)
class Point:
    """A statement about a replicate with two values, the upper one with a known chance.

    Attributes
    ----------
    estimator : Estimator
    target : float
    values : (float, float)
    chance : float
        Of the upper value, where the statement is true.
    """

    estimator: Estimator
    target: float
    values: tuple[float, float]
    chance: float


#: Any predicted law: it only plans.
_NORMAL = Normal(0.0, 1.0)

#: A mean of values that deviate by 3.5%: a defect of 1% is 3.2 standard deviations of a night.
NEAR_ONE = Point(Mean(VALUES, 0.035**2), 1.0, (0.965, 1.035), 0.5)

#: The claims of a life with their points. Every value between both of its values is the quantile of a point.
CLAIMS: Mapping[str, tuple[Point, ...]] = {
    "L1": (
        Point(Probability(VALUES), 0.3, (0.0, 1.0), 0.3),
        Point(Probability(VALUES), 0.05, (0.0, 1.0), 0.05),
    ),
    "L2": (NEAR_ONE, Point(Mean(VALUES, 0.09), 0.1, (0.0, 1.0), 0.1)),
    "L3": (
        Point(Quantile(VALUES, 0.5, _NORMAL), 0.0, (-1.0, 1.0), 0.5),
        Point(Quantile(VALUES, 0.9, _NORMAL), 0.0, (-1.0, 1.0), 0.1),
    ),
}

#: First nights of another version of a claim; the last of them brings an earlier version back.
_CHANGES: Mapping[str, Mapping[int, str]] = {"L1": {90: "b", 180: "c", 270: "a"}, "L2": {200: "b"}}

#: Nights on which a claim is not there.
_REMOVED: Mapping[str, range] = {"L3": range(100, 160)}

_YEAR = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
_CLOCK_BACK, _WRONG_DATE = 297, range(40, 43)


def started(night: int) -> str:
    """Return what the clock showed on a night, from 0."""
    clock = _YEAR + timedelta(days=night) - timedelta(hours=night >= _CLOCK_BACK)
    return (clock.replace(year=1970) if night in _WRONG_DATE else clock).isoformat()


def version(claim: str, night: int) -> str:
    """Return the version of a claim on a night, from 0."""
    return ([name for first, name in _CHANGES.get(claim, {}).items() if first <= night] or ["a"])[-1]


@cache
def _plan_night(point: Point, level: float) -> PlannedCheck:
    stated = check("life", NETWORK, "known", point.estimator, (point.target,) * 2, margin=TINY, basis=EXACT)
    return PlannedCheck("life", stated, level, 2 * _HALF)


@cache
def night_evidence(point: Point, level: float, first: int, second: int) -> float:
    """Return the log e-value of a night, judged at its looks until it is decided.

    Parameters
    ----------
    point : Point
    level : float
        Of the point.
    first, second : int
        Upper values in each half of the replicates.

    Returns
    -------
    float
    """
    low, high = point.values
    place = np.arange(_HALF)
    values = np.where(np.concatenate([place < first, place < second]), high, low)
    samples = [Sample(NETWORK, 0, {"values": values}, 0.0)]
    planned = _plan_night(point, level)
    look = decisive_look(planned, samples)
    return log_evidence(planned, look.samples, look.number)


def evidence_of(point: Point, level: float, numbers: FloatArray, chance: float) -> FloatArray:
    """Return the log e-values of nights, each from two uniform numbers.

    Parameters
    ----------
    point : Point
    level : float
        Of the point.
    numbers : float64 array (..., 2)
    chance : float
        Of the upper value.

    Returns
    -------
    float64 array (...)
    """
    from scipy.stats import binom

    counts = np.searchsorted(binom.cdf(np.arange(_HALF), _HALF, chance), numbers)
    pairs, places = np.unique(counts.reshape(-1, 2), axis=0, return_inverse=True)
    values = np.array([night_evidence(point, level, first, second) for first, second in pairs.tolist()])
    return values[places.reshape(-1)].reshape(numbers.shape[:-1])


def life(evidence: FloatArray, family_level: float, claims: Mapping[str, tuple[Point, ...]] = CLAIMS) -> History:
    """Return the history of a life.

    Parameters
    ----------
    evidence : float64 array (nights, claims)
        Log e-values.
    family_level : float
    claims : mapping of str to tuple of Point

    Returns
    -------
    History
    """
    nights = []
    for night, row in enumerate(evidence.tolist()):
        there = ((claim, e) for claim, e in zip(claims, row, strict=True) if night not in _REMOVED.get(claim, ()))
        found = {claim: ClaimNight(version(claim, night), e) for claim, e in there}
        nights.append(Night(night, started(night), found))
    return History("life", assign_levels(len(claims), family_level)[0], tuple(nights))


def _evidence(samples: FloatArray, level: float) -> FloatArray:
    """Return the log e-values of lives, shape (repetitions, nights, claims): the mean over the points of a claim."""
    points = [(len(group), point) for group in CLAIMS.values() for point in group]
    numbers = samples.reshape(len(samples), -1, len(points), 2)
    each = [
        evidence_of(point, level / len(CLAIMS) / size, numbers[:, :, place], point.chance) - np.log(size)
        for place, (size, point) in enumerate(points)
    ]
    ends = np.cumsum([0, *map(len, CLAIMS.values())])
    return np.stack([np.logaddexp.reduce(each[a:b]) for a, b in pairwise(ends)], axis=-1)


def _ever_refuted(history: History) -> bool:
    return any(process.refuted for path in trajectories(history).values() for process in path)


def _reject(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Refute any claim, in any of its versions, on any night."""
    del hypothesis
    return np.array([_ever_refuted(life(row, level)) for row in _evidence(samples, level)])


def _reject_thrice(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Count every night three times."""
    del hypothesis
    return np.array([_ever_refuted(life(3.0 * row, level)) for row in _evidence(samples, level)])


def _reject_any_version(samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Change every claim after three nights, and give each version the whole level of the claim."""
    del hypothesis
    versions = _evidence(samples, level)[:, : NIGHTS // 3 * 3].reshape(len(samples), -1, 3, len(CLAIMS))
    whole = level / series_share(1)
    return np.array([any(_ever_refuted(life(version, whole)) for version in row) for row in versions])


def _find(start: int, chance: float, samples: FloatArray, hypothesis: Law, level: float) -> BoolArray:
    """Find, by the last night, that a mean is off from the night `start` on."""
    del hypothesis
    numbers = samples.reshape(len(samples), -1, 2)
    before = evidence_of(NEAR_ONE, level, numbers[:, : start - 1], NEAR_ONE.chance)
    after = evidence_of(NEAR_ONE, level, numbers[:, start - 1 :], chance)
    rows = np.concatenate([before, after], axis=1)[..., None]
    return np.array([_ever_refuted(life(row, level, {"defect": (NEAR_ONE,)})) for row in rows])


def law_of_evidence(point: Point, level: float, chance: float) -> tuple[FloatArray, FloatArray]:
    """Return the log e-values that a night can have, and their probabilities.

    Parameters
    ----------
    point : Point
    level : float
        Of the point.
    chance : float
        Of the upper value.

    Returns
    -------
    (array, array)
    """
    from scipy.stats import binom

    mass = binom.pmf(np.arange(_HALF + 1), _HALF, chance)
    # What is left out is less than 1e-4, and is given to the least evidence.
    counts = np.flatnonzero(mass > 5e-7).tolist()
    values = np.array([night_evidence(point, level, first, second) for first in counts for second in counts])
    chances = np.outer(mass[counts], mass[counts]).reshape(-1)
    chances[values.argmin()] += 1.0 - chances.sum()
    return values, chances


def _plant(level: float, power: float) -> Iterator[Case]:
    low, high = NEAR_ONE.values
    for start, mean in ((1, 1.01), (1, 0.99), (31, 1.01), (101, 0.99)):
        chance = (mean - low) / (high - low)
        law = law_of_evidence(NEAR_ONE, level, chance)
        nights = nights_to_refute(*law, alpha=level, miss=1.0 - power, start=start)
        yield Case(
            uniform(), 2 * (start - 1 + nights), partial(_find, start, chance),
            procedure=f"found within {nights} nights", deviation=f"mean {mean:g} instead of 1 from night {start}",
        )  # fmt: skip


_LIFE = 2 * NIGHTS * sum(map(len, CLAIMS.values()))

LIVES = Method(
    name="lives",
    title="A year of nights of several claims",
    function="inference.nights.trajectories",
    promise="ever refutes any of several true claims, versions, pauses and clocks whatever, with probability at most "
    "$\\alpha$, and finds a defect within the nights that its design says",
    timed=None,
    nulls=(
        Case(
            uniform(), _LIFE, _reject, procedure="family of 3 claims, 365 nights", monitored=True, levels=(0.05,),
            most_repetitions=2000,
        ),
    ),
    controls=tuple(
        Case(uniform(), _LIFE, reject, procedure=procedure, monitored=True, levels=(0.05,), most_repetitions=300)
        for procedure, reject in (
            ("every night counted three times", _reject_thrice),
            ("another version after three nights, each at the whole level", _reject_any_version),
        )
    ),
    plant=_plant,
    shortage=4,
)  # fmt: skip
