"""The bibliography: works that statements cite by key, ``@marion2025``."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

from theory_check.claims import Claim

_KEY = re.compile(r"@([a-z]+\d{4})\b")


@cache
def bibliography() -> dict[str, str]:
    """Return the text of each work by its key, from ``references.toml``."""
    content = resources.files("theory_check.catalogue").joinpath("references.toml").read_text(encoding="utf-8")
    return {key: entry["text"] for key, entry in tomllib.loads(content).items()}


def cited_keys(text: str) -> set[str]:
    """Return the keys that a text cites."""
    return set(_KEY.findall(text))


def written_out(text: str) -> str:
    """Return a text with the works that it cites written out."""
    works = bibliography()
    return _KEY.sub(lambda found: works.get(found[1], found[0]), text)


def origin(claim: Claim) -> str:
    """Return where a claim is from, with the works that it cites written out and the claims that it sharpens."""
    text = written_out(claim.source)
    return f"{text}; sharpens {', '.join(claim.sharpens)}" if claim.sharpens else text
