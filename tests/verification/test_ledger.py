"""The file of the ledger: nothing lost, nothing doubled, nothing that was changed is used."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from ledgers import make_ledger, name_of, opened, outcome

from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.inference.nights import processes
from theory_check.verification import ledger as ledgers
from theory_check.verification.chain import verify
from theory_check.verification.ledger import Ledger, create_ledger, find_ledger, open_ledger, read_ledger
from theory_check.verification.nights import add_night, new_history


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_ledger(tmp_path_factory.mktemp("ledger") / "h.db")


@pytest.fixture
def path(original, tmp_path):
    return shutil.copy(original, tmp_path / "h.db")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def seeds(path):
    return [night.seed for night in read_ledger(path).history.nights]


def test_the_ledger_holds_what_the_nights_add(path):
    expected = new_history("quick")
    for seed in (1, 2, 3):
        expected = add_night(expected, outcome(seed))
    contents = read_ledger(path)
    assert contents.history == expected
    assert [record.night for record in contents.records] == list(expected.nights)
    assert names(path.parent) == ["h.db"]


def test_a_new_ledger_is_made_only_when_it_may_be(tmp_path):
    with pytest.raises(StorageError, match=r"there is no ledger .*; run --new-history begins one"):
        opened(tmp_path / "n.db")
    ledger = opened(tmp_path / "n.db", new=True)
    assert names(tmp_path) == []
    assert ledger.append(outcome(1)).number == 1
    assert opened(tmp_path / "n.db", new=True).append(outcome(2)).number == 2
    assert names(tmp_path) == ["n.db"]
    below = opened(tmp_path / "a" / "b" / "n.db", new=True)
    assert names(tmp_path) == ["n.db"]
    assert below.append(outcome(1)).number == 1


def test_an_existing_file_is_never_replaced_by_a_new_ledger(path):
    assert not create_ledger(path, replace(read_ledger(path).chain, nights=(), sequences={}, count=0))
    assert seeds(path) == [1, 2, 3]
    assert names(path.parent) == ["h.db"]


def test_a_night_counts_once(path):
    before = read_ledger(path)
    entry = opened(path, seed=2).append(outcome(2))
    assert (entry.number, entry.repeated, entry.differs) == (2, True, False)
    assert read_ledger(path) == before


def test_a_night_with_other_results_keeps_the_first(path):
    before = read_ledger(path)
    [claim] = outcome(2).record.claims
    findings = tuple(replace(finding, log_evidence=finding.log_evidence + 1e-9) for finding in claim.findings)
    [regime] = outcome(2).record.regimes
    record = replace(outcome(2).record, regimes=(replace(regime, claims=(replace(claim, findings=findings),)),))
    entry = opened(path, seed=2).append(replace(outcome(2), record=record))
    assert (entry.number, entry.repeated, entry.differs) == (2, True, True)
    assert read_ledger(path) == before


def test_a_seed_of_other_claims_is_refused_before_and_after_the_run(path):
    with pytest.raises(SpecificationError, match="seed 2 is in the history already, as night 2"):
        open_ledger(path, profile="quick", seed=2, plan=lambda: outcome(2, "E3").plan)
    ledger = opened(path)
    with pytest.raises(SpecificationError, match="seed 2 is in the history already"):
        ledger.append(outcome(2, "E3"))
    assert seeds(path) == [1, 2, 3]


def test_another_profile_is_refused(path):
    with pytest.raises(SpecificationError, match="one of profile quick"):
        opened(path, profile="standard")


def test_a_ledger_that_was_exchanged_during_the_run_gets_no_night(path, tmp_path):
    ledger = opened(path)
    path.unlink()
    with pytest.raises(StorageError, match=r"unable to open database file"):
        ledger.append(outcome(9))
    make_ledger(path, seeds=(5,))
    with pytest.raises(StorageError, match="not the ledger that this run began with"):
        ledger.append(outcome(9))
    assert seeds(path) == [5]


def test_links_are_followed_and_stay(path, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(path)
    opened(link).append(outcome(9))
    assert link.is_symlink()
    assert seeds(path) == [1, 2, 3, 9]


@pytest.mark.parametrize("target", ["none.db", "link.db"])
def test_links_that_lead_nowhere_are_refused(tmp_path, target):
    (tmp_path / "link.db").symlink_to(tmp_path / target)
    for new in (False, True):
        with pytest.raises(StorageError, match="a link that leads nowhere"):
            opened(tmp_path / "link.db", new=new)
    assert names(tmp_path) == ["link.db"]


@pytest.mark.parametrize("name", ["ledger with spaces?#%.db", "π.db", b"\xff.db"])
def test_any_file_name_will_do(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    make_ledger(path, seeds=(1,))
    assert seeds(path) == [1]


def test_a_folder_and_foreign_databases_are_no_ledgers(tmp_path):
    with pytest.raises(StorageError, match="cannot read"):
        find_ledger(tmp_path)
    sqlite3.connect(tmp_path / "x.db").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(StorageError, match="no ledger"):
        read_ledger(tmp_path / "x.db")


def test_newer_versions_are_refused_and_older_ones_migrate(path, monkeypatch):
    def execute(statement):
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(statement)
        connection.close()

    execute("PRAGMA user_version = 2")
    with pytest.raises(StorageError, match="its version is 2, accepted is 1"):
        read_ledger(path)
    execute("PRAGMA user_version = 0")
    execute("ALTER TABLE nights RENAME TO evenings")
    monkeypatch.setattr(ledgers, "MIGRATIONS", {0: lambda c: c.execute(ledgers._TABLES[1])})
    with pytest.raises(StorageError, match="its tables are not in order"):
        read_ledger(path)


def flips(content, number, seed):
    """Yield copies with one bit changed, somewhere in each of so many equal parts of the file."""
    generator = np.random.default_rng(seed)
    ends = np.linspace(0, 8 * len(content), number + 1).astype(int)
    for low, high in itertools.pairwise(ends):
        damaged, bit = bytearray(content), int(generator.integers(low, high))
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


def test_damage_that_sqlite_quotes_need_not_be_text(path):
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE TABL\xcb"))
    with pytest.raises(StorageError, match="is damaged"):
        read_ledger(path)


@pytest.mark.parametrize("number", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_no_bit_flip_is_accepted_with_other_content(path, number):
    content, before, refused = path.read_bytes(), read_ledger(path), 0
    for damaged in flips(content, number, seed=number):
        path.write_bytes(damaged)
        try:
            found = read_ledger(path)
        except (StorageError, SpecificationError):
            refused += 1
        else:
            assert found == before
        for rest in path.parent.glob("h.db-*"):
            rest.unlink()
    # Every bit of the lines counts; the rest of the file is room between them. Parts that hold both vary the number.
    chain = before.chain
    lines = [chain.head, chain.checksum, *(text for night in chain.nights for text in night)]
    lines += [text for sequence in chain.sequences.items() for text in sequence]
    assert refused > 0.95 * number * len("".join(lines).encode()) / len(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda chain: replace(chain, head=chain.head.replace("0.0000", "0.9000")),
        lambda chain: replace(chain, nights=chain.nights[:-1]),
        lambda chain: replace(chain, nights=chain.nights[:-1], count=2),
        lambda chain: replace(chain, nights=(*chain.nights, chain.nights[-1]), count=4),
        lambda chain: replace(chain, nights=chain.nights[::-1]),
        lambda chain: replace(chain, sequences={}),
        lambda chain: replace(chain, sequences={p: s.replace("0.", "1.") for p, s in chain.sequences.items()}),
        lambda chain: replace(chain, checksum="0" * 64),
    ],
)
def test_a_chain_that_was_changed_is_named_and_refused(original, change):
    chain = read_ledger(original).chain
    assert verify(chain, "h.db").chain == chain
    with pytest.raises(StorageError, match=r"^h\.db is damaged: "):
        verify(change(chain), "h.db")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_a_truncated_ledger_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StorageError, match="damaged"):
        opened(path)


def test_threads_that_add_nights_at_once_lose_none(path):
    entries = []
    ledger = opened(path)
    adding = [outcome(seed) for seed in (11, 12, 13, 14, 11)]
    threads = [threading.Thread(target=lambda o=o: entries.append(ledger.append(o))) for o in adding]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seeds(path)) == [1, 2, 3, 11, 12, 13, 14]
    assert sorted(entry.number for entry in entries if not entry.repeated) == [4, 5, 6, 7]
    assert sum(entry.repeated for entry in entries) == 1
    assert processes(read_ledger(path).history)["P4"].nights == 7


class Crash(BaseException):
    """An end that nothing handles."""


@pytest.mark.parametrize("statement", ["INSERT INTO nights", "DELETE FROM sequences", "INSERT INTO head", "COMMIT"])
@pytest.mark.parametrize("error", [Crash, sqlite3.OperationalError])
def test_a_transaction_that_fails_adds_nothing(path, monkeypatch, statement, error):
    before = read_ledger(path)

    class Failing(sqlite3.Connection):
        def execute(self, sql, *parameters):
            if sql.startswith(statement):
                raise error("disk I/O error")
            return super().execute(sql, *parameters)

        def executemany(self, sql, *parameters):
            if sql.startswith(statement):
                raise error("disk I/O error")
            return super().executemany(sql, *parameters)

    ledger, connect = opened(path), sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *a, **options: connect(*a, factory=Failing, **options))
        with pytest.raises((Crash, StorageError)):
            ledger.append(outcome(9))
    assert read_ledger(path) == before
    assert names(path.parent) == ["h.db"]
    assert ledger.append(outcome(9)).number == 4


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small file system")
def test_a_full_disk_adds_nothing(original, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    try:
        path = shutil.copy(original, disk / "h.db")
        before, ledger = read_ledger(path), opened(path)
        room = os.statvfs(disk)
        (disk / "filler").write_bytes(b"x" * max(room.f_bavail * room.f_frsize - 20000, 0))
        with pytest.raises(StorageError, match=r"^cannot write [^\n]*(full|disk I/O)|damaged"):
            ledger.append(outcome(9))
        (disk / "filler").unlink()
        assert read_ledger(path) == before
        assert ledger.append(outcome(9)).number == 4
    finally:
        subprocess.run(["umount", disk], check=True)


def test_the_name_of_a_ledger_is_its_own(original, tmp_path):
    assert name_of(original) != name_of(make_ledger(tmp_path / "o.db", seeds=(1,)))
    assert Ledger(original, "quick").name == ""
