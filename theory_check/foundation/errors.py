"""The mistakes a user can make, one exception type for each kind."""

from __future__ import annotations


class TheoryCheckError(Exception):
    """Base class of every error the suite raises on purpose; its text is one line."""


class SpecificationError(TheoryCheckError, ValueError):
    """A value is outside what is accepted (a depth of 0, an unknown law, a level of 2)."""


class HypothesisError(SpecificationError):
    """A statement does not apply to a network that its hypotheses exclude."""


class BudgetError(SpecificationError):
    """A plan costs more than its budget; the text has one more line for each of the most expensive points."""


class NumericalOverflowError(TheoryCheckError, ArithmeticError):
    """A simulation left the range of double precision; its values must not be averaged."""


class InterruptedSimulationError(TheoryCheckError):
    """A simulation was asked to stop between two segments."""


class StorageError(TheoryCheckError, OSError):
    """A file cannot be written or read back."""
