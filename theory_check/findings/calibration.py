"""Conclusions of a calibration: rates that were promised, rates that were observed, and whether they agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from theory_check.findings.circumstances import Circumstances
from theory_check.foundation.records import Count, Probability

#: A promised rate is a largest rate (of false rejections), a smallest rate (of detections), or the rate itself.
Sense: TypeAlias = Literal["at most", "at least", "exactly"]

#: ``consistent`` says that the promise is not contradicted, not that it is proved.
RateVerdict: TypeAlias = Literal["consistent", "refuted"]

#: A broken promise outweighs a control that was not found out.
Outcome: TypeAlias = Literal["kept", "promise refuted", "control not refuted"]


@dataclass(frozen=True, kw_only=True)
class RateFinding:
    """How often a method rejected, against how often it promised to.

    Attributes
    ----------
    id : str
        Method, what is wrong with it (for a control), law, sample size and level: unique within a record.
    method : str
        Name of the method whose promise it is, or that a negative control imitates.
    procedure : str
        What was applied to the samples, in a few words.
    law : str
        Law of the observations.
    deviation : str
        How the tested statement differs from the truth; empty if the statement is true.
    observations : int
        Size of each sample.
    monitored : bool
        Whether a rejection after any number of observations counts, not only after the last one.
    level : float
        Level the procedure was asked for.
    promise : float
        Promised rate of rejections.
    sense : {"at most", "at least", "exactly"}
    control : bool
        Whether the promise is known to be broken, so that it must come out refuted.
    example : bool
        Whether it belongs to the example at the head of the report.
    repetitions, count : int
        Independent samples, and how many were rejected.
    lower, upper : float
        Clopper-Pearson interval of the rate. The intervals of all promises of a record hold together with
        probability 1 - family level.
    p_value : float
        Exact binomial p-value of the promise; one-sided unless it is exact.
    verdict : {"consistent", "refuted"}
        ``refuted`` if the whole interval breaks the promise.
    """

    id: str
    method: str
    procedure: str
    law: str
    deviation: str
    observations: Count
    monitored: bool
    level: Probability
    promise: Probability
    sense: Sense
    control: bool
    example: bool
    repetitions: Count
    count: Count
    lower: Probability
    upper: Probability
    p_value: Probability
    verdict: RateVerdict

    @property
    def rate(self) -> float:
        """Observed rate of rejections."""
        return self.count / self.repetitions

    @property
    def as_expected(self) -> bool:
        """Whether a promise is not contradicted, or a control is refuted."""
        return (self.verdict == "refuted") == self.control


@dataclass(frozen=True, kw_only=True)
class MethodFinding:
    """The promises of one method and the negative controls that imitate it.

    Attributes
    ----------
    name, title : str
        On the command line, and in words.
    function : str
        The public function, by its place in the package.
    promise : str
        What it promises, under which condition, in Markdown.
    rates : tuple of RateFinding
        Promises first, then controls.
    """

    name: str
    title: str
    function: str
    promise: str
    rates: tuple[RateFinding, ...]

    @property
    def promises(self) -> tuple[RateFinding, ...]:
        """The rates that must not contradict their promise."""
        return tuple(rate for rate in self.rates if not rate.control)

    @property
    def controls(self) -> tuple[RateFinding, ...]:
        """The rates that must contradict theirs."""
        return tuple(rate for rate in self.rates if rate.control)


@dataclass(frozen=True, kw_only=True)
class CalibrationRecord:
    """Everything a calibration concluded, and the circumstances a reader needs to repeat it.

    Attributes
    ----------
    profile, seed, selection, family_level
        What was asked: depth of evidence, root seed, methods (none named means all), probability of any false alarm
        among the promises.
    methods : tuple of MethodFinding
    run : Circumstances
        Its seconds are those in which a method judges one sample of a million observations, by its name; None where an
        observation is a whole run.
    outcome : Outcome
        ``kept`` only if no promise is refuted and every negative control is.
    """

    profile: str
    seed: int
    selection: tuple[str, ...] = ()
    family_level: Probability
    methods: tuple[MethodFinding, ...]
    run: Circumstances
    outcome: Outcome = field(init=False)

    def __post_init__(self) -> None:
        outcome: Outcome = "promise refuted"
        if all(rate.as_expected for rate in self.promises):
            outcome = "kept" if all(rate.as_expected for rate in self.controls) else "control not refuted"
        object.__setattr__(self, "outcome", outcome)

    @property
    def promises(self) -> tuple[RateFinding, ...]:
        """The promises of all methods."""
        return tuple(rate for method in self.methods for rate in method.promises)

    @property
    def controls(self) -> tuple[RateFinding, ...]:
        """The negative controls of all methods."""
        return tuple(rate for method in self.methods for rate in method.controls)
