"""A number together with its numerical error: the result of functions that compute without a closed form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A computed number.

    Parameters
    ----------
    value
        The number.
    error
        Bound or estimate of its absolute numerical error; the function that returns it says which.
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """``value - error`` and ``value + error``."""
        return self.value - self.error, self.value + self.error
