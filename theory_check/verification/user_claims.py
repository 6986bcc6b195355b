"""Claims that are no part of the catalogue: a file of them, the regime that they form in a report, picture and data.

They take places of the family level that the catalogue leaves free, one each, at the level that every claim has: levels
of the catalogue stay as they are, and the chance of any false alarm in a run of both stays at most the family level.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from theory_check.catalogue.regimes import REGIMES, all_claims
from theory_check.claims.claim import Claim, Illustration, Regime
from theory_check.claims.divergence import leave_out_diverged
from theory_check.claims.planning import PLACES, PlannedCheck
from theory_check.experiments.experiment import Sample
from theory_check.findings.run import PointData
from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import SpecificationError, TheoryCheckError
from theory_check.foundation.user_code import described, located, module_name, user_place
from theory_check.networks.additions import add_definition
from theory_check.networks.definitions import Definition

_NAME = "own"

_T = TypeVar("_T")


def own_regime(own: Iterable[Claim | Illustration], source: str = "") -> Regime | None:
    """Return the regime of own claims and pictures, from ``source`` if it is given; None if there are none.

    Raises
    ------
    SpecificationError
        For an id that is taken, or cannot be told from a point's, and for more claims than there are free places.
    """
    given = tuple(own)
    found = tuple(value for value in given if isinstance(value, Claim))
    if not found:
        return None
    # Files are named after claims: "N1" and "n1" would be one.
    taken = [claim.id.lower() for claim in all_claims()]
    for claim in found:
        if not re.fullmatch("[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", claim.id):
            raise SpecificationError(f"claim {claim.id!r}: an id is made of letters and digits, with single hyphens")
        if claim.id.lower() in taken:
            raise SpecificationError(f"claim {claim.id}: the id is taken; choose another")
        taken.append(claim.id.lower())
    known = [claim.id for claim in (*all_claims(), *found)]
    for claim in found:
        with located(claim.place):
            for other in claim.sharpens:
                check_choice(f"claim that {claim.id} sharpens", other, known)
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
        claims=tuple(replace(claim, believed=True) for claim in found),
        illustrations=tuple(value for value in given if isinstance(value, Illustration)),
    )


def is_own(regime: Regime) -> bool:
    """Tell whether a regime is that of own claims."""
    return regime.name == _NAME


def regimes_with(own: Regime | None) -> tuple[Regime, ...]:
    """Return the regimes of the catalogue, and after them that of the own claims."""
    return REGIMES if own is None else (*REGIMES, own)


def own_data(
    regimes: Iterable[tuple[Regime, Iterable[tuple[Claim, Iterable[PlannedCheck]]]]],
    samples: Mapping[str, Sequence[Sample[Any]]],
) -> tuple[PointData, ...]:
    """Return the values that the points of own claims were judged on; samples come by the id of the point."""
    return tuple(
        _values(planned, samples[planned.id])
        for regime, claims in regimes
        for _, checks in claims
        for planned in checks
        if is_own(regime)
    )


def _values(planned: PlannedCheck, samples: Sequence[Sample[Any]]) -> PointData:
    check = planned.check
    converged = leave_out_diverged(check, samples)
    arrays = () if converged.violation else check.estimator.values(converged.samples)
    found = [array for values in arrays for array in np.atleast_2d(values.T)]
    names = ["value"] if len(found) == 1 else [f"value_{number}" for number in range(1, len(found) + 1)]
    notes = (
        f"{planned.id}: {check.quantity}",
        f"formula: {check.estimator.observable.formula}",
        f"seed: {samples[0].seed}; a row per replicate",
        *([f"left out: {converged.left_out} replicates with a training that diverged"] if converged.left_out else ()),
        *(f"experiment {place}: {sample.experiment}" for place, sample in enumerate(samples)),
    )
    return PointData(planned.id, notes, dict(zip(names, found, strict=True)))


class _Uncached(SourceFileLoader):
    """Compiles a file each time: nothing of ours appears beside it."""

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Keep no compiled code."""


def load_definitions(path: Path) -> ModuleType:
    """Run a file and add the definitions among its global names, for the life of this process.

    Weight laws, processes, activations, branches and input laws: :mod:`theory_check.networks.additions`. The file is a
    program: run only what you would run with Python.

    Returns
    -------
    module

    Raises
    ------
    SpecificationError
        If the file is not there, fails, or defines what is not accepted.
    """
    if not path.is_file():
        raise SpecificationError(f"claims file {path}: there is no such file")
    name = module_name(path)
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise SpecificationError(f"claims file {path}: it is not a Python file, NAME.py")
    specification.loader = _Uncached(name, str(path))
    module = importlib.util.module_from_spec(specification)
    # Dataclasses of the file look for their module.
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
        for definition in _globals(module, Definition):
            add_definition(definition)
    except TheoryCheckError as error:
        place = user_place(error)
        raise SpecificationError(f"claims file {path}: {error}{f' (line {place[1]})' if place else ''}") from error
    except (Exception, SystemExit) as error:
        raise SpecificationError(f"claims file {path}: {described(error)}") from error
    return module


def add_source(name: str, source: bytes) -> None:
    """Add the definitions of a file that is on another machine, and let what was pickled there find its module.

    Parameters
    ----------
    name : str
        Of the file, without its folder.
    source : bytes
        Its content.
    """
    with tempfile.TemporaryDirectory(prefix="theory-check-") as folder:
        path = Path(folder) / name
        path.write_bytes(source)
        load_definitions(path)


def load_claims(path: Path) -> tuple[Claim | Illustration, ...]:
    """Run a file of claims; return the claims among its global names in the order of their definition, then pictures.

    Definitions among its global names are added first, see :func:`load_definitions`.

    Raises
    ------
    SpecificationError
        If the file is not there, fails, or names no claim.
    """
    module = load_definitions(path)
    claims = _globals(module, Claim)
    if not claims:
        raise SpecificationError(f"claims file {path}: it names no claim; write one with theory_check.claim")
    return (*claims, *_globals(module, Illustration))


def _globals(module: object, kind: type[_T]) -> tuple[_T, ...]:
    # A value with two names counts once.
    return tuple({id(value): value for value in vars(module).values() if isinstance(value, kind)}.values())
