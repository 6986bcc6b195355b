"""The fixture ``evidence``: the assertions of one test, and those of the examples of a property."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pytest

from theory_check.pytest_plugin.assertions import Assertions

if TYPE_CHECKING:
    from theory_check.inference.intervals import Interval


class Evidence(Assertions):
    """Level and seed of one statistical test, its assertions, and the verdicts that they record."""

    def __init__(self, name: str, level: float, *, run_seed: int = 0, command: str = "") -> None:
        super().__init__(name, level, run_seed=run_seed, command=command)
        self._examples: dict[str, Example] = {}
        self._first_failure = ""

    def share(
        self, *drawn: object, examples: int, strata: Mapping[str, str] | None = None, repeat: str = ""
    ) -> Example:
        """Return the evidence of one example of a property: an equal share of the level and a seed of its own.

        The seed is a function of the test's name and parameters and of the example, not of the order of the examples.
        An example that is drawn again has the same values and the same verdicts, and spends its share once. A property
        in which each of n examples errs with probability at most level / n errs with probability at most the level,
        however Hypothesis chooses the n examples, as long as it chooses them without a look at the streams of those to
        come; a stream belongs to one example, so that it cannot.

        The first example that fails decides: the test has failed, whatever follows. Shrinking, explaining and the
        search for other failures can change which example is shown, not the outcome, and so they spend nothing. An
        example that is shrunk is another example and is simulated on a stream of its own: it is shown only if it fails
        there too, and the message names the first one beside it.

        Parameters
        ----------
        *drawn
            What Hypothesis drew; their ``repr`` must tell them. Arrays of NumPy are written out whole.
        examples : int
            Number n of examples that share the level: ``max_examples`` and those given by ``@example``.
        strata : mapping of str to str
            Where in the domain the example lies, ``{"branch": "linear"}``; the summary counts the values of each.
        repeat : str
            Lines of Python that repeat the example, with ``{seed}`` and ``{level}`` in the place of its own; shown when
            it fails.

        Returns
        -------
        Example
            To be used by ``with``.

        Examples
        --------
        >>> from theory_check.inference.intervals import Interval
        >>> evidence = Evidence("tests/test_mean.py::test_means", 1e-6)
        >>> for mean in (0.5, 0.6, 0.5):
        ...     with evidence.share(mean, examples=4) as example:
        ...         found = Interval(mean, mean - 0.1, mean + 0.1, example.level, "Catoni")
        ...         example.supports(found, target=(mean, mean), margin=0.2)
        >>> evidence.spent
        5e-07
        """
        text = ", ".join(map(repr, drawn))
        if not drawn or " at 0x" in text:
            pytest.fail(f"share() needs drawn values that their repr tells apart, not ({text})")
        if examples < 1:
            pytest.fail(f"examples is {examples}; at least one shares the level")
        return Example(self, _whole(drawn), text, self.level / examples, examples, dict(strata or {}), repeat)

    @property
    def spent(self) -> float:
        """Sum of the levels of what was asserted so far, in examples too."""
        return super().spent + sum(example.spent for example in self._examples.values())

    @property
    def failure(self) -> str:
        """Text of the first assertion that did not hold."""
        return self._first_failure or super().failure

    @property
    def records(self) -> list[dict[str, Any]]:
        """Assertions and what was found, those of the examples included."""
        return self._own + [record for example in self._examples.values() for record in example.records]

    @property
    def strata(self) -> list[dict[str, str]]:
        """Parts of the domain that each example lies in."""
        return [example.place for example in self._examples.values()]

    @property
    def told(self) -> dict[str, bool]:
        """Named mistakes, and whether some example tells them from the statement with a probability of 99% or more."""
        found: dict[str, bool] = {}
        for example in self._examples.values():
            for name, told in example.mistakes.items():
                found[name] = found.get(name, False) or told
        return found


class Example(Assertions):
    """Level, seed and verdicts of one example of a property; :meth:`Evidence.share` makes it.

    Attributes
    ----------
    place : dict of str to str
        Where in the domain it lies.
    mistakes : dict of str to bool
        Named mistakes, and whether planning promises that this example tells them from the statement with a
        probability of 99% or more. The summary shows those that no example of a test tells.
    """

    def __init__(
        self, test: Evidence, drawn: str, shown: str, level: float, examples: int, place: dict[str, str], repeat: str
    ) -> None:
        super().__init__(f"{test._name}({drawn})", level, run_seed=test._run_seed)
        self.place = place
        self.mistakes: dict[str, bool] = {}
        self._test, self._drawn, self._shown, self._count, self._repeat = test, drawn, shown, examples, repeat
        self._taken = self._beyond = False

    def __enter__(self) -> Self:
        """Take a share of the level, unless the test has failed already: what is drawn then decides nothing.

        Where none is left, the first verdict fails: before it, the example may still be rejected.
        """
        test = self._test
        if not test._first_failure:
            self._beyond = self._drawn not in test._examples and len(test._examples) == self._count
            if not self._beyond:
                test._examples[self._drawn] = self
        self._taken = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Keep the first failure, and say with each how it is repeated."""
        __tracebackhide__ = True
        test = self._test
        if error is None:
            if not self.records:
                pytest.fail(f"an example must record a verdict: {self._shown}")
        elif _is_rejected(error):
            if not self.records:
                test._examples.pop(self._drawn, None)
        else:
            for note in self._notes():
                error.add_note(note)
            test._first_failure = test._first_failure or f"{self._shown}: {error}"

    def _note(self, wanted: str, verdict: str, what: str, interval: Interval | None, **numbers: Any) -> None:
        __tracebackhide__ = True
        if not self._taken:
            pytest.fail("an example takes its share of the level in `with evidence.share(...) as example:`")
        if self._beyond:
            pytest.fail(f"more than {self._count} examples share the level of {self._test._name}")
        super()._note(wanted, verdict, what, interval, **numbers)

    def _notes(self) -> Generator[str]:
        test = self._test
        yield f"Example: {self._shown}"
        if test._first_failure and not test._first_failure.startswith(f"{self._shown}: "):
            yield f"The test failed first, and by its own streams, at {test._first_failure}"
        if test._command:
            yield f"Repeat the test: {test._command}"
        if self._repeat:
            lines = self._repeat.replace("{seed}", str(self.seed)).replace("{level}", repr(self.level))
            yield f"Repeat the example:\n{lines}"


def _whole(drawn: tuple[object, ...]) -> str:
    """Return what was drawn, arrays with all their digits: two that share an abbreviation are two examples."""
    numpy = sys.modules.get("numpy")
    with numpy.printoptions(threshold=sys.maxsize, floatmode="unique") if numpy else nullcontext():
        return ", ".join(map(repr, drawn))


def _is_rejected(error: BaseException) -> bool:
    """Tell whether Hypothesis gives an example up: an assumption that does not hold, or too many choices."""
    errors = sys.modules.get("hypothesis.errors")
    return errors is not None and isinstance(error, (errors.UnsatisfiedAssumption, errors.StopTest))
