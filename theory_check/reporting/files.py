"""A report as files: ``REPORT.md``, ``results.json``, ``figures/*.png`` and ``data/*.csv``."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote

from theory_check.findings.pictures import Picture
from theory_check.findings.run import PointData, RunRecord, Table
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import make_directory, write_atomically, write_together
from theory_check.reporting.drawing import draw
from theory_check.reporting.markdown import render_report
from theory_check.reporting.results import encode_results, load_results


def write_report(
    record: RunRecord,
    directory: Path,
    pictures: Sequence[Picture],
    tables: Sequence[Table] = (),
    data: Sequence[PointData] = (),
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
    data : sequence of PointData
        Values of points, each for a file.

    Returns
    -------
    list of Path
        The files written, ``REPORT.md`` first.

    Raises
    ------
    SpecificationError
        If two files share a name, a picture that the record names is not given, or a value is outside the schema of the
        results.
    StorageError
        If a file cannot be written.
    """
    names = _picture_names(record)
    if len(set(names)) < len(names):
        raise SpecificationError("two pictures of the report share a name")
    values = {_data_name(point.id): point for point in data}
    if len(values) < len(data):
        raise SpecificationError("the values of two points of the report share a name")
    if sorted(names) != sorted(picture.name for picture in pictures):
        raise SpecificationError(f"the report names the pictures {', '.join(names)}; give these")
    report, results = render_report(record, tables), encode_results(record)
    figures = directory / "figures"
    make_directory(figures)
    outdated = _files_before(directory)
    drawn = [figures / f"{picture.name}.png" for picture in pictures]
    for path, picture in zip(drawn, pictures, strict=True):
        draw(picture, path)
    filled = [directory / "data" / name for name in values]
    if filled:
        make_directory(directory / "data")
    for path, point in zip(filled, data, strict=True):
        write_atomically(path, _to_csv(point))
    written = [directory / "REPORT.md", directory / "results.json"]
    write_together({written[1]: results, written[0]: report})
    for path in outdated.difference(drawn, filled):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    return written + drawn + filled


def _files_before(directory: Path) -> set[Path]:
    """Return the pictures and values that a report of earlier may have left in the folder."""
    try:
        record = load_results(directory / "results.json")
    except StorageError:
        return set()
    pictures = {directory / "figures" / f"{name}.png" for name in _picture_names(record)}
    return pictures | {directory / "data" / _data_name(f.id) for claim in record.claims for f in claim.findings}


def _data_name(point: str) -> str:
    return f"{quote(point.replace('/', '-', 1), safe=' ')}.csv"


def _to_csv(point: PointData) -> str:
    """Return the notes as comments, a line of headings, and a line per replicate with all digits."""
    text = io.StringIO()
    text.writelines(f"# {' '.join(note.split())}\n" for note in point.notes)
    text.write(",".join(point.columns) + "\n")
    # An observable may leave out replicates of one sample and not of another.
    rows = zip_longest(*(column.tolist() for column in point.columns.values()), fillvalue="")
    text.writelines(",".join(map(str, row)) + "\n" for row in rows)
    return text.getvalue()


def _picture_names(record: RunRecord) -> list[str]:
    return [picture.name for regime in record.regimes for picture in regime.pictures]
