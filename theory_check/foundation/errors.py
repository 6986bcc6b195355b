"""The mistakes a user can make, one exception type for each kind."""

from __future__ import annotations

import re


class TheoryCheckError(Exception):
    """Base class of every error the suite raises on purpose; its text is one line, whatever was given."""

    def __str__(self) -> str:
        return re.sub(r"\s*\n\s*", " ", super().__str__())


class SpecificationError(TheoryCheckError, ValueError):
    """A value is outside what is accepted, or of another kind (a depth of 0, an unknown law, a level of None).

    Every public function raises it for every bad argument. :exc:`TypeError` is Python's, for a call that does not fit a
    signature; what a function raises that was given as an argument passes through.
    """


class HypothesisError(SpecificationError):
    """A statement does not apply to a network that its hypotheses exclude."""


class BudgetError(SpecificationError):
    """A plan costs more than its budget; the text has one more line for each of the most expensive points."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class NumericalOverflowError(TheoryCheckError, ArithmeticError):
    """A simulation left the range of double precision; its values must not be averaged."""


class InterruptedSimulationError(TheoryCheckError):
    """A simulation was asked to stop between two segments."""


class StorageError(TheoryCheckError, OSError):
    """A file cannot be written or read back."""
