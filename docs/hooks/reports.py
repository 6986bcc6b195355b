"""The committed report, its pictures and the paper's figures as parts of the site, for light and dark pages."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mkdocs.structure.files import File, Files

from theory_check.catalogue.weight_law_table import weight_law_table
from theory_check.reporting.drawing import darkened
from theory_check.reporting.files import rewrite_report
from theory_check.reporting.markdown import safe_mathematics
from theory_check.reporting.results import load_results

REPORTS = Path(__file__).parents[2] / "reports"

#: A picture of the reports in a page of the documentation.
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?:\.\./)*(?:reports/)?((?:paper|figures)/[\w-]+\.png)\)")

#: Where the gallery shows the pictures of the regimes.
_PLACE = "<!-- the pictures of the report -->"


def on_files(files: Files, config: Any) -> Files:
    """Add report, calibration and pictures."""
    files.append(File.generated(config, "report.html", content=_report()))
    calibration = (REPORTS / "CALIBRATION.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "calibration.md", content=calibration))
    for path in (*sorted(REPORTS.glob("figures/*.png")), *sorted(REPORTS.glob("paper/*.png"))):
        place = path.relative_to(REPORTS)
        files.append(File.generated(config, place.as_posix(), content=path.read_bytes()))
        dark = (place.parent / "dark" / place.name).as_posix()
        files.append(File.generated(config, dark, content=darkened(path.read_bytes())))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Show each picture as it is drawn for the background of the page."""
    up = "../" * page.file.src_uri.count("/")
    markdown = markdown.replace(_PLACE, _regimes())

    def both(found: re.Match[str]) -> str:
        folder, _, name = found[2].rpartition("/")
        return (
            f"![{found[1]}]({up}{folder}/{name}#only-light){{ loading=lazy }}"
            f"![{found[1]}]({up}{folder}/dark/{name}#only-dark){{ loading=lazy }}"
        )

    return _PICTURE.sub(both, markdown)


@cache
def _regimes() -> str:
    """Return the pictures of the report, each under the title of its regime."""
    return "\n\n".join(
        f"### {regime.title}\n\n![{picture.alt}](figures/{picture.name}.png)\n\n{safe_mathematics(picture.caption)}"
        for regime in load_results(REPORTS / "results.json").regimes
        for picture in regime.pictures
    )


@cache
def _report() -> str:
    """Return the report as one file."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "report"
        shutil.copytree(REPORTS, copy, ignore=shutil.ignore_patterns("paper", "data"))
        rewrite_report(copy, weight_law_table, html=True)
        return (copy / "report.html").read_text(encoding="utf-8")
