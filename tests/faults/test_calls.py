"""Drawn calls of public functions answer with numbers, or raise an error of the package; soon."""

from __future__ import annotations

import math
import signal
import warnings

import pytest
from drawn_calls import call, calls, functions, numbers
from fault_parts import in_parts, part_of_draws
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theory_check as tc
from theory_check.networks.additions import temporary_additions

#: Seconds of processor time.
PATIENCE = 5


class HangError(BaseException):
    """A call has taken too long."""


def _stop(*_):
    raise HangError


def has_nan(value):
    return any(math.isnan(number) for number in numbers(value))


@pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="a signal of Unix")
@pytest.mark.parametrize(("part", "number"), in_parts(120, 10_000))
def test_drawn_calls(part, number, pytestconfig):
    before = signal.signal(signal.SIGVTALRM, _stop)

    @part_of_draws(part, pytestconfig)
    @settings(max_examples=number, suppress_health_check=list(HealthCheck))
    @given(calls())
    def check(drawn):
        name, arguments, fitting = drawn
        # What a function that was given raises is its caller's; one of a wrong kind may raise what it likes.
        foreign = not fitting and any(map(callable, arguments.values()))
        accepted: tuple[type[Exception], ...] = (Exception,) if foreign else (tc.TheoryCheckError,)
        signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
        try:
            with temporary_additions(), warnings.catch_warnings():
                warnings.simplefilter("error")
                result = call(name, arguments)
        except accepted:
            return
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        assert not has_nan(result) or any(map(has_nan, arguments.values()))

    try:
        check()
    finally:
        signal.signal(signal.SIGVTALRM, before)


def test_every_part_draws_its_own_under_one_seed():
    class Config:
        def getoption(self, _name):
            return "7"

    def first_of(part):
        drawn = []

        @part_of_draws(part, Config())
        @settings(max_examples=3, database=None)
        @given(st.integers(0, 10**9))
        def draw(number):
            drawn.append(number)

        draw()
        return drawn

    assert first_of(1) == first_of(1) != first_of(2)


def test_most_public_functions_are_called():
    assert len(functions()) > 150
