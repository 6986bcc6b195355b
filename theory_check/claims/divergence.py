"""Trainings that diverged, in the samples of a check: counted, and left out where they have no value.

A training that diverged has the accuracies of a constant answer and no trained weights. A check that reads anything but
what every training has is a statement about trainings that converge, and is judged on the replicates where all that it
reads did. Given which ones these are, they are independent and have the law of a training that converges: intervals,
the levels of looks and e-values hold as they are. Where many are left out, the statement is not about the setting any
more, and its point is ``inapplicable``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from theory_check.claims.checks import Check
from theory_check.experiments.experiment import Sample
from theory_check.experiments.training import KNOWN_COLUMNS, Training
from theory_check.findings.run import Divergence

#: Part of the replicates that may be left out. With a tenth fewer, planning still has nine tenths of its sample, and
#: what the statement is silent about is the exception.
MOST = 0.1


@dataclass(frozen=True)
class Converged:
    """The samples that a check is judged on.

    Attributes
    ----------
    samples : tuple of Sample
        Without the replicates that are left out.
    divergence : Divergence, or unset
        Counts; unset where nothing was trained.
    violation : str
        In a few words, that too many were left out; empty if they were not.
    """

    samples: tuple[Sample[Any], ...]
    divergence: Divergence | msgspec.UnsetType = msgspec.UNSET
    violation: str = ""

    @property
    def left_out(self) -> int:
        """Replicates that are left out."""
        return 0 if self.divergence is msgspec.UNSET else self.divergence.left_out


def leave_out_diverged(check: Check, samples: Sequence[Sample[Any]]) -> Converged:
    """Count the replicates with a training that diverged, and leave out those whose values the check would need.

    Parameters
    ----------
    check : Check
        A function of the samples, whose columns are not known, counts as reading all.
    samples : sequence of Sample
        One for each of its experiments, equally long.

    Returns
    -------
    Converged
    """
    diverged = {
        place: sample.values["diverged"] > 0.0
        for place, sample in enumerate(samples)
        if isinstance(sample.experiment, Training)
    }
    if not diverged:
        return Converged(tuple(samples))
    nowhere = np.zeros(len(next(iter(diverged.values()))), dtype=bool)
    read = _places_read(check) & diverged.keys()
    left_out = np.logical_or.reduce([nowhere, *(diverged[place] for place in sorted(read))])
    counts = Divergence(int(np.logical_or.reduce(list(diverged.values())).sum()), int(left_out.sum()))
    kept = tuple(_rows(sample, ~left_out) for sample in samples) if counts.left_out else tuple(samples)
    if counts.left_out <= MOST * left_out.size:
        return Converged(kept, counts)
    text = (
        f"a training diverged in {counts.left_out} of {left_out.size} replicates: the statement is about trainings "
        f"that converge, and at most {MOST:.0%} may be left out"
    )
    return Converged(kept, counts, text)


def _places_read(check: Check) -> set[int]:
    """Return the places of the experiments of which it reads what a training that diverged does not have."""
    estimators = (check.estimator, *(v.estimator for v in check.variants if v.estimator is not None))
    columns = [estimator.observable.columns for estimator in estimators]
    if not all(columns):
        return set(range(len(check.experiments)))
    return {place for read in columns for name, place in read if name not in KNOWN_COLUMNS}


def _rows(sample: Sample[Any], kept: np.ndarray) -> Sample[Any]:
    return replace(sample, values={name: column[kept] for name, column in sample.values.items()})
