"""The time left of a command comes true, also where its pieces are long."""

from __future__ import annotations

import heapq
import math
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress

from theory_check.cli.time_left import Forecast, TimeLeft
from theory_check.experiments.costs import SECONDS_PER_WORK
from theory_check.simulation.units import plan_units
from theory_check.verification.plan import find_profile, plan_run

LENGTH = 60.0
#: Rounding of sums of times, in seconds: times are below 1e6 seconds, and sums have fewer than 1e4 terms.
ROUNDING = 1e-5


def ends(lengths, processors):
    """When pieces end that are begun in this order, as soon as a processor is free: (time, piece), in order of time."""
    running, found = [0.0] * processors, []
    for number, length in enumerate(lengths):
        end = heapq.heappop(running) + length
        heapq.heappush(running, end)
        found.append((end, number))
    return sorted(found)


def follow(works, lengths, processors, *, kept=0, piece=0.0):
    """Yield (now, time left, finished pieces), at several times between the ends of two pieces."""
    forecast = Forecast(processors, piece)
    done, total, last = kept, kept + sum(works), 0.0
    forecast.report(done, total, 0.0)
    for finished, (end, number) in enumerate(ends(lengths, processors)):
        # The last of them: just before the piece ends.
        for share in (0.0, 0.3, 1.0):
            now = last + share * (end - last)
            yield now, forecast.left(now), finished
        last, done = end, done + works[number]
        forecast.report(done, total, end)
    yield last, forecast.left(last), len(works)


@given(
    pieces=st.integers(1, 40),
    processors=st.integers(1, 9),
    length=st.floats(0.01, 3000.0),
    expected=st.floats(0.1, 10.0),
    kept=st.integers(0, 5),
)
def test_pieces_of_one_length_end_when_it_says(pieces, processors, length, expected, kept):
    work = 10**6
    seen = list(follow([work] * pieces, [length] * pieces, processors, kept=kept * work, piece=expected * work))
    last = length * math.ceil(pieces / processors)
    for now, left, finished in seen:
        assert left >= 0.0
        if finished:
            assert left == pytest.approx(last - now, abs=ROUNDING)
    # It never jumps, but where the expectation was wrong.
    for (_, before, finished), (_, after, _) in pairwise(seen):
        if finished:
            assert after <= before + ROUNDING


@given(
    lengths=st.lists(st.floats(0.8, 1.25), min_size=2, max_size=40),
    processors=st.integers(1, 9),
    length=st.floats(0.01, 3000.0),
)
def test_pieces_of_about_one_length_end_within_a_round_of_what_it_says(lengths, processors, length):
    lengths = [length * one for one in lengths]
    last = ends(lengths, processors)[-1][0]
    for now, left, finished in follow([10**6] * len(lengths), lengths, processors, piece=1e6):
        assert left >= 0.0
        if finished:
            # The length of a piece is known to a factor of 1.25 / 0.8: that of the rounds left is, and then one round.
            rounds = (last - now) * (1.25 / 0.8 - 1.0)
            assert abs(left - (last - now)) <= rounds + 1.25 * length + ROUNDING


@cache
def unit_works(claim):
    """The work of the units of a claim of standard, the longest first."""
    merged = plan_run((claim,), find_profile("standard")).workload.merged
    units = [unit for experiment, most in merged.values() for unit in plan_units(experiment, most, 0)]
    return sorted((round(1e6 * SECONDS_PER_WORK * unit.work) for unit in units), reverse=True)


@pytest.mark.parametrize("claim", ["E7", "E13"])
@pytest.mark.parametrize("processors", [1, 2, 16])
@pytest.mark.parametrize("slower", [1.0, 60.0])
def test_a_claim_ends_when_it_says(claim, processors, slower):
    """The largest claims of standard, on a machine as it is expected to be and on one as slow as a crowd makes it."""
    works = unit_works(claim)
    lengths = [slower * work / 1e6 for work in works]
    last, longest = ends(lengths, processors)[-1][0], max(lengths)
    for now, left, finished in follow(works, lengths, processors):
        assert (left is None) == (finished == 0)
        if finished >= processors:
            assert abs(left - (last - now)) <= longest


def test_before_a_piece_is_finished_the_expectation_counts_until_it_is_exceeded():
    forecast = Forecast(2, piece=50e6)
    assert forecast.left(0.0) is None
    forecast.report(0, 300_000_000, 0.0)
    assert forecast.left(0.0) == 150.0
    assert forecast.left(40.0) == 110.0
    # 80 s are in a round of 50: this one may end at any time, and the two others take as long.
    assert forecast.left(80.0) == pytest.approx(160.0)


def test_work_that_is_ended_after_a_time_ends_then():
    forecast = Forecast(1, most=100.0)
    forecast.report(0, 10, 5.0)
    forecast.report(1, 10, 55.0)
    assert forecast.left(55.0) == 50.0
    assert forecast.left(110.0) == 0.0


def test_the_column_counts_down_between_pieces():
    clock = [0.0]
    forecast = Forecast(2, piece=10e6)
    column = TimeLeft(forecast)
    progress = Progress(column, get_time=lambda: clock[0], disable=True)
    progress.add_task("train", total=None)
    (task,) = progress.tasks
    assert str(column.render(task)) == "-:--:--"

    def shown(*done, now, last):
        for one in done:
            forecast.report(10_000_000 * one, 40_000_000, last)
        clock[0] = now
        return str(column.render(task))

    assert shown(0, now=0.0, last=0.0) == "0:00:20"
    assert shown(1, 2, now=90.0, last=90.0) == "0:01:30"
    assert shown(now=120.0, last=90.0) == "0:01:00"
    assert shown(3, 4, now=180.0, last=180.0) == "0:00:00"
