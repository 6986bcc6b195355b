"""Results of a search for counterexamples, for the page of its claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from theory_check.foundation.records import Count, Estimate, LogEvidence, LowerEnd, Probability, UpperEnd


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """A counterexample on fresh streams.

    Attributes
    ----------
    network, check : str
    violated : str
        What the network violates, if the search went beyond the hypotheses; empty otherwise.
    estimate, lower, upper : float
    target_lower, target_upper : float
    """

    network: str
    check: str
    violated: str
    estimate: Estimate
    lower: LowerEnd
    upper: UpperEnd
    target_lower: LowerEnd
    target_upper: UpperEnd


@dataclass(frozen=True, kw_only=True)
class SearchSummary:
    """A search and how much of the domain it covered.

    Attributes
    ----------
    claim, started : str
        Id; date and time in UTC, ISO 8601.
    seed : int
    level : float
        Probability, at most, that the search of a true claim reports a counterexample.
    everywhere : bool
        Whether it went beyond the hypotheses.
    drawn, overflowed : int
        Networks judged in exploration, and networks that left double precision.
    strata : mapping of str to int
        Networks in each part of the domain.
    suspects : int
        Networks that were judged on fresh streams.
    counterexamples : tuple of Confirmed
        Those of them that refute the claim.
    log_evidence : float
        The strongest evidence against the claim, on the sample of exploration.
    strongest : str
        Its check and network; empty if none was judged.
    """

    claim: str
    started: str
    seed: int
    level: Probability
    everywhere: bool
    drawn: Count
    overflowed: Count
    strata: Mapping[str, Count]
    suspects: Count
    counterexamples: tuple[Confirmed, ...]
    log_evidence: LogEvidence
    strongest: str

    @property
    def name(self) -> str:
        """The name of its files: the last search inside the domain of a claim, and the last one beyond."""
        return f"{self.claim}-everywhere" if self.everywhere else self.claim
