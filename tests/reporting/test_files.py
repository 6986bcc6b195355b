from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from example_record import make_picture, make_record

from theory_check.findings.run import RunRecord
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.reporting.files import write_report
from theory_check.reporting.results import load_results


def with_pictures(*names: str) -> RunRecord:
    record = make_record(only_supported=True)
    small = make_picture().panels[1:2]
    pictures = tuple(replace(make_picture(name), panels=small) for name in names)
    return replace(record, regimes=(replace(record.regimes[0], pictures=pictures),))


def test_report_is_complete(record, tmp_path):
    written = write_report(record, tmp_path / "new" / "reports")
    assert [p.name for p in written] == ["REPORT.md", "results.json", "critical-laws.png", "explosion.png"]
    assert all(p.stat().st_size for p in written)
    linked = re.findall(r"\]\((figures/[^)]+)\)", written[0].read_text(encoding="utf-8"))
    assert linked
    assert all((written[0].parent / path).is_file() for path in linked)
    assert load_results(written[1]).seed == 42
    everything = {p for p in (tmp_path / "new" / "reports").rglob("*") if p.is_file()}
    assert everything == set(written)


def test_writing_again_gives_equal_files(tmp_path):
    first = {p: p.read_bytes() for p in write_report(with_pictures("a"), tmp_path)}
    assert {p: p.read_bytes() for p in write_report(with_pictures("a"), tmp_path)} == first


def test_only_pictures_of_the_previous_report_are_removed(tmp_path):
    write_report(with_pictures("a", "b"), tmp_path)
    (tmp_path / "figures" / "mine.png").touch()
    (tmp_path / "notes.txt").touch()
    write_report(with_pictures("b", "c"), tmp_path)
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == ["b.png", "c.png", "mine.png"]
    assert (tmp_path / "notes.txt").exists()


def test_a_broken_previous_report_is_replaced(tmp_path):
    (tmp_path / "results.json").write_text("{")
    write_report(with_pictures("a"), tmp_path)
    assert load_results(tmp_path / "results.json").profile == "quick"


def test_two_pictures_of_one_name_are_refused(tmp_path):
    with pytest.raises(SpecificationError, match="share a name"):
        write_report(with_pictures("a", "a"), tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_failure_keeps_the_previous_report(tmp_path, monkeypatch):
    before = write_report(with_pictures("a"), tmp_path)[0].read_bytes()

    def fail(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="permission denied"):
        write_report(replace(with_pictures("a"), seed=7), tmp_path)
    assert (tmp_path / "REPORT.md").read_bytes() == before
    assert not list(tmp_path.rglob("*.tmp"))


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot create"):
        write_report(with_pictures("a"), tmp_path / "file")
