r"""Evidence that accumulates from night to night: one process for each claim and version of it.

Notation. e_t is the e-value of night t against a claim, of mean at most 1 given all nights before if the claim is true,
and :math:`w_j = 6/(\pi^2 j^2)`. The process mixes the nights from which a defect may be there,

.. math:: E_t = \sum_{j \le t} w_j \prod_{i=j}^{t} e_i = e_t\,(E_{t-1} + w_t),\qquad E_0 = 0.

For a true claim :math:`E_t + \sum_{j > t} w_j` is a non-negative supermartingale that starts at 1, so :math:`P(\sup_t
E_t \ge 1/\alpha) \le \alpha` by Ville's inequality: over infinitely many nights, under any dependence between claims,
and for a look at any time. A plain product loses evidence on every night before a defect and must regain it. The
mixture restarts every night at a cost of :math:`\ln(1/w_j)`.

A new version of a claim is another statement and starts another process, the v-th at level :math:`\alpha w_v`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from theory_check.foundation.arguments import check_number
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.records import Count
from theory_check.inference.confidence_sequences import PointSequence
from theory_check.inference.evidence import LARGEST_LOG
from theory_check.inference.multiplicity import restart_level, series_share
from theory_check.inference.validation import check_level


@dataclass(frozen=True)
class EvidenceProcess:
    """The evidence against one claim so far, logarithms throughout.

    Attributes
    ----------
    level : float
        Chance, at most, that a true claim is ever refuted, all its versions together.
    version : str
        Identity of the statement that is tested; empty before the first night.
    versions : int
        How many there were, this one included.
    nights : int
        Nights of this version.
    log_evidence, log_peak : float
        log E now, and at its highest in this version.
    """

    level: float
    version: str = ""
    versions: int = 0
    nights: int = 0
    log_evidence: float = -math.inf
    log_peak: float = -math.inf

    def __post_init__(self) -> None:
        check_level("level", self.level)

    @property
    def log_needed(self) -> float:
        """The log evidence that refutes this version."""
        return -math.log(restart_level(self.level, max(self.versions, 1)))

    @property
    def refuted(self) -> bool:
        """Whether the evidence ever sufficed: once refuted, a version stays refuted."""
        return self.log_peak >= self.log_needed


def advance(process: EvidenceProcess, version: str, log_evidence: float) -> EvidenceProcess:
    """Return the process after one more night.

    Parameters
    ----------
    process : EvidenceProcess
        After the nights before.
    version : str
        Identity of the statement tested; another one than before starts a new process.
    log_evidence : float
        Log e-value of the night.

    Returns
    -------
    EvidenceProcess

    Raises
    ------
    SpecificationError
        If the version is empty.

    Examples
    --------
    The first night has the weight 6 / pi^2, the second a quarter of it:

    >>> first = advance(EvidenceProcess(1e-5), "v", 0.0)
    >>> second = advance(first, "v", math.log(2.0))
    >>> [round(math.exp(process.log_evidence) * math.pi**2 / 6, 12) for process in (first, second)]
    [1.0, 2.5]
    """
    value = check_number("log_evidence", log_evidence)
    if not version:
        raise SpecificationError("version must name the statement that was tested, got an empty text")
    if version != process.version:
        process = EvidenceProcess(process.level, version, process.versions + 1)
    nights = process.nights + 1
    before, entering = process.log_evidence, math.log(series_share(nights))
    high, low = max(before, entering), min(before, entering)
    # Cut evidence stays finite; the claim was refuted long before.
    now = min(value + high + math.log1p(math.exp(low - high)), LARGEST_LOG)
    return replace(process, nights=nights, log_evidence=now, log_peak=max(process.log_peak, now))


@dataclass(frozen=True)
class ClaimNight:
    """Finding of one night on a claim: the version tested and its log e-value."""

    version: str
    log_evidence: float


@dataclass(frozen=True)
class Night:
    """One run: its root seed, when it started (ISO 8601), and what it found about each claim it checked."""

    seed: Count
    started: str
    claims: Mapping[str, ClaimNight]


@dataclass(frozen=True)
class History:
    """All nights so far.

    Attributes
    ----------
    profile : str
        Depth of evidence, the same on all nights.
    level : float
        Chance, at most, that a claim is refuted although it is true, for the life of the history; each claim has its
        own.
    nights : tuple of Night
    sequences : mapping of str to PointSequence
        The confidence sequence of each point of the current versions.
    """

    profile: str
    level: float
    nights: tuple[Night, ...] = ()
    sequences: Mapping[str, PointSequence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_level("level", self.level)


def check_profile(history: History, profile: str) -> None:
    """Raise :exc:`SpecificationError` if the history is one of another profile."""
    if profile != history.profile:
        raise SpecificationError(
            f"the history is one of profile {history.profile}; give --profile {history.profile}, or another file for "
            f"profile {profile}"
        )


def check_new_night(history: History, *, seed: int, profile: str) -> None:
    """Raise unless a run with this seed and profile may be added: independent of the nights before, on the same claims.

    Parameters
    ----------
    history : History
        The nights before.
    seed : int
        Root seed of the run. It makes the samples, so a seed of an earlier night would count its evidence twice.
    profile : str
        Profile of the run.

    Raises
    ------
    SpecificationError
        If the profile is not that of the history, or the seed that of an earlier night.

    Examples
    --------
    >>> check_new_night(History("quick", 1e-3), seed=1, profile="quick")
    """
    check_profile(history, profile)
    for number, night in enumerate(history.nights, start=1):
        if night.seed == seed:
            raise SpecificationError(
                f"seed {seed} is in the history already, as night {number}; the same evidence must not count twice: "
                "give another seed"
            )


def trajectories(history: History) -> dict[str, tuple[EvidenceProcess, ...]]:
    """Return for each claim its process after each night that checked it."""
    paths: dict[str, list[EvidenceProcess]] = {}
    for night in history.nights:
        for claim, found in night.claims.items():
            path = paths.setdefault(claim, [])
            before = path[-1] if path else EvidenceProcess(history.level)
            path.append(advance(before, found.version, found.log_evidence))
    return {claim: tuple(path) for claim, path in paths.items()}


def processes(history: History) -> dict[str, EvidenceProcess]:
    """Return the process of each claim after the last night that checked it."""
    return {claim: path[-1] for claim, path in trajectories(history).items()}
