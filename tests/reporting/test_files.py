from __future__ import annotations

import os
import re
from dataclasses import replace

import numpy as np
import pytest
from example_record import make_picture, make_pictures, make_record, small_png, text_of

from theory_check.findings.pictures import Picture
from theory_check.findings.run import PointData, RunRecord, Table
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.reporting import files
from theory_check.reporting.files import rewrite_report, write_report
from theory_check.reporting.results import load_results

TABLE = Table("Laws", "Which.", ("Law",), (("uniform",),))


@pytest.fixture(autouse=True)
def drawn(request, monkeypatch):
    """Draw one small picture instead of each, but where the pictures are what is tested."""
    if request.node.name != "test_report_is_complete":
        monkeypatch.setattr(files, "render", lambda panels, suffixes: dict.fromkeys(suffixes, small_png()))


def small_pictures(*names: str) -> tuple[Picture, ...]:
    small = make_picture().panels[1:2]
    return tuple(replace(make_picture(name), panels=small) for name in names)


def with_pictures(*names: str) -> RunRecord:
    record = make_record(only_supported=True)
    texts = tuple(text_of(picture) for picture in small_pictures(*names))
    return replace(record, regimes=(replace(record.regimes[0], pictures=texts),))


def write_with_pictures(directory, *names: str, **changes):
    return write_report(replace(with_pictures(*names), **changes), directory, small_pictures(*names))


def test_report_is_complete(record, tmp_path):
    written = write_report(record, tmp_path / "new" / "reports", make_pictures())
    folder = written[0].parent
    assert [p.name for p in written[:3]] == ["REPORT.md", "results.json", "SUMMARY.md"]
    assert all(p.stat().st_size for p in written)
    everything = {p for p in folder.rglob("*") if p.is_file()}
    assert everything == set(written)
    assert load_results(written[1]).seed == 42
    for page in folder.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        linked = re.findall(r'(?:\]\(|src="|srcset=")([^)"#]+)', text)
        assert all((page.parent / path).is_file() for path in linked), page
    for png in folder.glob("figures/*.png"):
        assert (folder / "figures" / "dark" / png.name).read_bytes() != png.read_bytes()


def test_what_changed_since_the_report_before_is_told_and_kept(tmp_path):
    assert "There is no earlier run" in write_with_pictures(tmp_path, "a")[0].read_text(encoding="utf-8")
    assert not (tmp_path / "changes.json").exists()
    text = write_with_pictures(tmp_path, "a", seed=7)[0].read_text(encoding="utf-8")
    assert "(profile quick, seed 42); 0 of 2 estimates moved beyond chance" in text
    assert (tmp_path / "changes.json").exists()
    assert rewrite_report(tmp_path)[0].read_text(encoding="utf-8") == text
    # The same run once more, on another day: what the first one told.
    assert write_with_pictures(tmp_path, "a", seed=7)[0].read_text(encoding="utf-8") == text
    other = replace(with_pictures("a").run, versions={"python": "3.14"})
    text = write_with_pictures(tmp_path, "a", seed=7, run=other)[0].read_text(encoding="utf-8")
    assert "all 2 estimates are the same, as they must be with the same seed" in text
    assert "python 3.11.7 → 3.14" in text


def test_pages_are_written_anew_from_the_results_alone(record, tmp_path):
    written = write_report(record, tmp_path, make_pictures(), [TABLE])
    before = {path: path.read_bytes() for path in written}
    for path in (tmp_path / "REPORT.md", tmp_path / "claims" / "E4.md", tmp_path / "figures" / "overview.svg"):
        path.unlink()
    again = rewrite_report(tmp_path, lambda _record: TABLE)
    assert {path: path.read_bytes() for path in before} == before
    assert not any(path.suffix == ".png" for path in again)
    with pytest.raises(StorageError, match="cannot read"):
        rewrite_report(tmp_path / "nowhere")


def test_writing_again_gives_equal_files(tmp_path):
    first = {p: p.read_bytes() for p in write_with_pictures(tmp_path, "a")}
    assert {p: p.read_bytes() for p in write_with_pictures(tmp_path, "a")} == first


