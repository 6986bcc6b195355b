"""A search as the page of its claim shows it."""

from __future__ import annotations

import math
from datetime import datetime

from theory_check.findings.searches import Confirmed, SearchSummary
from theory_check.verification.search import Confirmation, SearchResult


def summarised(result: SearchResult, started: datetime) -> SearchSummary:
    """Return what a report keeps of a search.

    Parameters
    ----------
    result : SearchResult
    started : datetime
        When it began, in UTC.

    Returns
    -------
    SearchSummary
    """
    strongest = result.strongest
    return SearchSummary(
        claim=result.claim.id,
        started=started.isoformat(timespec="seconds"),
        seed=result.seed,
        level=result.level,
        everywhere=result.everywhere,
        drawn=result.drawn,
        overflowed=result.overflowed,
        strata=result.strata,
        suspects=len(result.confirmations),
        counterexamples=tuple(map(_confirmed, result.counterexamples)),
        log_evidence=-math.inf if strongest is None else strongest.log_evidence,
        strongest="" if strongest is None else f"{strongest.check}: {strongest.network}",
    )


def _confirmed(confirmation: Confirmation) -> Confirmed:
    finding = confirmation.finding
    return Confirmed(
        network=finding.network,
        check=confirmation.suspected.check,
        violated="" if confirmation.violated is None else confirmation.violated.sentence,
        estimate=finding.estimate,
        lower=finding.lower,
        upper=finding.upper,
        target_lower=finding.target_lower,
        target_upper=finding.target_upper,
    )
