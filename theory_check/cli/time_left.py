"""The time left of work in pieces of one length, from what its finished pieces took."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from rich.progress import ProgressColumn, Task
from rich.text import Text


@dataclass(frozen=True)
class Rounds:
    """Pieces that are begun as many at a time as there are processors.

    The last round may leave processors idle, and a piece may take longer than the window of seconds in which a
    progress bar looks for its speed: neither a share of the work nor a speed tells when such work ends.

    Attributes
    ----------
    pieces : int
        All of them.
    kept : int
        Those that an earlier command has finished: they take no time.
    processors : int
    seconds : float
        What a piece is expected to take, until one is finished.
    """

    pieces: int
    kept: int
    processors: int
    seconds: float

    def left(self, done: int, last: float, now: float) -> float:
        """Return the seconds until all is finished.

        Parameters
        ----------
        done : int
            Finished pieces, with those that were kept.
        last, now : float
            Seconds from the beginning until the last of them was finished, and until now.

        Returns
        -------
        float

        Examples
        --------
        >>> Rounds(pieces=7, kept=0, processors=2, seconds=50.0).left(2, 60.0, 70.0)
        170.0
        """
        if done >= self.pieces:
            return 0.0
        own = max(0, done - self.kept)
        length = last / math.ceil(own / self.processors) if own else self.seconds
        running = now - last
        # A round that already takes longer than those before says what the others will take.
        return max(length, running) * math.ceil((self.pieces - done) / self.processors) - running


class TimeLeft(ProgressColumn):
    """A column with the time left; a task says in its field ``last`` when its last piece was finished.

    Parameters
    ----------
    rounds : Rounds
    """

    max_refresh = 0.5  # seconds, as of rich's own column of the time left

    def __init__(self, rounds: Rounds) -> None:
        super().__init__()
        self._rounds = rounds

    def render(self, task: Task) -> Text:
        """Return hours, minutes and seconds."""
        done = round(self._rounds.pieces * task.completed / task.total) if task.total else 0
        left = self._rounds.left(done, task.fields["last"], task.elapsed or 0.0)
        return Text(str(timedelta(seconds=round(left))), style="progress.remaining")
