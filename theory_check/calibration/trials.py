"""From methods to trials: each case at each level, with the rate it promises and the number of samples to judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from theory_check.calibration.known_laws import Law
from theory_check.calibration.scenarios import Case, Method

#: Probability, at most, that any kept promise of a calibration is called refuted.
FAMILY_LEVEL = 1e-3

#: The example at the head of the report: a mean, a level and a sample size at which Student's test fails.
EXAMPLE_STREAM, EXAMPLE_OBSERVATIONS, EXAMPLE_LEVEL = "lognormal:sigma=2.0", 1000, 1e-3


@dataclass(frozen=True)
class Profile:
    """Depth of evidence of a calibration.

    Attributes
    ----------
    name : str
    repetitions : int
        Samples for each trial with a true hypothesis.
    planted_repetitions : int
        Samples for each trial with a planted deviation and for each control that is not near its promise; fewer,
        because 99% leave less doubt than 0.1%.
    levels : tuple of float
        Levels at which true hypotheses are tested.
    planting : tuple of float
        Level and power of the trials with a planted deviation.
    """

    name: str
    repetitions: int
    planted_repetitions: int
    levels: tuple[float, ...]
    planting: tuple[float, float] = (1e-3, 0.99)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("quick", 10_000, 2_000, (0.05, 1e-3)),
        Profile("nightly", 100_000, 20_000, (0.05, 1e-3, 1e-4)),
    )
}


@dataclass(frozen=True)
class Trial:
    """A case at one level.

    Attributes
    ----------
    id : str
    method : str
    case : Case
    level : float
        Level of the procedure.
    promise : float
        Rate of rejections, as the sense of the case says.
    control : bool
    repetitions : int
    """

    id: str
    method: str
    case: Case
    level: float
    promise: float
    control: bool
    repetitions: int

    @property
    def sample(self) -> tuple[Law, int]:
        """Law and size of the samples."""
        return self.case.law, self.case.observations

    @property
    def hypothesis(self) -> Law:
        """Law that the procedure takes for true."""
        return self.case.hypothesis or self.case.law

    @property
    def example(self) -> bool:
        """Whether it belongs to the example at the head of the report."""
        law, observations = self.sample
        same_sample = (law.stream, observations) == (EXAMPLE_STREAM, EXAMPLE_OBSERVATIONS)
        return same_sample and self.level == EXAMPLE_LEVEL and not self.case.deviation


def plan_trials(method: Method, profile: Profile) -> tuple[Trial, ...]:
    """Return the trials of a method: true hypotheses, planted deviations, negative controls."""
    trials = _at_levels(method, method.nulls, profile, control=False)
    controls = _at_levels(method, method.controls, profile, control=True)
    if method.plant is not None:
        level, power = profile.planting
        planted = tuple(method.plant(level, power))
        trials += [_planted(method, case, profile, control=False) for case in planted]
        few = _short_of_observations(method.name, planted[0], method.shortage)
        controls.append(_planted(method, few, profile, control=True))
    return (*trials, *controls)


def count_promises(methods: Iterable[Method], profile: Profile) -> int:
    """Return the number of trials that are not controls: the family among which the family level is shared."""
    return sum(not trial.control for method in methods for trial in plan_trials(method, profile))


def _at_levels(method: Method, cases: Iterable[Case], profile: Profile, *, control: bool) -> list[Trial]:
    few, many = profile.planted_repetitions, profile.repetitions
    return [
        _trial(method, case, level, level, few if control and not case.near else many, control=control)
        for case in cases
        for level in case.levels or profile.levels
    ]


def _planted(method: Method, case: Case, profile: Profile, *, control: bool) -> Trial:
    level, power = profile.planting
    case = replace(case, sense="at least")
    return _trial(method, case, level, power, profile.planted_repetitions, control=control)


def _short_of_observations(name: str, case: Case, shortage: int) -> Case:
    words = {2: "half", 4: "a quarter"}[shortage]
    procedure = f"plan of {name} with {words} of the observations"
    return replace(case, observations=case.observations // shortage, procedure=procedure)


def _trial(method: Method, case: Case, level: float, promise: float, repetitions: int, *, control: bool) -> Trial:
    looks = "monitored" if case.monitored else ""
    words = (case.procedure, looks, case.law.name, f"n = {case.observations}", case.deviation, f"level {level:g}")
    return Trial(
        id=": ".join((method.name, ", ".join(word for word in words if word))),
        method=method.name,
        case=case,
        level=level,
        promise=promise,
        control=control,
        repetitions=int(min(repetitions, case.most_repetitions)),
    )
