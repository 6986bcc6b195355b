"""The run of one sampler assertion: its part of the level, its streams, the statement and its wrong variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from theory_check.pytest_plugin.verdicts import Verdicts, apart, found

if TYPE_CHECKING:
    from theory_check.inference.intervals import Interval
    from theory_check.pytest_plugin.moments import Pilot
    from theory_check.pytest_plugin.sampling import Outcome, Sampler
    from theory_check.pytest_plugin.statements import Statement, Tolerance


class Options(TypedDict, total=False):
    """Options that every sampler assertion has.

    Attributes
    ----------
    remainder : float
        Proven bound on the error of the target: it widens the target.
    exact : bool
        Whether the target is exact: an interval that misses it then refutes, also within the margin.
    miss : float
        Probability, at most, that a right sampler is not supported; default: that of being refuted.
    wrong : mapping
        Named mistakes that must be refuted. A sampler is judged on a sample of its own, a number or law on the same
        sample. They spend no level.
    """

    remainder: float
    exact: bool
    miss: float
    wrong: Mapping[str, Any]


class SampledVerdicts(Verdicts):
    """Verdicts on what samplers draw."""

    def _share(self) -> tuple[int, float]:
        """Return the number of an assertion and its part of the level, and spend that."""
        number = len(self._shares) + 1
        self._shares.append(self.level / (number * (number + 1)))
        self._check_level()
        return number, self._shares[-1]

    def _sampled(
        self,
        stated: Callable[[Sequence[str], Tolerance, Pilot], Statement],
        samplers: Sequence[Sampler],
        margin: float,
        options: Options,
        columns: int | None = None,
    ) -> Interval:
        """Judge a statement on samples of its samplers, and its wrong variants."""
        __tracebackhide__ = True
        if unknown := set(options) - set(Options.__annotations__):
            self._fail(f"unknown option {min(unknown)!r}; there are {', '.join(Options.__annotations__)}")
        number, alpha = self._share()
        tolerance = margin, options.get("remainder", 0.0), options.get("exact", False)
        judged = partial(self._outcome, stated, tolerance, columns, number, alpha, options.get("miss", alpha))
        wrong = dict(options.get("wrong") or {})
        values = {name: one for name, one in wrong.items() if not _is_sampler(one)}

        outcome = judged(samplers, 0, values)
        self._conclude("supported", outcome, "", number, 0)
        for name, value in values.items():
            what, admitting = outcome.admitted.get(name, ("", None))
            self._note("refuted", "inconclusive" if admitting else "refuted", name, admitting,
                       observations=outcome.observations)  # fmt: skip
            if admitting is not None:
                seen = found(what, admitting, outcome.observations)
                self._fail(f"not refuted: the wrong variant {name!r}, {value!r}: {seen}")
        for position, (name, one) in enumerate(((n, w) for n, w in wrong.items() if n not in values), start=1):
            mistaken = one if isinstance(one, tuple) else (*samplers[:-1], one)
            place = position * len(samplers)
            self._conclude("refuted", judged(mistaken, place, {}), name, number, place)
        assert outcome.interval is not None  # a violated hypothesis has failed above
        return outcome.interval

    def _outcome(
        self,
        stated: Callable[[Sequence[str], Tolerance, Pilot], Statement],
        tolerance: tuple[float, float, bool],
        columns: int | None,
        number: int,
        alpha: float,
        miss: float,
        samplers: Sequence[Sampler],
        place: int,
        values: Mapping[str, Any],
    ) -> Outcome:
        """Judge samplers on streams of their own; a mistake in the arguments fails in one line."""
        __tracebackhide__ = True
        import numpy as np

        from theory_check.foundation.errors import SpecificationError
        from theory_check.pytest_plugin import sampling, statements

        names = [sampling.name_of(sampler) for sampler in samplers]
        streams = [
            sampling.Stream(sampler, np.random.default_rng([self.seed, number, place + j]), columns)
            for j, sampler in enumerate(samplers)
        ]
        try:
            agreed = statements.Tolerance(*tolerance)
            prepared = partial(stated, names, agreed)
            return sampling.decide(prepared, streams, alpha=alpha, miss=miss, wrong=values)
        except SpecificationError as error:
            problem = str(error)
        self._fail(problem)

    def _conclude(self, wanted: str, outcome: Outcome, variant: str, number: int, place: int) -> None:
        """Record an outcome, and fail if it is not the one that is wanted; a violated hypothesis refutes as well."""
        __tracebackhide__ = True
        statement, interval, n = outcome.statement, outcome.interval, outcome.observations
        tolerance = statement.tolerance.margin + statement.tolerance.remainder
        stream = f"[{self.seed}, {number}, {place}]"
        verdict = "refuted" if variant and interval is None else outcome.verdict
        self._note(wanted, verdict, variant or statement.what, interval, target=list(statement.target),
                   tolerance=tolerance, observations=n, stream=stream)  # fmt: skip
        if verdict != wanted:
            of = f"the wrong variant {variant!r}: " if variant else ""
            if interval is None:
                seen = f"{statement.what}: {outcome.reason} ({n:,} values)"
            else:
                seen = found(statement.what, interval, n) + apart(interval, statement.target, tolerance, n)
            self._fail(f"{verdict}, expected {wanted}: {of}{seen}. Drawn by np.random.default_rng({stream})")


def _is_sampler(one: object) -> bool:
    if isinstance(one, tuple):
        return all(map(_is_sampler, one))
    return callable(one) and not hasattr(one, "cdf")
