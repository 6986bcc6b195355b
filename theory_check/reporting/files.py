"""A report as files: ``REPORT.md``, ``results.json`` and ``figures/*.png``."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from theory_check.findings.pictures import Picture
from theory_check.findings.run import RunRecord, Table
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import make_directory, write_atomically
from theory_check.reporting.drawing import draw
from theory_check.reporting.markdown import render_report
from theory_check.reporting.results import encode_results, load_results


def write_report(
    record: RunRecord, directory: Path, pictures: Sequence[Picture], tables: Sequence[Table] = ()
) -> list[Path]:
    """Write the report on a run into a folder, each file whole or not at all.

    Pictures come first and ``REPORT.md`` last, so that a report never links to a picture that is not
    there yet. Pictures that the previous report in this folder had and this one has not are removed;
    nothing else is.

    Parameters
    ----------
    record : RunRecord
    directory : Path
        Created unless it exists.
    pictures : sequence of Picture
        Those that the record names.
    tables : sequence of Table
        Tables of the report besides that of the claims.

    Returns
    -------
    list of Path
        The files written, ``REPORT.md`` first.

    Raises
    ------
    SpecificationError
        If two pictures share a name, one that the record names is not given, or a value is outside the schema of the
        results.
    StorageError
        If a file cannot be written.
    """
    names = _picture_names(record)
    if len(set(names)) < len(names):
        raise SpecificationError("two pictures of the report share a name")
    if sorted(names) != sorted(picture.name for picture in pictures):
        raise SpecificationError(f"the report names the pictures {', '.join(names)}; give these")
    report, results = render_report(record, tables), encode_results(record)
    figures = directory / "figures"
    make_directory(figures)
    outdated = _names_before(directory / "results.json") - set(names)
    drawn = [figures / f"{picture.name}.png" for picture in pictures]
    for path, picture in zip(drawn, pictures, strict=True):
        draw(picture, path)
    written = [directory / "REPORT.md", directory / "results.json"]
    write_atomically(written[1], results)
    write_atomically(written[0], report)
    for name in outdated:
        with contextlib.suppress(OSError):
            (figures / f"{name}.png").unlink(missing_ok=True)
    return written + drawn


def _names_before(results: Path) -> set[str]:
    try:
        return set(_picture_names(load_results(results)))
    except StorageError:
        return set()


def _picture_names(record: RunRecord) -> list[str]:
    return [picture.name for regime in record.regimes for picture in regime.pictures]
