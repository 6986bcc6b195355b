"""A search for counterexamples: Hypothesis looks for a network that speaks against a claim, a fresh sample judges it.

Exploration draws networks of the claim's domain, simulates each on the streams of exploration, and steers by the
evidence against the claim on that sample, which is selected and proves nothing. The simplest network with strong
evidence is a candidate. Its check is judged once more on the streams of confirmation, which no choice has seen, at a
level fixed beforehand: the level of the search divided by the number of confirmations that it may make. Only that
verdict counts, so a search of a true claim reports a counterexample with at most its level.

Shrinking simulates on the streams of exploration and spends no level. Without a limit of time the same program repeats
a search by its seed (Hypothesis also draws constants of the modules that are loaded); any repeats a confirmation.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, TypeAlias

from theory_check.claims.checks import Check
from theory_check.claims.claim import Claim
from theory_check.claims.divergence import leave_out_diverged
from theory_check.claims.domains import Domain, Hypothesis
from theory_check.claims.judging import evaluate
from theory_check.claims.planning import PlannedCheck, paid_replicates
from theory_check.experiments.experiment import Sample
from theory_check.experiments.workload import Workload
from theory_check.findings.run import Finding
from theory_check.foundation.arguments import check_between, check_integer
from theory_check.foundation.errors import NumericalOverflowError, SpecificationError
from theory_check.foundation.streams import check_seed
from theory_check.simulation.execution import Report, silent
from theory_check.simulation.runner import run_experiments
from theory_check.verification.search_progress import CONFIRMATION_SECONDS, EXPLORATION_SECONDS, SearchProgress

#: Probability, at most, that the search of a true claim reports a counterexample.
LEVEL = 1e-2

#: Confirmations of a search besides one for each way to leave the domain: a candidate may turn out to be chance.
SPARE_CONFIRMATIONS = 2

#: Log e-value from which a network is a candidate.
SUSPICION = math.log(1000.0)

#: Level of the decisions inside the evidence of exploration, and factor of the margins.
EXPLORATION_LEVEL = 1e-3
_PRECISION = 0.1

#: Evidence for a claim is cut off here: it would steer towards networks that are easy to simulate.
_LEAST = -2.0

Sampler: TypeAlias = Callable[[Mapping[Any, int], int], Mapping[Any, Sample[Any]]]


@dataclass(frozen=True)
class Observation:
    """A network as exploration saw it.

    Attributes
    ----------
    network : Experiment
    check : str
        Name of the check that speaks most against the claim.
    log_evidence : float
        Log e-value of that check.
    ratio : (float, float, float)
        Estimate over prediction of that check, with the ends of a 99% interval; NaN where the prediction is 0 or a
        range.
    """

    network: Any
    check: str
    log_evidence: float
    ratio: tuple[float, float, float]


@dataclass(frozen=True)
class Confirmation:
    """A candidate on fresh streams.

    Attributes
    ----------
    suspected : Observation
    violated : Hypothesis, optional
        The hypothesis of the claim that the network violates, if the search went beyond the domain.
    finding : Finding
        Its verdict is that of the search.
    level : float
        Fixed before the search began.
    """

    suspected: Observation
    violated: Hypothesis | None
    finding: Finding
    level: float


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    claim : Claim
    seed : int
    level : float
    everywhere : bool
        Whether it went beyond the hypotheses.
    observations : tuple of Observation
        Every network that was judged in exploration, those of shrinking included.
    drawn : int
        Networks of exploration without those of shrinking.
    strata : mapping of str to int
        How many of these lie in each part of the domain.
    overflowed : int
        Networks whose simulation left the range of double precision; they are not judged.
    confirmations : tuple of Confirmation
        In the order in which they were made.
    exhausted : bool
        Whether the time ran out.
    """

    claim: Claim
    seed: int
    level: float
    everywhere: bool
    observations: tuple[Observation, ...]
    drawn: int
    strata: Mapping[str, int]
    overflowed: int
    confirmations: tuple[Confirmation, ...]
    exhausted: bool

    @property
    def counterexamples(self) -> tuple[Confirmation, ...]:
        """The confirmed ones."""
        return tuple(one for one in self.confirmations if one.finding.verdict == "refuted")

    @property
    def strongest(self) -> Observation | None:
        """The network with the strongest evidence against the claim, on the sample of exploration."""
        return max(self.observations, key=lambda seen: seen.log_evidence, default=None)


def stream_seed(seed: int, purpose: str) -> int:
    """Return the root seed of a purpose, ``explore`` or ``confirm``, of a search."""
    return int.from_bytes(hashlib.sha256(f"search:{check_seed(seed)}:{purpose}".encode()).digest()[:8], "little")


