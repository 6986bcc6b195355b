"""Repetition of the confirmation of a candidate: a network as a text, a command, and a few lines of Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from theory_check.experiments.cell import Cell
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.sweep import Sweep
from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import SpecificationError
from theory_check.verification.plan import find_claim as find_claim  # the lines of `repetition` import it from here
from theory_check.verification.search import Confirmation, SearchResult

#: The experiments that a spelled network may be.
_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (Cell, Euler, EulerMaruyama, FirstStep, Sweep)}


def spell_network(network: Any) -> str:
    """Return a network as ``Cell {...}``, JSON without the fields that have their default."""
    values = msgspec.to_builtins(network)
    given = {f.name: values[f.name] for f in fields(network) if getattr(network, f.name) != f.default}
    return f"{type(network).__name__} {json.dumps(given)}"


def read_network(text: str) -> Any:
    """Read what :func:`spell_network` wrote.

    Raises
    ------
    SpecificationError
    """
    kind, _, values = text.partition(" ")
    check_choice("kind of network", kind, _KINDS)
    try:
        return msgspec.json.decode(values, type=_KINDS[kind])
    except msgspec.DecodeError as error:
        raise SpecificationError(f"not the JSON of a {kind}: {error}") from error


def repetition(result: SearchResult, confirmation: Confirmation, claims_file: Path | None = None) -> tuple[str, str]:
    """Return a command, and a few lines of Python, that repeat a confirmation.

    Parameters
    ----------
    result : SearchResult
    confirmation : Confirmation
    claims_file : Path, optional
        The file of own claims that the search was given.

    Returns
    -------
    (str, str)
    """
    claim, check = result.claim.id, confirmation.suspected.check
    network = spell_network(confirmation.suspected.network)
    options = " --everywhere" if result.everywhere else ""
    options += f" --claims {shlex.quote(str(claims_file))}" if claims_file else ""
    own = f", own_regime(load_claims(Path({str(claims_file)!r})))" if claims_file else ""
    imports = ("from pathlib import Path", "from theory_check.verification.user_claims import load_claims, own_regime")
    command = (
        f"theory-check search {claim} --seed {result.seed} --level {confirmation.level!r}{options} --check {check} "
        f"--network {shlex.quote(network)}"
    )
    lines = (
        *(imports if own else ()),
        "from theory_check.verification.repetition import find_claim, read_network",
        "from theory_check.verification.search import confirm",
        f"network = read_network({network!r})",
        f"claim = find_claim({claim!r}{own})",
        f"print(confirm(claim, network, {check!r}, seed={result.seed}, level={confirmation.level!r}, "
        f"everywhere={result.everywhere}))",
    )
    return command, "\n".join(lines)
