"""The time left of a command whose pieces are long comes true."""

from __future__ import annotations

import math

import pytest
from rich.progress import Progress

from theory_check.cli.time_left import Rounds, TimeLeft

LENGTH = 60.0


@pytest.mark.parametrize("processors", [1, 2, 3, 8])
@pytest.mark.parametrize("own", [1, 2, 7, 8])
@pytest.mark.parametrize("kept", [0, 3])
def test_pieces_of_one_length_end_when_it_says(own, processors, kept):
    pieces = own + kept
    end = LENGTH * math.ceil(own / processors)
    # The expectation is wrong by a factor: only the time before the first piece is finished may depend on it.
    rounds = Rounds(pieces=pieces, kept=kept, processors=processors, seconds=LENGTH / 3)
    for done in range(1, own + 1):
        last = LENGTH * math.ceil(done / processors)
        for now in (last, last + 25.0):
            if done < own and done % processors == 0:
                assert rounds.left(kept + done, last, now) == pytest.approx(end - now)
    assert rounds.left(pieces, end, end) == 0.0


def test_before_a_piece_is_finished_the_expectation_counts_until_it_is_exceeded():
    rounds = Rounds(pieces=6, kept=0, processors=2, seconds=50.0)
    assert rounds.left(0, 0.0, 0.0) == 150.0
    assert rounds.left(0, 0.0, 40.0) == 110.0
    # 80 s are in a round of 50: this one may end at any time, and the two others take as long.
    assert rounds.left(0, 0.0, 80.0) == 160.0


def test_the_column_counts_down_between_pieces():
    clock = [0.0]
    column = TimeLeft(Rounds(pieces=4, kept=0, processors=2, seconds=10.0))
    progress = Progress(column, get_time=lambda: clock[0], disable=True)
    progress.add_task("train", last=0.0)
    (task,) = progress.tasks

    def shown(done, last, now):
        clock[0] = now
        progress.update(task.id, completed=1000 * done, total=4000, last=last)
        return str(column.render(task))

    assert shown(0, 0.0, 0.0) == "0:00:20"
    assert shown(2, 90.0, 90.0) == "0:01:30"
    assert shown(2, 90.0, 120.0) == "0:01:00"
    assert shown(4, 180.0, 180.0) == "0:00:00"


def test_the_column_is_there_before_the_work_is_known():
    column = TimeLeft(Rounds(pieces=4, kept=0, processors=2, seconds=10.0))
    progress = Progress(column, get_time=lambda: 0.0, disable=True)
    progress.add_task("train", total=None, last=0.0)
    assert str(column.render(progress.tasks[0])) == "0:00:20"
