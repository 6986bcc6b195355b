"""What a search is expected to take, and what is done of it: networks of exploration, and confirmations."""

from __future__ import annotations

from dataclasses import dataclass

from theory_check.simulation.execution import Report

#: Processor seconds, about, of the sample of a check in exploration and in confirmation.
EXPLORATION_SECONDS = 0.25
CONFIRMATION_SECONDS = 1.0


@dataclass
class SearchProgress:
    """Counts what is done of a search, in microseconds that it is expected to take.

    Whether a network has to be confirmed shows at the end only, so that time is kept for it until then.

    Attributes
    ----------
    report : callable
        Called with (done, total).
    examples : int
        Networks to draw in exploration.
    confirmations : int
        For which time is kept: one for each way in which a network may refute the claim.
    drawn, confirmed : int
        Done by now.
    """

    report: Report
    examples: int
    confirmations: int = 1
    drawn: int = 0
    confirmed: int = 0

    def __post_init__(self) -> None:
        self._tell()

    def draw(self) -> None:
        """Count a network of exploration."""
        self.drawn += 1
        self._tell()

    def confirm(self) -> None:
        """Count a confirmation."""
        self.confirmed += 1
        self._tell()

    def end(self) -> None:
        """Give back the time that was kept, and that of networks that were not drawn."""
        self.examples, self.confirmations = min(self.drawn, self.examples), self.confirmed
        self._tell()

    def _tell(self) -> None:
        done = _seconds(min(self.drawn, self.examples), self.confirmed)
        total = _seconds(self.examples, max(self.confirmations, self.confirmed))
        self.report(round(1e6 * done), round(1e6 * total))


def _seconds(networks: int, confirmations: int) -> float:
    return networks * EXPLORATION_SECONDS + confirmations * CONFIRMATION_SECONDS
