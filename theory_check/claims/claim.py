"""What a claim is: a statement, where it comes from, and the checks that decide it.

A claim over many laws is one claim with several checks, built from data by a function of the profile. Checks name their
experiments: the planner finds the number of replicates from the margin, the level and the miss rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from theory_check.claims.estimators import DistanceEstimator, Estimator, ProportionEstimator, Range
from theory_check.claims.laws import Tilted
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.findings.pictures import Picture
from theory_check.findings.run import Correction as Correction

#: Probability, at most, that a check does not support a true statement, by lack of replicates; the default.
MISS_RATE = 1e-6


@dataclass(frozen=True)
class Profile:
    """How deep the evidence goes: margins are multiplied by ``precision``, depths by ``depth``.

    ``budget`` is the processor time, in seconds, that a run may be planned to take: all cores of the two-core machine
    for the 50 s, 20 min and 90 min that the profiles stand for.
    """

    name: str
    precision: float
    depth: int
    budget: float


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("quick", 1.0, 1, 100.0),
        Profile("standard", 0.4, 4, 2400.0),
        Profile("nightly", 0.2, 8, 10800.0),
    )
}


@dataclass(frozen=True)
class Variant:
    """A nearby false statement that a check must refute: another target, or another estimator, on the same samples."""

    name: str
    target: Range | None = None
    estimator: Estimator | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One quantity of one network against its prediction at that depth and width.

    Attributes
    ----------
    name : str
        Point of the claim's grid, ``rademacher-d40-law``; never changes meaning.
    experiments : tuple of Experiment
        What to simulate.
    quantity : str
        What is estimated, Markdown with inline mathematics.
    estimator : Estimator
    target : (float, float)
        Predicted value, lower and upper.
    margin : float
        Deviation that counts as agreement, and why it is that large.
    margin_reason : str
    remainder : float
        Proven error of the prediction at this size.
    exact : bool
        Whether the prediction is exact at this size.
    allowance : float
        Part of the margin that planning leaves free for a finite-size error without a proven bound.
    miss_rate : float
        Probability, at most, that a true statement is not supported by lack of replicates. Margin and miss rate decide
        how many there are; a check never says so itself.
    variants : tuple of Variant
        Named false theories, besides the two at twice the margin that every check gets.
    """

    name: str
    experiments: tuple[Experiment, ...]
    quantity: str
    estimator: Estimator
    target: Range
    margin: float
    margin_reason: str
    remainder: float = 0.0
    exact: bool = False
    allowance: float = 0.0
    miss_rate: float = MISS_RATE
    variants: tuple[Variant, ...] = ()

    @property
    def null(self) -> Range:
        """What a true statement allows: the target, unless it is exact widened by margin and remainder."""
        if self.exact:
            return self.target
        tolerance = self.margin + self.remainder
        return self.target[0] - tolerance, self.target[1] + tolerance

    @property
    def all_variants(self) -> tuple[Variant, ...]:
        """The named variants and those at twice the margin on either side (twice the remainder comes on top)."""
        step = 2.0 * (self.margin + self.remainder)
        low, high = self.target
        if isinstance(self.estimator, DistanceEstimator):
            nearby = tuple(
                Variant(
                    f"the predicted law tilted {word} by twice the margin",
                    estimator=replace(self.estimator, law=Tilted(self.estimator.law, sign * step)),
                )
                for word, sign in (("down", 1.0), ("up", -1.0))
            )
        else:
            nearby = (
                Variant("a value lower by twice the margin", (low - step, low - step)),
                Variant("a value higher by twice the margin", (high + step, high + step)),
            )
        bounded = [v for v in nearby if v.target is None or not self._is_impossible(v.target[0])]
        return (*bounded, *self.variants)

    def _is_impossible(self, value: float) -> bool:
        return isinstance(self.estimator, ProportionEstimator) and not 0.0 <= value <= 1.0


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A theorem as an executable statement.

    Attributes
    ----------
    id, title, statement, formula, source : str
        Catalogue id; a few words; the statement in words; in LaTeX; where it is stated or derived.
    derivation, hypotheses : str
        Why it holds, in short; what it needs.
    checks : callable
        The checks at a profile.
    corrections : tuple of Correction
        Where the statement differs from its source.
    quick_precision : float
        Factor of its margins at the quick profile alone, above 1 where they leave room before its variants come near:
        what the quick profile has no time for is left to the others.
    """

    id: str
    title: str
    statement: str
    formula: str
    source: str
    derivation: str
    hypotheses: str
    checks: Callable[[Profile], tuple[Check, ...]]
    corrections: tuple[Correction, ...] = ()
    quick_precision: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """A picture of a regime.

    Attributes
    ----------
    experiments : callable
        The experiments it needs at a profile, each with a number of replicates.
    draw : callable
        Pure function that makes it from their samples, in that order.
    """

    experiments: Callable[[Profile], Mapping[Experiment, int]]
    draw: Callable[[Sequence[Sample[Any]]], Picture]


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A group of claims that the report treats together."""

    name: str
    title: str
    text: str
    formula: str
    claims: tuple[Claim, ...]
    illustrations: tuple[Illustration, ...] = ()
