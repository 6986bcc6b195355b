"""A rehearsal of own claims: what they compute is tried on a few networks before many are simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from theory_check.claims.checks import Check
from theory_check.claims.divergence import leave_out_diverged
from theory_check.claims.estimators import Distance, Estimator, Mean, Probability, Quantile, Spread
from theory_check.claims.planning import PlannedCheck
from theory_check.experiments.experiment import MEMORY, Sample
from theory_check.experiments.workload import Workload
from theory_check.foundation.errors import InterruptedSimulationError, SpecificationError, TheoryCheckError
from theory_check.foundation.user_code import described, located
from theory_check.simulation.runner import run_experiments

#: Estimators whose intervals need finite values.
_OF_FINITE_VALUES = (Distance, Mean, Quantile, Spread)

#: Processor seconds that the rehearsal of a point may take; a point of larger networks is not rehearsed.
_LONGEST = 10.0


def rehearse(checks: Sequence[PlannedCheck], seed: int, memory: int = MEMORY) -> None:
    """Simulate a block or two of each point and evaluate its observables and laws, those of its variants too.

    Parameters
    ----------
    checks : sequence of PlannedCheck
    seed : int
        Root seed: the networks are the first of the run.
    memory : int
        Bytes that stored weights may take.

    Raises
    ------
    SpecificationError
        If something cannot be computed: a column that is not there, a function that fails or cannot be compiled. The
        text names the point, what failed, and where in the user's file.
    """
    for planned in checks:
        requests = {
            experiment: min(max(experiment.block_size, 2), planned.replicates) for experiment in planned.experiments
        }
        if Workload.of(requests.items()).seconds > _LONGEST:
            continue
        try:
            found = run_experiments(requests, seed, threads=1, memory=memory)
            _evaluate(planned.check, [found[one] for one in planned.experiments])
        except InterruptedSimulationError:
            raise
        except Exception as error:
            text = str(error) if isinstance(error, TheoryCheckError) else f"it fails with {described(error)}"
            with located(planned.check.place):
                raise SpecificationError(f"{planned.id}: {text}") from error


def _evaluate(check: Check, samples: Sequence[Sample[Any]]) -> None:
    """Evaluate the observables and laws of a check and of its variants on the samples of trainings that converged."""
    converged = leave_out_diverged(check, samples)
    if converged.violation:
        return
    with np.errstate(all="ignore"):
        for estimator in (check.estimator, *(v.estimator for v in check.variants if v.estimator)):
            _evaluate_estimator(estimator, converged.samples)


def _part(sample: Sample[Any], side: int) -> Sample[Any]:
    """Return one half of the replicates."""
    middle = sample.replicates // 2
    chosen = slice(middle, None) if side else slice(middle)
    return replace(sample, values={name: column[chosen] for name, column in sample.values.items()})


def _evaluate_estimator(estimator: Estimator, samples: Sequence[Sample[Any]]) -> None:
    again = estimator.values(samples)
    sides = (0, 1) if min(sample.replicates for sample in samples) > 1 else ()
    halves = [estimator.values([_part(sample, side) for sample in samples]) for side in sides]
    for values, others, *parts in zip(estimator.values(samples), again, *halves, strict=True):
        named = f"its observable {estimator.observable}"
        if not np.array_equal(values, others, equal_nan=True):
            raise SpecificationError(f"{named} gives other values of the same samples when it is evaluated again")
        if parts and not np.array_equal(np.concatenate(parts), values, equal_nan=True):
            raise SpecificationError(f"{named} mixes replicates: the values of half of them differ without the others")
        infinite = int(np.sum(~np.isfinite(values)))
        if np.isnan(values).any() or (infinite and isinstance(estimator, _OF_FINITE_VALUES)):
            raise SpecificationError(f"{named} is NaN or infinite for {infinite} of {values.size} values")
        if isinstance(estimator, Distance):
            estimator.law.cdf(values.ravel())
    if isinstance(estimator, Probability):
        estimator.interval(samples, 0.5)
