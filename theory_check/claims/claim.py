r"""Claims: a statement, where it comes from, and the checks that decide it, in one spelling for all authors.

>>> import theory_check as tc
>>> @tc.claim("X1", title="Mean displacement", formula=r"\mathbb{E}\,D = (1+a^2)^L - 1")
... def displacement(profile):
...     "The mean displacement of a linear network is one less than the mean of the squared norm ratio."
...     deep = tc.network("linear", width=20, depth=16)
...     mean = (1 + 1 / 16) ** 16 - 1
...     observed, margin = tc.Mean(tc.observables.DISPLACEMENT, variance_bound=4.0), 0.1 * profile.precision
...     yield tc.check("displacement", deep, "E D", observed, mean, margin=margin, wrong={"no growth": 0})
>>> displacement.id
'X1'
"""

from __future__ import annotations

import inspect
import reprlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from theory_check.claims.checks import Check
from theory_check.claims.domains import Domain
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.findings.pictures import Picture
from theory_check.findings.run import Correction
from theory_check.foundation.arguments import check_positive, check_text
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kinds
from theory_check.foundation.user_code import defined_at

#: Most checks of a claim: a function that never ends is stopped.
MAXIMAL_CHECKS = 10_000


@dataclass(frozen=True)
class Profile:
    """How deep the evidence goes: margins are multiplied by ``precision``, depths by ``depth``.

    ``budget`` is the processor time, in seconds of an ordinary core, that the simulation of a run may be expected to
    take if all statements hold: both cores of a small machine for half a minute, 8 min and 40 min. Three times as much
    may be needed at most.
    """

    name: str
    precision: float
    depth: int
    budget: float


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("quick", 1.0, 1, 60.0),
        Profile("standard", 0.4, 4, 900.0),
        Profile("nightly", 0.2, 8, 4500.0),
    )
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A theorem as an executable statement; :func:`claim` spells it and describes its fields.

    Attributes
    ----------
    statement : str
        In words.
    checks : callable
        The checks at a profile.
    remarks : tuple of str
        What a reader should know besides, Markdown.
    believed : bool
        Whether variance bounds and the like are stated without proof, and therefore tested on the samples.
    place : str
        Where it is defined, for errors, if that is a file of the user's.
    """

    id: str
    title: str
    statement: str
    formula: str
    source: str
    derivation: str
    hypotheses: str
    checks: Callable[[Profile], tuple[Check, ...]]
    sharpens: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    quick_precision: float = 1.0
    domain: Domain | None = None
    remarks: tuple[str, ...] = ()
    believed: bool = False
    place: str = ""


def claim(
    id: str,
    *,
    title: str = "",
    formula: str = "",
    source: str = "Own claim",
    sharpens: tuple[str, ...] = (),
    derivation: str = "Not stated",
    hypotheses: str = "Not stated",
    corrections: tuple[Correction, ...] = (),
    remarks: tuple[str, ...] = (),
    quick_precision: float = 1.0,
    domain: Domain | None = None,
) -> Callable[[Callable[[Profile], Check | Iterable[Check]]], Claim]:
    """Turn a function from a profile to one check, or to several, into a claim; its docstring is the statement.

    Parameters
    ----------
    id : str
        Letters, digits and hyphens.
    title : str
        A few words; default: the name of the function.
    formula : str
        LaTeX.
    source : str
        Where it is stated or derived; ``@key`` cites an entry of the bibliography.
    sharpens : tuple of str
        Ids of the claims that it makes more precise.
    derivation, hypotheses : str
        Why it holds, in short; what it needs.
    corrections : tuple of Correction
        Where the statement differs from its source.
    remarks : tuple of str
        What a reader should know besides, such as where a simpler statement ends; Markdown.
    quick_precision : float
        Factor of its margins at the quick profile alone, above 1 where they leave room before its variants come near:
        what the quick profile has no time for is left to the others.
    domain : Domain, optional
        The networks that it speaks of, with the checks of each: what ``theory-check search`` draws from.

    Returns
    -------
    callable
        A decorator whose result is the :class:`Claim`.

    Raises
    ------
    SpecificationError
        If an argument is of another kind, or the function has no docstring or does not take a profile; when it is
        planned, if it gives something else than checks, or checks whose names do not differ.
    """
    if not isinstance(id, str):
        raise SpecificationError(f'a claim has the id {id!r}; it must be text, as in @claim("X1")')
    texts = {"title": title, "formula": formula, "source": source, "derivation": derivation, "hypotheses": hypotheses}
    for what, text in texts.items():
        check_text(f"claim {id}: {what}", text)
    check_kinds(f"claim {id}: sharpens", sharpens, str, "the id of a claim")
    check_kinds(f"claim {id}: corrections", corrections, Correction, "a Correction")
    check_kinds(f"claim {id}: remarks", remarks, str, "a text")
    check_positive(f"claim {id}: quick_precision", quick_precision)
    if not (domain is None or isinstance(domain, Domain)):
        raise SpecificationError(f"claim {id}: domain is {domain!r}; it must be a Domain")

    def build(function: Callable[[Profile], Check | Iterable[Check]]) -> Claim:
        _check_function(id, function)
        place = defined_at(function)
        statement = " ".join((function.__doc__ or "").split())
        if not statement and sys.flags.optimize > 1:
            raise SpecificationError("claims are stated in docstrings, which Python drops under -OO; run it without")
        if not statement:
            raise SpecificationError(f"claim {id}: state it in the docstring of {function.__name__}")

        def checks(profile: Profile) -> tuple[Check, ...]:
            made = function(profile)
            found = tuple(islice(made, MAXIMAL_CHECKS + 1)) if isinstance(made, Iterable) else (made,)
            if len(found) > MAXIMAL_CHECKS:
                raise SpecificationError(f"claim {id}: it gives more than {MAXIMAL_CHECKS} checks")
            for part in found:
                if not isinstance(part, Check):
                    raise SpecificationError(
                        f"claim {id}: it gives {type(part).__name__} {reprlib.repr(part)}, not what check(...) returns"
                    )
            names = [check.name for check in found]
            if not found or len(set(names)) < len(names):
                raise SpecificationError(f"claim {id}: needs checks of different names, not {names}")
            return found

        return Claim(
            id=id, title=title or function.__name__.replace("_", " ").strip().capitalize(), statement=statement,
            formula=formula, source=source, sharpens=sharpens, derivation=derivation, hypotheses=hypotheses,
            checks=checks, corrections=corrections, remarks=remarks, quick_precision=quick_precision,
            domain=domain, place=place,
        )  # fmt: skip

    return build


def _check_function(id: str, function: object) -> None:
    """Raise unless a claim is made of a plain function of a profile."""
    if (
        not inspect.isfunction(function)
        or inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise SpecificationError(
            f"claim {id}: it is made of {reprlib.repr(function)}; make it of a plain function of a profile"
        )
    try:
        inspect.signature(function).bind(PROFILES["quick"])
    except TypeError as error:
        raise SpecificationError(f"claim {id}: {function.__name__} must take a profile alone: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """A picture of a regime.

    Attributes
    ----------
    experiments : callable
        The experiments it needs at a profile, each with a number of replicates.
    draw : callable
        Makes the picture from their samples, in this order.
    """

    experiments: Callable[[Profile], Mapping[Experiment, int]]
    draw: Callable[[Sequence[Sample[Any]]], Picture]


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A group of claims that the report treats together; the first page shows the pictures of a ``headline``."""

    name: str
    title: str
    text: str
    formula: str
    claims: tuple[Claim, ...]
    illustrations: tuple[Illustration, ...] = ()
    headline: bool = False