def searched_domain(claim: Claim, everywhere: bool) -> Domain:
    """Return the domain that a search draws from; raise :exc:`SpecificationError` if the claim states none."""
    if claim.domain is None:
        raise SpecificationError(f"claim {claim.id} states no domain; there is nothing to search")
    if not everywhere:
        return claim.domain
    if claim.domain.beyond is None:
        raise SpecificationError(f"claim {claim.id} has no wider statement; search inside its domain")
    return claim.domain.beyond


def ways_to_refute(claim: Claim, everywhere: bool) -> int:
    """Return in how many ways a network may refute a claim: inside the domain, or by leaving it."""
    assert claim.domain is not None
    return 1 + len(claim.domain.hypotheses) if everywhere else 1


def check_extent(examples: int, minutes: float) -> None:
    """Raise :exc:`SpecificationError` unless a search may draw so many networks, for so long."""
    check_integer("number of examples", examples, 1, 10**6)
    check_between("minutes", minutes, 1e-3, math.inf)


def confirm(
    claim: Claim,
    network: Any,
    check: str,
    *,
    seed: int,
    level: float,
    everywhere: bool = False,
    sampler: Sampler = run_experiments,
) -> Finding:
    """Judge one check of one network on the streams of confirmation.

    Parameters
    ----------
    claim : Claim
    network : Experiment
    check : str
        Name of the check.
    seed : int
        Of the search.
    level : float
        Probability, at most, of a wrong verdict.
    everywhere : bool
        Whether the wider statement of the claim is judged.
    sampler : callable
        Of requests and a seed.

    Returns
    -------
    Finding

    Raises
    ------
    SpecificationError
        If the network is outside the domain, or has no such check, or the level is none.
    """
    check_between("level", level, 0.0, 1.0)
    found = {one.name: one for one in searched_domain(claim, everywhere).checks(network, _PRECISION)}
    if check not in found:
        raise SpecificationError(f"claim {claim.id} has no check {check!r} of this network; it has {', '.join(found)}")
    planned = _plan(claim, found[check], level, CONFIRMATION_SECONDS)
    samples = sampler(planned.requests, stream_seed(seed, "confirm"))
    return evaluate(planned, [samples[one] for one in planned.experiments])


class _OutOfTimeError(BaseException):
    """The time of a search is over; no ``Exception``, which Hypothesis would take for a failure of the test."""


class _SuspectError(Exception):
    """A network with strong evidence against the claim: what Hypothesis shrinks."""


