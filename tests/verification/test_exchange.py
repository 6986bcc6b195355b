"""Ledgers as JSON Lines, and histories in JSON that become ledgers."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace

import numpy as np
import pytest
from ledgers import make_ledger, outcome

from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.records import encode_record
from theory_check.verification.exchange import export_ledger, import_nights
from theory_check.verification.ledger import open_ledger, read_ledger
from theory_check.verification.nights import add_night, new_history


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    # Not in the order of the seeds: evidence depends on the order of nights.
    return make_ledger(tmp_path_factory.mktemp("ledger") / "h.db", seeds=(3, 1, 2))


@pytest.fixture
def export(original, tmp_path):
    assert export_ledger(original, tmp_path / "h.jsonl") == 3
    return tmp_path / "h.jsonl"


def test_an_export_makes_the_same_ledger(original, export, tmp_path):
    assert import_nights(export, tmp_path / "new" / "h.db") == 3
    contents = read_ledger(tmp_path / "new" / "h.db")
    assert contents == read_ledger(original)
    assert [night.seed for night in contents.history.nights] == [3, 1, 2]
    assert import_nights(export, tmp_path / "new" / "h.db") == 0


def test_later_nights_are_appended_and_the_copy_goes_on(original, export, tmp_path):
    copy, longer = tmp_path / "copy.db", shutil.copy(original, tmp_path / "longer.db")
    import_nights(export, copy)
    open_ledger(longer, profile="quick", seed=9, plan=lambda: outcome(9).plan).append(outcome(9))
    export_ledger(longer, tmp_path / "longer.jsonl")
    assert import_nights(tmp_path / "longer.jsonl", copy) == 1
    assert read_ledger(copy) == read_ledger(longer)
    # An export that is behind adds nothing.
    assert import_nights(export, copy) == 0
    assert len(read_ledger(copy).records) == 4


def test_two_chains_are_never_merged(original, export, tmp_path):
    other = make_ledger(tmp_path / "other.db", seeds=(3,))
    parted = tmp_path / "parted.db"
    import_nights(export, parted)
    for seed, path in ((7, parted), (8, tmp_path / "second.db")):
        if path != parted:
            import_nights(export, path)
        open_ledger(path, profile="quick", seed=seed, plan=lambda: None).append(outcome(seed))
    export_ledger(tmp_path / "second.db", tmp_path / "second.jsonl")
    for path, file in ((other, export), (parted, tmp_path / "second.jsonl")):
        before = read_ledger(path)
        with pytest.raises(SpecificationError, match="two chains are never merged"):
            import_nights(file, path)
        assert read_ledger(path) == before


def test_no_bit_flip_of_an_export_is_accepted_with_other_content(original, export, tmp_path):
    content, before = export.read_bytes(), read_ledger(original)
    generator = np.random.default_rng(4)
    for _ in range(200):
        damaged = bytearray(content)
        damaged[generator.integers(len(content))] ^= 1 << generator.integers(8)
        export.write_bytes(bytes(damaged))
        path = tmp_path / "flipped.db"
        with contextlib.suppress(StorageError, SpecificationError):
            import_nights(export, path)
            assert read_ledger(path) == before
            path.unlink()
        assert not path.exists()


def test_half_an_export_is_refused(export, tmp_path):
    lines = export.read_bytes().splitlines(keepends=True)
    for part in (b"", b"".join(lines[:-1]), b"".join([lines[0], lines[2], lines[1], *lines[3:]]), lines[0]):
        export.write_bytes(part)
        with pytest.raises(StorageError):
            import_nights(export, tmp_path / "h.db")
    assert not (tmp_path / "h.db").exists()


def test_a_history_in_json_becomes_a_ledger_once(tmp_path):
    history = new_history("quick")
    for seed in (5, 4):
        history = add_night(history, outcome(seed))
    file = tmp_path / "nights.json"
    file.write_bytes(encode_record(history, 1, "history"))
    assert import_nights(file, tmp_path / "h.db") == 2
    contents = read_ledger(tmp_path / "h.db")
    assert contents.history == history
    assert import_nights(file, tmp_path / "h.db") == 0
    # A run of a seed that was there before is recognised; the next night goes on from both.
    entry = open_ledger(tmp_path / "h.db", profile="quick", seed=4, plan=lambda: outcome(4).plan).append(outcome(4))
    assert (entry.number, entry.repeated, entry.differs) == (2, True, False)
    entry = open_ledger(tmp_path / "h.db", profile="quick", seed=6, plan=lambda: None).append(outcome(6))
    assert entry.history == add_night(history, outcome(6))
    assert import_nights(file, tmp_path / "h.db") == 0


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"schema_version": 2}', b'{"format":"other","head":""}\n{}\n', b"\xff\xfe", b'{"format":']
)
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(StorageError, match=r"^cannot read [^\n]*$"):
        import_nights(tmp_path / "x", tmp_path / "h.db")
    assert not (tmp_path / "h.db").exists()


def test_a_history_that_counts_a_seed_twice_is_refused(tmp_path):
    history = add_night(new_history("quick"), outcome(5))
    (tmp_path / "x").write_bytes(encode_record(replace(history, nights=history.nights * 2), 1, "history"))
    with pytest.raises(SpecificationError, match="counts a seed twice"):
        import_nights(tmp_path / "x", tmp_path / "h.db")
