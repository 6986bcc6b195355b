"""A number of a wrong kind, or out of range, ends in one line of the package before anything is computed."""

from __future__ import annotations

import math

import pytest

import theory_check as tc
from theory_check.verification.plan import find_claim
from theory_check.verification.search import confirm, search

CELL = tc.network("linear", width=3, depth=4)
SAMPLE = tc.simulate(CELL, 5)
E3 = find_claim("E3", None)
SIZE = {"width": 3, "depth": 4}

#: By function: a call that is accepted but for the arguments that are given, and the numbers that it takes.
CALLS = {
    "simulate": (lambda **given: tc.simulate(CELL, **{"replicates": 5, **given}),
                 ("replicates", "seed", "threads", "memory")),
    "verify": (lambda **given: tc.verify(["E8"], **given), ("seed", "threads", "budget")),
    "search": (lambda **given: search(E3, **given), ("examples", "minutes", "seed", "level")),
    "confirm": (lambda **given: confirm(E3, CELL, "linear-gaussian-d3", **{"seed": 1, "level": 0.01, **given}),
                ("seed", "level")),
    "network": (lambda **given: tc.network(**{**SIZE, **given}), ("width", "depth", "beta", "scale", "inputs")),
    "sweep": (lambda **given: tc.sweep(**{**SIZE, "betas": (0.5,), **given}), ("width", "depth", "inputs")),
    "path_networks": (lambda **given: tc.path_networks("linear", "smooth", **{**SIZE, "doublings": 1, **given}),
                      ("width", "depth", "doublings", "beta", "tolerance")),
    "brownian_networks": (lambda **given: tc.brownian_networks("linear", **{**SIZE, "doublings": 1, **given}),
                          ("width", "depth", "doublings")),
    "training": (lambda **given: tc.training(**{**SIZE, "epochs": 1, **given}),
                 ("width", "depth", "beta", "scale", "weights_power", "learning_rate", "rate_power", "decay",
                  "decay_after", "batch", "epochs", "validation_share")),
    "first": (lambda **given: SAMPLE.first(**given), ("replicates",)),
}  # fmt: skip

#: Numbers for which None stands for a default.
OPTIONAL = {"threads", "budget", "beta", "scale"}
#: Numbers that are not whole; of these some are read from text, and minutes may be without end.
REAL = {"budget", "minutes", "level", "beta", "scale", "tolerance", "weights_power", "learning_rate", "rate_power",
        "decay", "validation_share"}  # fmt: skip
#: Whole numbers, or real ones above 0, that have no upper end in the package.
ENDLESS = {("first", "replicates")}
#: Real numbers that may not be negative.
POSITIVE = {"budget", "minutes", "level", "tolerance", "learning_rate", "decay", "validation_share"}

WRONG_KINDS = ("ten", b"10", True, math.nan, 1j, object(), {}, None)


def cases():
    for function, (_, names) in CALLS.items():
        for name in names:
            yield from ((function, name, value) for value in WRONG_KINDS if not (value is None and name in OPTIONAL))
            if name not in REAL:
                yield from ((function, name, value) for value in (1.5, "10", -1, math.inf, [1]))
            if name not in REAL and (function, name) not in ENDLESS:
                yield function, name, 10**30
            if name in POSITIVE:
                yield function, name, -0.5


@pytest.mark.parametrize(("function", "name", "value"), tuple(cases()), ids=lambda part: repr(part)[:20])
def test_a_number_that_is_none_is_refused_in_one_line(function, name, value):
    with pytest.raises(tc.SpecificationError) as caught:
        CALLS[function][0](**{name: value})
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 250


def test_the_replicates_are_named_before_they_are_compared():
    with pytest.raises(
        tc.SpecificationError, match="number of replicates is '10'; it must be a whole number from 1 to"
    ):
        tc.simulate(CELL, "10", seed=1)


def test_calls_with_fitting_numbers_are_accepted():
    assert tc.simulate(CELL, 5, 1, threads=1, memory=0).replicates == 5
    assert SAMPLE.first(3).replicates == 3
    assert SAMPLE.first(10**30).replicates == 5
