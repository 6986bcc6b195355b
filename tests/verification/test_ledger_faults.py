"""A ledger under attack: held by others, left by a killed run, changed bit by bit, named as a file to be written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from dataclasses import replace

import numpy as np
import pytest
from ledgers import make_ledger, opened, outcome

from theory_check.cli import main
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.verification import database
from theory_check.verification import ledger as ledgers
from theory_check.verification.chain import extended, first_chain, verify
from theory_check.verification.exchange import export_ledger
from theory_check.verification.ledger import check_not_ledger, find_ledger, read_ledger
from theory_check.verification.nights import record_night
from theory_check.verification.write_ahead_log import is_whole


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_ledger(tmp_path_factory.mktemp("ledger") / "h.db")


@pytest.fixture
def path(original, tmp_path):
    return shutil.copy(original, tmp_path / "h.db")


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory):
    """The files of a ledger whose run was killed after it added a fourth night, by name, and what they hold."""
    path = make_ledger(tmp_path_factory.mktemp("killed") / "h.db")
    # A reader keeps the night in the log, as a kill would.
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM head").fetchall()
    opened(path).append(outcome(9))
    files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    reader.close()
    assert set(files) == {"h.db", "h.db-wal", "h.db-shm"}
    return files, read_ledger(path)


def lay_out(folder, files):
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / "h.db"


def flipped(content, generator):
    changed = bytearray(content)
    changed[generator.integers(len(content))] ^= 1 << generator.integers(8)
    return bytes(changed)


def test_a_run_waits_for_whoever_holds_the_whole_file(path):
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    # So does a connection that takes up the log of a killed run.
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("DELETE FROM head WHERE 0")

    def let_go():
        holder.execute("ROLLBACK")
        holder.close()

    # Longer than one turn of waiting.
    timer = threading.Timer(2.5 * database._TURN, let_go)
    timer.start()
    assert opened(path).append(outcome(9)).number == 4
    timer.join()


def test_a_run_that_waited_too_long_says_so(path, monkeypatch):
    monkeypatch.setattr(database, "_PATIENCE", 0.3)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match=r"^cannot write [^\n]*: other runs have held it"):
        opened(path)
    holder.close()


def test_what_a_killed_run_added_is_there(left_behind, tmp_path):
    files, contents = left_behind
    assert read_ledger(lay_out(tmp_path / "a", files)) == contents
    entry = opened(lay_out(tmp_path / "a", files)).append(outcome(9))
    assert (entry.number, entry.repeated, entry.differs) == (4, True, False)
    # The index of the log is made anew.
    without = {name: content for name, content in files.items() if name != "h.db-shm"}
    assert read_ledger(lay_out(tmp_path / "a", without)) == contents


@pytest.mark.parametrize("number", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_no_bit_flip_in_what_a_killed_run_left_takes_a_night_back(left_behind, tmp_path, monkeypatch, number):
    from theory_check.verification import write_ahead_log

    monkeypatch.setattr(write_ahead_log, "_LOOKS", 1)
    files, contents = left_behind
    generator, refused = np.random.default_rng(number), 0
    for turn in range(number):
        name = ("h.db-wal", "h.db-shm")[turn % 2]
        path = lay_out(tmp_path / "a", files | {name: flipped(files[name], generator)})
        try:
            assert read_ledger(path) == contents
        except StorageError:
            refused += 1
            # Nothing was mended, or thrown away, behind the reader's back.
            assert (path.parent / "h.db-wal").exists()
    assert refused == number / 2


@pytest.mark.parametrize("whole", [True, False])
def test_a_log_is_whole_whatever_was_cut_off_its_end(left_behind, tmp_path, whole):
    files, contents = left_behind
    log = files["h.db-wal"]
    cut = len(log) - (0 if whole else 1)
    assert all(is_whole(log[:end]) for end in (0, 17, 32, 100, len(log) // 2, cut))
    found = read_ledger(lay_out(tmp_path / "a", files | {"h.db-wal": log[:cut]}))
    assert len(found.records) == (4 if whole else 3)
    assert found.records == contents.records[: len(found.records)]


def test_frames_of_an_earlier_log_may_follow(left_behind):
    log = left_behind[0]["h.db-wal"]
    frame = bytearray(log[32 : 32 + 24 + 4096])
    frame[8:16] = bytes(value ^ 0x5A for value in frame[8:16])
    assert is_whole(log + bytes(frame))
    frame[8:16] = log[40:48]
    assert not is_whole(log + bytes(frame))


def test_a_log_in_a_folder_that_cannot_be_written_is_not_passed_over(left_behind, tmp_path, monkeypatch):
    path = lay_out(tmp_path / "a", left_behind[0])
    monkeypatch.setattr(os, "access", lambda file, mode: False)
    with pytest.raises(StorageError, match="takes the right to write its folder"):
        read_ledger(path)
    (tmp_path / "a" / "h.db-wal").unlink()
    assert len(read_ledger(path).records) == 3


@pytest.mark.parametrize("link", [False, True])
def test_the_ledger_is_never_written_over(path, tmp_path, capsys, link):
    before = path.read_bytes()
    with pytest.raises(SpecificationError, match="is the ledger itself"):
        export_ledger(path, path)
    for option, ending in (("--export", ".jsonl"), ("--out", ".png")):
        name = tmp_path / f"other{ending}"
        if link:
            name.symlink_to(path)
        else:
            os.link(path, name)
        with pytest.raises(SpecificationError, match="is the ledger itself"):
            export_ledger(path, name)
        # The ledger's own name is refused by its ending already, another name of it as the ledger.
        for target, reason in ((path, "give a file whose name ends in"), (name, "is the ledger itself")):
            with pytest.raises(SystemExit) as stopped:
                main(["history", "--history", str(path), option, str(target)])
            assert stopped.value.code == 2
            assert reason in capsys.readouterr().err
    check_not_ledger(tmp_path / "free.jsonl", path)
    assert path.read_bytes() == before


def test_a_report_is_never_written_over_its_ledger(tmp_path, capsys):
    ledger = tmp_path / "results.json"
    with pytest.raises(SystemExit) as stopped:
        main(["run", "P4", "--out", str(tmp_path), "--history", str(ledger), "--new-history"])
    assert stopped.value.code == 2
    assert "is the ledger itself" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_no_ledger(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="no ordinary file"):
        find_ledger(tmp_path / "pipe")


def test_a_chain_that_counts_a_seed_twice_is_refused(original):
    contents = read_ledger(original)
    chain = extended(contents.chain, record_night(outcome(2)), contents.history.sequences)
    with pytest.raises(StorageError, match="counts a seed twice"):
        verify(chain, "h.db")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sequences SET point = x'00' WHERE rowid = 1",
        "UPDATE nights SET content = CAST(content AS BLOB)",
        "UPDATE head SET nights = 3.5",
        "UPDATE head SET nights = 'three'",
        "INSERT INTO sequences SELECT point, content FROM sequences LIMIT 1",
        "INSERT INTO head SELECT * FROM head",
        "UPDATE nights SET number = 7 WHERE number = 3",
        "CREATE TABLE more (x)",
        "CREATE TRIGGER t AFTER INSERT ON nights BEGIN DELETE FROM nights; END",
    ],
)
def test_what_is_of_another_kind_is_damage(path, statement):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()
    with pytest.raises(StorageError, match=r"is damaged: [^\n]*$"):
        read_ledger(path)


def test_an_older_version_migrates_in_the_transaction_that_reads_it(path, monkeypatch):
    before = read_ledger(path)
    connection = sqlite3.connect(path, isolation_level=None)
    # Tables that lacked the checksum of the head, say.
    for statement in (
        "CREATE TABLE old AS SELECT content, nights FROM head",
        "DROP TABLE head",
        "PRAGMA user_version = 0",
    ):
        connection.execute(statement)
    connection.close()

    def migrate(connection):
        connection.execute(ledgers._TABLES[0])
        connection.execute(
            "INSERT INTO head SELECT old.content, old.nights, last.checksum FROM old, "
            "(SELECT checksum FROM nights ORDER BY number DESC LIMIT 1) last"
        )
        connection.execute("DROP TABLE old")

    def fails(connection):
        migrate(connection)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(ledgers, "MIGRATIONS", {0: fails})
    with pytest.raises(StorageError):
        read_ledger(path)
    monkeypatch.setattr(ledgers, "MIGRATIONS", {0: migrate})
    assert read_ledger(path) == before
    monkeypatch.setattr(ledgers, "MIGRATIONS", {})
    assert read_ledger(path) == before
    assert opened(path).append(outcome(9)).number == 4


def test_a_chain_without_nights_is_verified_too(original):
    empty = first_chain(read_ledger(original).head)
    assert verify(empty, "h.db").records == ()
    with pytest.raises(StorageError, match="damaged"):
        verify(replace(empty, head=empty.head.replace("quick", "quack")), "h.db")


def fail_at(monkeypatch, place):
    """Let the statement at a place fail as on a full disk; return the statements made so far."""
    made, connect = [], sqlite3.connect

    def counted(sql):
        made.append(sql)
        if len(made) - 1 == place:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    class Failing(sqlite3.Connection):
        def execute(self, sql, *parameters):
            counted(sql)
            return super().execute(sql, *parameters)

        def executemany(self, sql, *parameters):
            counted(sql)
            return super().executemany(sql, *parameters)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **options: connect(*a, factory=Failing, **options))
    return made


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("new", [False, True], ids=["append", "begin"])
def test_a_disk_that_is_full_at_any_statement_loses_and_doubles_nothing(original, tmp_path, monkeypatch, new, step):
    folder = tmp_path / "a"

    def start():
        path = lay_out(folder, {} if new else {"h.db": original.read_bytes()})
        return path, opened(path, new=new)

    path, ledger = start()
    with monkeypatch.context() as patch:
        statements = fail_at(patch, None)
        ledger.append(outcome(9))
    number = len(statements)
    whole = read_ledger(path).history
    before = None if new else read_ledger(original).history
    assert number > 15
    refusals, additions = [], []
    for place in range(number - 1, -1, -step):
        path, ledger = start()
        with monkeypatch.context() as patch:
            made = fail_at(patch, place)
            try:
                ledger.append(outcome(9))
            except StorageError as error:
                refusals.append(error)
            else:
                additions.append(made[place])
        assert not [file.name for file in folder.iterdir() if file.name.endswith(".tmp")]
        if path.exists():
            history = read_ledger(path).history
            assert history in (before, whole) or (new and history.nights == ())
        entry = opened(path, new=new).append(outcome(9))
        assert entry.history == whole == read_ledger(path).history
        assert sorted(file.name for file in folder.iterdir()) == ["h.db"]
    assert refusals
    assert not any("\n" in str(refusal) for refusal in refusals)
    assert all(isinstance(refusal.__cause__, sqlite3.Error) for refusal in refusals)
    # The night was committed before the log was emptied.
    assert additions == ["PRAGMA wal_checkpoint(TRUNCATE)"]