@dataclass
class _Exploration:
    """The state of a search: what was simulated, what was found, and how much of the budget is left."""

    claim: Claim
    domain: Domain
    seed: int
    examples: int
    deadline: float
    sampler: Sampler
    progress: SearchProgress
    seen: dict[Any, Observation | None] = field(default_factory=dict)
    strata: Counter[str] = field(default_factory=Counter)
    excluded: set[Any] = field(default_factory=set)
    suspect: Observation | None = None

    def key(self, network: Any) -> str:
        """Return the name of the hypothesis of the claim that a network violates."""
        assert self.claim.domain is not None
        violated = self.claim.domain.violated(network)
        return "" if violated is None else violated.name

    def observe(self, network: Any) -> Observation | None:
        """Return what exploration sees of a network, simulated once; None if a replicate overflowed."""
        if network not in self.seen:
            if monotonic() > self.deadline:
                raise _OutOfTimeError
            self.seen[network] = self._simulate(network)
            if self.suspect is None:  # otherwise Hypothesis shrinks
                self.strata.update(self.domain.strata(network))
                self.progress.draw()
        return self.seen[network]

    def _simulate(self, network: Any) -> Observation | None:
        planned = [
            _plan(self.claim, check, EXPLORATION_LEVEL, EXPLORATION_SECONDS)
            for check in self.domain.checks(network, _PRECISION)
        ]
        workload = Workload.of(pair for plan in planned for pair in plan.requests.items())
        samples = self.sampler(workload.requests, stream_seed(self.seed, "explore"))
        try:
            seen = [_observe(network, plan, [samples[e] for e in plan.experiments]) for plan in planned]
        except NumericalOverflowError:
            return None
        return max(seen, key=lambda one: one.log_evidence)

    def run(self, draw: str) -> Observation | None:
        """Let Hypothesis look for a suspect and shrink it; None if it finds none."""
        from hypothesis import HealthCheck, Phase, Verbosity, assume, given, settings, target
        from hypothesis import seed as seeded
        from hypothesis.errors import Unsatisfiable

        left = self.examples - self.progress.drawn
        if left <= 0:
            return None
        self.suspect = None

        @seeded(stream_seed(self.seed, f"draw {draw}"))
        @settings(
            max_examples=left, deadline=None, database=None, derandomize=False, report_multiple_bugs=False,
            verbosity=Verbosity.quiet, print_blob=False, phases=(Phase.generate, Phase.target, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(self.domain.networks())
        def speaks_for_the_claim(network: Any) -> None:
            assume(network not in self.excluded and self.key(network) not in self.excluded)
            observation = self.observe(network)
            assume(observation is not None)
            assert observation is not None
            target(max(observation.log_evidence, _LEAST))
            if observation.log_evidence >= SUSPICION:
                self.suspect = observation
                raise _SuspectError

        try:
            speaks_for_the_claim()
        except (_SuspectError, _OutOfTimeError):
            # The last suspect is the simplest: Hypothesis runs it once more at the end.
            return self.suspect
        except Unsatisfiable:  # nothing is left that is not excluded
            return None
        # Hypothesis counts what it draws twice.
        return self.run(f"{draw} again") if left > self.examples - self.progress.drawn > 0 else None


def _plan(claim: Claim, check: Check, level: float, seconds: float) -> PlannedCheck:
    """Plan what the time pays for: a search needs no power for a margin, and no variants."""
    bare = replace(check, variants=())
    return PlannedCheck(f"{claim.id}/{check.name}", bare, level, paid_replicates(check, seconds))


def _observe(network: Any, planned: PlannedCheck, samples: list[Sample[Any]]) -> Observation:
    check = planned.check
    converged = leave_out_diverged(check, samples)
    if converged.violation:
        raise NumericalOverflowError(converged.violation)
    evidence = check.estimator.log_evidence(converged.samples, check.null, EXPLORATION_LEVEL)
    low, high = check.target
    interval, predicted = check.estimator.interval(converged.samples, 0.01), low if low == high != 0.0 else math.nan
    ratio = (interval.estimate / predicted, interval.lower / predicted, interval.upper / predicted)
    return Observation(network, check.name, evidence, ratio)


def search(
    claim: Claim,
    *,
    examples: int = 200,
    minutes: float = math.inf,
    seed: int = 0,
    level: float = LEVEL,
    everywhere: bool = False,
    sampler: Sampler = run_experiments,
    report: Report = silent,
) -> SearchResult:
    """Look for a network that refutes a claim.

    Parameters
    ----------
    claim : Claim
        With a domain.
    examples : int
        Networks to simulate in exploration, but for shrinking.
    minutes : float
        Time after which exploration ends.
    seed : int
        Root seed of the search.
    level : float
        Probability, at most, that the search of a true claim reports a counterexample.
    everywhere : bool
        Whether to search beyond the hypotheses; each of them may be shown to be needed once.
    sampler : callable
        Of requests and a seed.
    report : callable
        Called with (done, total), in microseconds that they are expected to take.

    Returns
    -------
    SearchResult

    Raises
    ------
    SpecificationError
        If the claim states no domain, or a number is out of range.
    """
    check_extent(examples, minutes)
    check_between("level", level, 0.0, 1.0)
    domain = searched_domain(claim, everywhere)
    assert claim.domain is not None
    ways = ways_to_refute(claim, everywhere)
    allowed, progress = ways + SPARE_CONFIRMATIONS, SearchProgress(report, examples, ways)
    state = _Exploration(claim, domain, check_seed(seed), examples, monotonic() + 60.0 * minutes, sampler, progress)
    confirmations: list[Confirmation] = []
    while len(confirmations) < allowed:
        suspected = state.run(str(len(confirmations)))
        if suspected is None:
            break
        network = suspected.network
        finding = confirm(claim, network, suspected.check, seed=seed, level=level / allowed, everywhere=everywhere,
                          sampler=sampler)  # fmt: skip
        progress.confirm()
        confirmations.append(Confirmation(suspected, claim.domain.violated(network), finding, level / allowed))
        # One counterexample is enough for each way to leave the domain; chance speaks against one network only.
        state.excluded.add(state.key(network) if finding.verdict == "refuted" else network)
        if finding.verdict == "refuted" and not everywhere:
            break
    progress.end()
    judged = tuple(seen for seen in state.seen.values() if seen is not None)
    return SearchResult(
        claim, seed, level, everywhere, judged, progress.drawn, dict(sorted(state.strata.items())),
        len(state.seen) - len(judged), tuple(confirmations), monotonic() > state.deadline,
    )  # fmt: skip
