"""The time left of work in pieces, from what its finished pieces took."""

from __future__ import annotations

import math
from collections import deque
from datetime import timedelta

from rich.progress import ProgressColumn, Task
from rich.text import Text


class Forecast:
    """Time left of pieces that are begun as many at a time as there are processors.

    Pieces are taken to end in the order in which they began: each piece that ends makes room for the next. So those
    that run began when the last ones ended, and all that ended took, together, the sum of the last times, one for each
    processor. The last round may leave processors idle, and a piece may take minutes: neither a share of the work nor
    its speed in the last half minute tells when such work ends.

    Parameters
    ----------
    processors : int
    piece : float
        Work of a piece, until one is finished; 0 if it is not known. Work is told in microseconds that it is expected
        to take.

    most : float
        Seconds after which the work ends, finished or not.

    Examples
    --------
    >>> forecast = Forecast(processors=2, piece=50e6)
    >>> for done in (0, 1, 2):
    ...     forecast.report(done * 50_000_000, 7 * 50_000_000, 60.0 if done else 0.0)
    >>> forecast.left(70.0)  # of three rounds
    170.0
    """

    def __init__(self, processors: int, piece: float = 0.0, most: float = math.inf) -> None:
        self._processors, self._most = processors, most
        #: Work of the last piece that ended, and of the largest.
        self._piece, self._largest = piece, piece
        #: When the running pieces began, if there is work for all processors; the first to begin comes first.
        self._began: deque[float] = deque(maxlen=processors)
        #: Work when the first report came, which an earlier command did; work done by now, and all of it.
        self._kept, self._done, self._total = 0, 0, 0
        self._start = 0.0

    def report(self, done: int, total: int, now: float) -> None:
        """Take note of the work that is done.

        Parameters
        ----------
        done, total : int
            As a :data:`~theory_check.simulation.execution.Report` is called, once for each piece that ends.
        now : float
            Seconds on any clock.
        """
        if not self._began:
            self._start, self._kept, self._done = now, done, done
            self._began.extend([now] * self._processors)
        if done > self._done:
            self._piece = done - self._done
            self._largest = self._piece if self._done == self._kept else max(self._largest, self._piece)
            self._began.append(now)
        self._done, self._total = done, total

    def left(self, now: float) -> float | None:
        """Return the seconds until all is finished, or None as long as nothing tells.

        Parameters
        ----------
        now : float
            Seconds on the clock of the reports.

        Returns
        -------
        float or None
        """
        own, work = self._done - self._kept, self._total - self._done
        if not self._began or not self._piece:
            return None
        if work <= 0:
            return 0.0
        rate = sum(time - self._start for time in self._began) / own if own else 1e-6
        pieces, length = math.ceil(work / self._piece), rate * self._piece
        ages = [now - time for time in self._began][:pieces]
        # What takes longer than the largest before says how long the others will take.
        expected = rate * self._largest
        if ages[0] > expected > 0.0:
            length *= ages[0] / expected
        ends = sorted(max(0.0, length - age) for age in ages)
        # Those that have not begun are shared out in rounds; the last round may leave processors idle.
        rounds, more = divmod(pieces - len(ends), self._processors)
        left = max(ends[-1] + rounds * length, ends[more - 1] + (rounds + 1) * length if more else 0.0)
        return max(0.0, min(left, self._start + self._most - now))


class TimeLeft(ProgressColumn):
    """A column with the time left by a forecast.

    Parameters
    ----------
    forecast : Forecast
        Told on the clock of the task.
    """

    max_refresh = 0.5  # seconds, as of rich's own column of the time left

    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self._forecast = forecast

    def render(self, task: Task) -> Text:
        """Return hours, minutes and seconds."""
        left = self._forecast.left(task.elapsed or 0.0)
        text = "-:--:--" if left is None else str(timedelta(seconds=round(left)))
        return Text(text, style="progress.remaining")
