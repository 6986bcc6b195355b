"""A report as files: pages, ``results.json``, pictures, values, and what continuous integration reads."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from urllib.parse import quote

from theory_check.findings.changes import Changes, compare_runs
from theory_check.findings.pictures import Picture
from theory_check.findings.run import PointData, RunRecord, Table
from theory_check.findings.searches import SearchSummary
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.files import read_bytes, write_together
from theory_check.foundation.records import encode_record, load_record
from theory_check.reporting.drawing import darkened, render
from theory_check.reporting.html import render_html
from theory_check.reporting.pages import Report, claim_path, render_pages
from theory_check.reporting.results import encode_results, load_results
from theory_check.reporting.searches import read_searches
from theory_check.reporting.status import badge, junit
from theory_check.reporting.vector_pictures import claim_picture, overview_picture

#: What every report has in its folder besides pages of tables, and the folders of the others.
FILES = ("REPORT.md", "SUMMARY.md", "results.json", "changes.json", "junit.xml", "badge.json")
FOLDERS = ("claims", "data", "figures", "figures/claims", "figures/dark", "tables")

#: What pictures can be drawn as besides PNG.
FORMATS = ("svg", "pdf")

#: Version of ``changes.json``.
_CHANGES_VERSION = 1


def write_report(
    record: RunRecord,
    directory: Path,
    pictures: Sequence[Picture],
    tables: Sequence[Table] = (),
    data: Sequence[PointData] = (),
    nights: Sequence[str] = (),
    formats: Sequence[str] = (),
) -> list[Path]:
    """Write the report on a run into a folder: nothing is replaced before everything is on the disk.

    Pictures come first and ``REPORT.md`` last, so that a page never links to what is not there yet. What the previous
    report in this folder had and this one has not is removed; nothing else is. What changed since that report is told;
    a repetition of the same run tells what the first one did.

    Parameters
    ----------
    record : RunRecord
    directory : Path
        Created unless it exists.
    pictures : sequence of Picture
        Those that the record names.
    tables : sequence of Table
        Tables besides that of the claims, each for a page.
    data : sequence of PointData
        Values of points, each for a file.
    nights : sequence of str
        What all nights together say.
    formats : sequence of str
        What to draw the pictures as besides PNG, of :data:`FORMATS`.

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
    if len({_data_path(point.id) for point in data}) < len(data):
        raise SpecificationError("the values of two points of the report share a name")
    if sorted(names) != sorted(picture.name for picture in pictures):
        raise SpecificationError(f"the report names the pictures {', '.join(names)}; give these")
    before = _report_before(directory)
    if before is not None and _without_times(before) == _without_times(record):
        changes = _changes_before(directory)
    else:
        changes = None if before is None else compare_runs(before, record)
    contents: dict[str, bytes | str] = {}
    for picture in pictures:
        light, dark = picture_paths(picture.name)
        drawn = render(picture.panels, ("png", *formats))
        contents |= {light: drawn["png"], dark: darkened(drawn["png"])}
        contents |= {f"figures/{picture.name}.{suffix}": drawn[suffix] for suffix in formats}
    contents |= {_data_path(point.id): _to_csv(point) for point in data}
    if changes is not None:
        contents["changes.json"] = encode_record(changes, _CHANGES_VERSION, "comparison")
    contents |= _texts(Report(record, tuple(tables), changes, tuple(nights), _searches(directory, record)))
    outdated = set() if before is None else _files_of(before) - contents.keys()
    return _publish(directory, contents, outdated)


def rewrite_report(
    directory: Path,
    table: Callable[[RunRecord], Table] | None = None,
    nights: Sequence[str] = (),
    html: bool = False,
) -> list[Path]:
    """Write the pages of a report anew from its ``results.json``; its pictures and values stay.

    Parameters
    ----------
    directory : Path
    table : callable, optional
        Makes a table from the record.
    nights : sequence of str
        What all nights together say.
    html : bool
        Whether to write ``report.html`` as well, which holds everything.

    Returns
    -------
    list of Path
        The files written, ``REPORT.md`` first.

    Raises
    ------
    SpecificationError
        If what HTML needs is not installed.
    StorageError
        If a file cannot be read or written.
    """
    record = load_results(directory / "results.json")
    tables = () if table is None else (table(record),)
    report = Report(record, tables, _changes_before(directory), tuple(nights), _searches(directory, record))
    contents = _texts(report)
    if html:
        written = {name: content.encode() for name, content in contents.items() if isinstance(content, str)}
        whole = render_html(report, lambda name: written.get(name) or read_bytes(directory / name))
        contents |= {"report.html": whole, "REPORT.md": contents.pop("REPORT.md")}
    return _publish(directory, contents, set())


def picture_paths(name: str) -> tuple[str, str]:
    """Return the paths of a picture in the folder of the report, for light and for dark backgrounds."""
    return f"figures/{name}.png", f"figures/dark/{name}.png"


def _texts(report: Report) -> dict[str, bytes | str]:
    """Return all files that follow from the record by their paths, ``results.json`` and ``REPORT.md`` last."""
    record = report.record
    contents: dict[str, bytes | str] = {_claim_picture_path(claim.id): claim_picture(claim) for claim in record.claims}
    contents["figures/overview.svg"] = overview_picture(record)
    contents["figures/overview-narrow.svg"] = overview_picture(record, columns=2, width=360)
    contents |= {"junit.xml": junit(record), "badge.json": badge(record)}
    pages = render_pages(report)
    first = pages.pop("REPORT.md")
    return contents | pages | {"results.json": encode_results(record), "REPORT.md": first}


def _publish(directory: Path, contents: Mapping[str, bytes | str], outdated: set[str]) -> list[Path]:
    """Write files together and remove outdated ones; return their paths, the last first."""
    paths = {name: directory / name for name in contents}
    write_together({paths[name]: content for name, content in contents.items()})
    for name in sorted(outdated):
        with contextlib.suppress(OSError):
            (directory / name).unlink(missing_ok=True)
    return list(paths.values())[::-1]


def _report_before(directory: Path) -> RunRecord | None:
    try:
        return load_results(directory / "results.json")
    except StorageError:
        return None


def _searches(directory: Path, record: RunRecord) -> dict[str, tuple[SearchSummary, ...]]:
    return read_searches(directory, [claim.id for claim in record.claims])


def _changes_before(directory: Path) -> Changes | None:
    try:
        return load_record(directory / "changes.json", Changes, (_CHANGES_VERSION,), "a comparison")
    except StorageError:
        return None


def _without_times(record: RunRecord) -> bytes:
    """Return what two reports share that tell of one run, which was interrupted or repeated with the same versions."""
    return encode_results(replace(record, run=replace(record.run, started="", duration=0.0, threads=0, seconds={})))


def _files_of(record: RunRecord) -> set[str]:
    """Return the files that the report on a record may have besides those that every report has."""
    found = {path for name in _picture_names(record) for path in picture_paths(name)}
    found |= {f"figures/{name}.{suffix}" for name in _picture_names(record) for suffix in FORMATS}
    for claim in record.claims:
        found |= {claim_path(claim), _claim_picture_path(claim.id), *(_data_path(f.id) for f in claim.findings)}
    return found | {"changes.json"}


def _claim_picture_path(claim: str) -> str:
    return f"figures/claims/{claim}.svg"


def _data_path(point: str) -> str:
    return f"data/{quote(point.replace('/', '-', 1), safe=' ')}.csv"


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