def test_only_pictures_of_the_previous_report_are_removed(tmp_path):
    write_with_pictures(tmp_path, "a", "b")
    (tmp_path / "figures" / "mine.png").touch()
    (tmp_path / "notes.txt").touch()
    write_with_pictures(tmp_path, "b", "c")
    assert sorted(p.name for p in (tmp_path / "figures").glob("*.png")) == ["b.png", "c.png", "mine.png"]
    assert sorted(p.name for p in (tmp_path / "figures" / "dark").iterdir()) == ["b.png", "c.png"]
    assert (tmp_path / "notes.txt").exists()


def test_pages_of_claims_that_are_gone_are_removed(tmp_path):
    write_with_pictures(tmp_path, "a")
    (tmp_path / "claims" / "mine.md").touch()
    record = with_pictures("a")
    fewer = replace(record, regimes=(replace(record.regimes[0], claims=()),))
    write_report(fewer, tmp_path, small_pictures("a"))
    assert [path.name for path in (tmp_path / "claims").iterdir()] == ["mine.md"]
    assert not list((tmp_path / "figures" / "claims").iterdir())


def test_pictures_come_in_other_formats_on_demand(tmp_path):
    record, pictures = with_pictures("a"), small_pictures("a")
    write_report(record, tmp_path, pictures, formats=("svg", "pdf"))
    assert {path.name for path in (tmp_path / "figures").glob("a.*")} == {"a.png", "a.svg", "a.pdf"}
    write_report(record, tmp_path, pictures)
    assert {path.name for path in (tmp_path / "figures").glob("a.*")} == {"a.png"}


def test_a_broken_previous_report_is_replaced(tmp_path):
    (tmp_path / "results.json").write_text("{")
    write_with_pictures(tmp_path, "a")
    assert load_results(tmp_path / "results.json").profile == "quick"


def test_two_pictures_of_one_name_are_refused(tmp_path):
    with pytest.raises(SpecificationError, match="share a name"):
        write_with_pictures(tmp_path / "reports", "a", "a")
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("given", [(), ("a", "b"), ("b",)])
def test_the_pictures_are_those_that_the_record_names(tmp_path, given):
    with pytest.raises(SpecificationError, match="names the pictures a; give these"):
        write_report(with_pictures("a"), tmp_path / "reports", small_pictures(*given))
    assert not (tmp_path / "reports").exists()


def test_failure_keeps_the_previous_report(tmp_path, monkeypatch):
    before = write_with_pictures(tmp_path, "a")[0].read_bytes()

    def fail(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="permission denied"):
        write_with_pictures(tmp_path, "a", seed=7)
    assert (tmp_path / "REPORT.md").read_bytes() == before
    assert not list(tmp_path.rglob("*.tmp"))


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot create"):
        write_with_pictures(tmp_path / "file", "a")


def values_of_points(*points: str) -> list[PointData]:
    columns = {"value_1": np.array([0.1, -np.inf]), "value_2": np.array([1 / 3])}
    return [PointData(point, ("N1/law: a\nquantity", "seed: 1"), columns) for point in points]


def test_values_have_notes_headings_and_all_digits(tmp_path):
    record = with_pictures("a")
    write_report(record, tmp_path, small_pictures("a"), data=values_of_points("N1/law/of R"))
    written = tmp_path / "data" / "N1-law%2Fof R.csv"
    assert written.read_text(encoding="utf-8").splitlines() == [
        "# N1/law: a quantity", "# seed: 1", "value_1,value_2", f"0.1,{1 / 3!r}", "-inf,",
    ]  # fmt: skip


def test_values_of_the_previous_report_are_removed(tmp_path):
    record = with_pictures("a")
    first = record.claims[0].findings[0].id
    write_report(record, tmp_path, small_pictures("a"), data=values_of_points(first))
    (tmp_path / "data" / "mine.csv").touch()
    write_with_pictures(tmp_path, "a")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine.csv"]


def test_values_of_two_points_of_one_name_are_refused(tmp_path):
    with pytest.raises(SpecificationError, match="share a name"):
        write_report(
            with_pictures("a"), tmp_path / "reports", small_pictures("a"), data=values_of_points("N/a-b", "N-a/b")
        )
    assert not (tmp_path / "reports").exists()
