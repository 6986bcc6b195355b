"""The result of a test of a statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from theory_check.foundation.arguments import check_count, check_number, check_unit


@dataclass(frozen=True)
class Test:
    """The outcome of a significance test.

    Attributes
    ----------
    statistic : float
        What was computed from the sample; infinite where the statement excludes a value outright.
    p_value : float
        Probability, at most, of a statistic at least as extreme if the statement is true; a test that rejects when it
        is at most alpha has level alpha, up to the accuracy of the method.
    method : str
        Usual name of the test.
    observations : int
        Independent values behind it.
    """

    __test__: ClassVar[bool] = False  # keeps pytest from collecting the class for its name

    statistic: float
    p_value: float
    method: str
    observations: int

    def __post_init__(self) -> None:
        check_number("statistic", self.statistic)
        check_unit("p_value", self.p_value)
        check_count("observations", self.observations)

    def rejects(self, alpha: float) -> bool:
        """Whether the statement is rejected at level alpha."""
        return self.p_value <= alpha
