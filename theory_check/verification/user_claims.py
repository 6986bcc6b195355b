"""Claims that are no part of the catalogue: a file of them, and the regime that they form in a report.

They take places of the family level that the catalogue leaves free, one each, at the level that every claim has: levels
of the catalogue stay as they are, and the chance of any false alarm in a run of both stays at most the family level.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from theory_check.catalogue.regimes import REGIMES, all_claims
from theory_check.claims.claim import Claim, Regime
from theory_check.claims.planning import PLACES
from theory_check.foundation.errors import SpecificationError, TheoryCheckError
from theory_check.networks.additions import add_law
from theory_check.networks.weight_laws import WeightLaw

_NAME = "own"

_T = TypeVar("_T")


def own_regime(claims: Iterable[Claim], source: str = "") -> Regime | None:
    """Return the regime of own claims, from ``source`` if it is given; None if there are none.

    Raises
    ------
    SpecificationError
        For an id that is taken, or cannot be told from a point's, and for more claims than there are free places.
    """
    found = tuple(claims)
    if not found:
        return None
    taken = [claim.id for claim in all_claims()]
    for claim in found:
        if not re.fullmatch("[A-Za-z][A-Za-z0-9-]*", claim.id):
            raise SpecificationError(f"claim {claim.id!r}: an id is made of letters, digits and hyphens")
        if claim.id in taken:
            raise SpecificationError(f"claim {claim.id}: the id is taken; choose another")
        taken.append(claim.id)
    free = PLACES - len(taken) + len(found)
    if len(found) > free:
        raise SpecificationError(
            f"{len(found)} claims of your own are too many for one run; {free} places of the family level are free"
        )
    origin = f" From `{source}`." if source else ""
    return Regime(
        name=_NAME,
        title="Own claims",
        text="Claims that are no part of the catalogue. Each has a place of its own in the family level, with the "
        f"level that every claim has.{origin}",
        formula="",
        claims=found,
    )


def regimes_with(own: Regime | None) -> tuple[Regime, ...]:
    """Return the regimes of the catalogue, and after them that of the own claims."""
    return REGIMES if own is None else (*REGIMES, own)


def load_claims(path: Path) -> tuple[Claim, ...]:
    """Run a file of claims and return those among its global names, in the order of their definition.

    Weight laws among its global names are added first (:func:`theory_check.networks.additions.add_law`), for the
    life of this process. The file is a program: run only what you would run with Python.

    Raises
    ------
    SpecificationError
        If the file is not there, fails, or names no claim.
    """
    if not path.is_file():
        raise SpecificationError(f"claims file {path}: there is no such file")
    name = f"theory_check_claims_{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise SpecificationError(f"claims file {path}: it is not a Python file, NAME.py")
    module = importlib.util.module_from_spec(specification)
    # Dataclasses of the file look for their module.
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
        for law in _globals(module, WeightLaw):
            add_law(law)
    except TheoryCheckError as error:
        raise SpecificationError(f"claims file {path}: {error}") from error
    except Exception as error:
        text = " ".join(str(error).split())
        raise SpecificationError(f"claims file {path}: {type(error).__name__}: {text}") from error
    claims = _globals(module, Claim)
    if not claims:
        raise SpecificationError(f"claims file {path}: it names no claim; write one with theory_check.claim")
    return claims


def _globals(module: object, kind: type[_T]) -> tuple[_T, ...]:
    # A value with two names counts once.
    return tuple({id(value): value for value in vars(module).values() if isinstance(value, kind)}.values())
