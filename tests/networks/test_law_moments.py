"""Moments of transforms by adaptive integration: honest laws within their bounds, and laws that are not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.additions import add_law, temporary_additions
from theory_check.networks.law_moments import entry_moments
from theory_check.networks.weight_laws import LAWS, WeightLaw, _truncated

BUILT_IN = {law.name: law for law in LAWS if law.transform is not None}


def quantile(u):
    """Normal quantile, by that of truncated normal entries without bounds."""
    return _truncated(u, 0.0, (0.0, 1.0, 1.0))


def law(transform, kurtosis, **changes):
    return WeightLaw(name="own", transform=transform, kurtosis=lambda _: kurtosis, **changes)


def lognormal(u, v, _):
    return (math.exp(0.5 * quantile(u)) - math.exp(0.125)) / math.sqrt((math.exp(0.25) - 1.0) * math.exp(0.25))


def pareto(exponent):
    """Symmetric, of tails of that exponent, and of unit variance where it is above 2."""
    scale = math.sqrt((exponent - 2.0) / exponent) if exponent > 2.0 else 0.1
    return lambda u, v, _: (scale if v < 0.5 else -scale) * u ** (-1.0 / exponent)


#: Laws that people write, and their kurtosis.
HONEST = {
    "logistic": law(lambda u, v, _: math.log(u / (1.0 - u)) * math.sqrt(3.0) / math.pi, 4.2),
    "normal by inversion": law(lambda u, v, _: quantile(u), 3.0),
    "normal by polar coordinates": law(
        lambda u, v, _: math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v), 3.0
    ),
    "normal by polar coordinates, exchanged": law(
        lambda u, v, _: math.sqrt(-2.0 * math.log(v)) * math.cos(2.0 * math.pi * u), 3.0
    ),
    "contaminated normal": law(
        lambda u, v, _: quantile(u) * (5.0 if v < 0.01 else 1.0) / math.sqrt(1.24), 3.0 * (0.99 + 6.25) / 1.24**2
    ),
    "signs by comparison": law(lambda u, v, _: 1.0 if u < v else -1.0, 1.0, discrete=True),
    "rare and large": law(
        lambda u, v, _: (100.0 if v < 0.5 else -100.0) if u < 1e-4 else 0.0, 1e4, discrete=True
    ),
    "two halves of the bits": law(lambda u, v, _: math.sqrt(12.0) * (u * 65536.0 % 1.0 - 0.5), 1.8),
    "lognormal": law(lognormal, 8.8984, skewness=1.7502),
    "slow tails": law(pareto(4.5), (4.5 / 0.5) / (4.5 / 2.5) ** 2),
    "no fourth moment": law(pareto(3.0), math.inf),
    "no variance": law(pareto(1.5), math.inf, variance=lambda _: math.inf),
    "zero": law(lambda u, v, _: 0.0, 0.0, variance=lambda _: 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_law_is_accepted(name):
    with temporary_additions():
        add_law(HONEST[name])


@pytest.mark.parametrize(
    ("honest", "transform", "message"),
    [
        ("logistic", lambda u, v, _: math.log(u / (1.0 - u)) * math.sqrt(3.0) / 3.12, "variance is 1.014, it must be"),
        ("normal by inversion", lambda u, v, _: quantile(u) + 0.01, "mean is 0.01, it must be 0"),
        ("normal by inversion", lambda u, v, _: math.log(u / (1.0 - u)) * math.sqrt(3.0) / math.pi, "kurtosis is 4.2"),
        ("normal by inversion", lambda u, v, _: (60.0 if v < 0.5 else 0.0) if u < 0.0039 else quantile(u), "mean is"),
        ("normal by inversion", lambda u, v, _: 40.0 * (v - 0.5) if 0.3 < u < 0.312 else quantile(u), "mean is 0.006"),
        ("normal by inversion", lambda u, v, _: math.tan(math.pi * (u - 0.5)), "does not exist, its tails are too"),
        ("no fourth moment", pareto(2.0), "its variance does not exist, its tails are too heavy; it must be 1"),
        ("no fourth moment", pareto(1.9), "its variance does not exist"),
        ("slow tails", pareto(3.5), "its kurtosis does not exist"),
        ("lognormal", lambda u, v, _: -lognormal(u, v, _), "third moment is -1.75, it must be 1.75"),
        ("signs by comparison", lambda u, v, _: 1.0 if u < 1.02 * v else -1.0, "mean is 0.019"),
        ("logistic", lambda u, v, _: math.log(u - 0.5), "fails with ValueError"),
    ],
)  # fmt: skip
def test_a_law_that_is_not_what_it_says_is_refused(honest, transform, message):
    with temporary_additions(), pytest.raises(SpecificationError, match=message):
        add_law(replace(HONEST[honest], transform=transform))


def centred(scale, shift=0.0):
    return lambda u, v, _: scale * (u - 0.5) + shift


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, ""), ({"transform": centred(3.464)}, ""),
        ({"transform": centred(math.sqrt(12.036))}, "variance is 1.003, it must be 1"),
        ({"transform": centred(math.sqrt(12.0), 0.0015)}, "mean is 0.0015, it must be 0"),
        ({"kurtosis": lambda _: math.nan}, "its kurtosis is nan"), ({"kurtosis": 1.8}, "fails with TypeError"),
        ({"variance": lambda _: math.nan}, "its variance nan"), ({"variance": lambda p: p["df"]}, "KeyError"),
    ],
)  # fmt: skip
def test_moments_are_numbers_and_the_first_two_are_those_of_the_contract(changes, message):
    """The square root of 12 to four digits gives a variance of .99994; half a per cent more would refute a theorem."""
    uniform = replace(law(centred(math.sqrt(12.0)), 1.8), **changes)
    with temporary_additions():
        if message:
            with pytest.raises(SpecificationError, match=message):
                add_law(uniform)
        else:
            add_law(uniform)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("laplace", {}), ("sparse", {}), ("sparse", {"density": 1e-3}), ("sparse", {"density": 0.37}), ("student", {}),
        ("student", {"df": 4.5}), ("student", {"df": 30.0}), ("truncated-normal", {}),
        ("truncated-normal", {"bound": 4.0}),
    ],
)  # fmt: skip
def test_bounds_hold_for_built_in_laws(name, parameters):
    definition = BUILT_IN[name]
    complete = definition.complete(name, parameters)
    found = entry_moments(definition.transform, definition.constants(complete))
    for value, bound, expected in zip(
        found.values, found.bounds, (0.0, 1.0, 0.0, definition.kurtosis(complete)), strict=True
    ):
        # The ends of cells are moved by 1e-9 of their width.
        assert abs(value - expected) <= bound + 1e-8 * max(1.0, expected)
        assert bound <= (0.01 if name != "student" or complete["df"] > 4.9 else 0.2)


@pytest.mark.parametrize("place", [0.1, 0.2899999, 0.3, 0.4999, 0.7312, 1e-3, 1.0 - 3e-5])
def test_the_bound_holds_wherever_a_law_jumps(place):
    found = entry_moments(lambda u, v, _: 1.0 if u < place else -2.0, ())
    for order, (value, bound) in enumerate(zip(found.values, found.bounds, strict=True), 1):
        assert abs(value - (place + (1.0 - place) * (-2.0) ** order)) <= bound + 1e-7
