"""Searches beside a report: ``searches/CLAIM.json`` with pictures, which the page of the claim shows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from theory_check.findings.pictures import Picture
from theory_check.findings.searches import SearchSummary
from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import write_together
from theory_check.foundation.records import encode_record, load_record
from theory_check.reporting.drawing import darkened, render

_VERSION = 1


def write_search(search: SearchSummary, picture: Picture, directory: Path) -> Path:
    """Write a search into the folder of a report, in place of the one before of the same claim.

    Parameters
    ----------
    search : SearchSummary
    picture : Picture
        Of its networks.
    directory : Path
        Created unless it exists.

    Returns
    -------
    Path
        The file of the search.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    light, dark = (directory / path for path in search_pictures(search))
    written = directory / "searches" / f"{search.name}.json"
    drawn = render(picture.panels)["png"]
    write_together({light: drawn, dark: darkened(drawn), written: encode_record(search, _VERSION, "search")})
    return written


def read_searches(directory: Path, claims: Iterable[str]) -> dict[str, tuple[SearchSummary, ...]]:
    """Return the searches of these claims beside a report: that of the domain first, then that beyond it.

    What cannot be read is left out: a run must not fail for it.
    """
    found: dict[str, tuple[SearchSummary, ...]] = {}
    for claim in claims:
        for ending in ("", "-everywhere"):
            path = directory / "searches" / f"{claim}{ending}.json"
            with suppress(StorageError):
                read = load_record(path, SearchSummary, (_VERSION,), "a search")
                found[claim] = (*found.get(claim, ()), read)
    return found


def search_pictures(search: SearchSummary) -> tuple[str, str]:
    """Return the paths of its picture in the folder of the report, for light and for dark backgrounds."""
    return f"figures/search-{search.name}.png", f"figures/dark/search-{search.name}.png"
