"""The main job: from the names of methods to a record of promised and observed rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from theory_check.calibration.execution import Report, run_trials, time_case
from theory_check.calibration.methods import METHODS
from theory_check.calibration.scenarios import Method
from theory_check.calibration.trials import FAMILY_LEVEL, PROFILES, Profile, Trial, count_promises, plan_trials
from theory_check.findings.calibration import CalibrationRecord, MethodFinding, RateFinding, Sense
from theory_check.findings.circumstances import circumstances
from theory_check.foundation.arguments import check_choice, check_integer
from theory_check.foundation.streams import check_seed
from theory_check.simulation.engines import available_threads
from theory_check.simulation.execution import silent

if TYPE_CHECKING:
    from theory_check.simulation.cluster import Cluster

#: Packages whose versions can move a count.
_PACKAGES = ("theory-check", "numpy", "numba", "scipy")


def find_profile(name: str) -> Profile:
    """Return the profile of that name."""
    check_choice("profile", name, PROFILES)
    return PROFILES[name]


def find_methods(names: Iterable[str], catalogue: Sequence[Method] | None = None) -> tuple[Method, ...]:
    """Return the methods of these names in the order of the catalogue, or all of them when none is named."""
    wanted, known = tuple(names), METHODS if catalogue is None else catalogue
    for name in wanted:
        check_choice("method", name, [method.name for method in known])
    return tuple(method for method in known if not wanted or method.name in wanted)


def judge_rate(trial: Trial, count: int, share: float) -> RateFinding:
    """Hold a count against its promise.

    The number of rejections is binomial. The Clopper-Pearson interval at level `share` misses the true rate with
    probability at most `share`, half of it on either side, and the promise is refuted when no rate in the interval
    keeps it. There is no tolerance. The computations are SciPy's, not those of the package: the judge is none of the
    judged.

    Parameters
    ----------
    trial : Trial
    count : int
        Rejections among its repetitions.
    share : float
        Its share of the family level.

    Returns
    -------
    RateFinding
    """
    from scipy.stats import beta, binomtest

    promise, sense, n = trial.promise, trial.case.sense, trial.repetitions
    alternative = {"at most": "greater", "at least": "less", "exactly": "two-sided"}[sense]
    lower = float(beta.ppf(share / 2.0, count, n - count + 1)) if count else 0.0
    upper = float(beta.isf(share / 2.0, count + 1, n - count)) if count < n else 1.0
    law, observations = trial.sample
    return RateFinding(
        id=trial.id,
        method=trial.method,
        procedure=trial.case.procedure,
        law=law.name,
        deviation=trial.case.deviation,
        observations=observations,
        monitored=trial.case.monitored,
        level=trial.level,
        promise=promise,
        sense=sense,
        control=trial.control,
        example=trial.example,
        repetitions=n,
        count=count,
        lower=lower,
        upper=upper,
        p_value=float(binomtest(count, n, promise, alternative=alternative).pvalue),
        verdict="refuted" if _is_broken(sense, promise, lower, upper) else "consistent",
    )


def _is_broken(sense: Sense, promise: float, lower: float, upper: float) -> bool:
    too_often, too_rarely = lower > promise, upper < promise
    return {"at most": too_often, "at least": too_rarely, "exactly": too_often or too_rarely}[sense]


def calibrate(
    names: Iterable[str] = (),
    *,
    profile: str | Profile = "quick",
    seed: int = 0,
    threads: int | None = None,
    report: Report = silent,
    catalogue: Sequence[Method] | None = None,
    cluster: Cluster | None = None,
    folder: Path | None = None,
) -> CalibrationRecord:
    """Simulate the error rates and the power of methods and judge their promises.

    Parameters
    ----------
    names : iterable of str
        Methods; all of them when empty. The verdict on a method does not depend on which others are named.
    profile : {"quick", "nightly"} or Profile
        Depth of evidence.
    seed : int
        Root seed, 0 to 2^64 - 1.
    threads : int, optional
        Processes; default: all processors. Counts do not depend on it.
    report : callable
        Called with (done, total).
    catalogue : sequence of Method, optional
        What there is to calibrate; the family level is shared among all its promises. Default: all methods.
    cluster : Cluster, optional
        Where to judge instead of in processes of this machine, see
        :func:`theory_check.simulation.cluster.open_cluster`.
    folder : Path, optional
        Where finished parts are kept, so that an interrupted calibration goes on when repeated.

    Returns
    -------
    CalibrationRecord

    Raises
    ------
    SpecificationError
        For an unknown method or profile, or a bad seed or number of processes.
    """
    started, clock = datetime.now(UTC), perf_counter()
    check_seed(seed)
    if cluster is not None:
        threads = cluster.processors
    workers = available_threads() if threads is None else threads
    check_integer("number of threads", workers, 1, 1024)
    names = tuple(names)
    methods = find_methods(names, catalogue)
    depth = find_profile(profile) if isinstance(profile, str) else profile
    share = FAMILY_LEVEL / count_promises(find_methods((), catalogue), depth)
    planned = {method.name: plan_trials(method, depth) for method in methods}
    # Before the work in parallel, which would disturb the clock.
    seconds = {method.name: time_case(method.timed, seed) if method.timed else None for method in methods}
    trials = [trial for group in planned.values() for trial in group]
    counts = run_trials(trials, seed, threads=workers, report=report, cluster=cluster, folder=folder)
    return CalibrationRecord(
        profile=depth.name,
        seed=seed,
        selection=names,
        family_level=FAMILY_LEVEL,
        methods=tuple(
            MethodFinding(
                name=method.name,
                title=method.title,
                function=method.function,
                promise=method.promise,
                rates=tuple(judge_rate(trial, counts[trial.id], share) for trial in planned[method.name]),
            )
            for method in methods
        ),
        run=circumstances(
            started,
            perf_counter() - clock,
            threads=workers,
            processors=available_threads(),
            packages=_PACKAGES,
            seconds=seconds,
        ),
    )


def exit_code(record: CalibrationRecord) -> int:
    """Return 1 if a promise is refuted, else 3 if a negative control is not, else 0."""
    return {"kept": 0, "promise refuted": 1, "control not refuted": 3}[record.outcome]
