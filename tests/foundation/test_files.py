from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import (
    make_directory,
    read_bytes,
    remove_unfinished,
    write_atomically,
    write_together,
)


@pytest.mark.parametrize(("content", "expected"), [(b"\x00\xff", b"\x00\xff"), ("π\n", "π\n".encode()), ("", b"")])
def test_content_arrives_whole(tmp_path, content, expected):
    write_atomically(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == expected
    assert names(tmp_path) == ["file"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_old_content_is_replaced(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, "old and longer")
    write_atomically(path, "new")
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_permissions_follow_the_umask(tmp_path):
    umask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", "x")
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    write_atomically(path, "old")

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(StorageError) as caught:
        write_atomically(path, "new")
    assert str(caught.value) == f"cannot write {path}: no space left on device"
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("content", ["new", b"new"])
def test_what_does_not_wait_for_the_disk_is_whole_or_not_there(tmp_path, monkeypatch, content):
    def never(descriptor):
        raise AssertionError("the disk was asked to flush")

    monkeypatch.setattr(os, "fsync", never)
    write_atomically(tmp_path / "file", "old", flushed=False)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StorageError, match="no space left on device"):
            write_atomically(tmp_path / "file", content, flushed=False)
    assert (names(tmp_path), (tmp_path / "file").read_text()) == (["file"], "old")
    write_atomically(tmp_path / "file", content, flushed=False)
    assert (names(tmp_path), (tmp_path / "file").read_text()) == (["file"], "new")


def test_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", "new")
    assert names(tmp_path) == []


def test_target_is_a_directory(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        write_atomically(tmp_path / "file", "x")
    assert names(tmp_path) == ["file"]


def test_missing_folder(tmp_path):
    with pytest.raises(StorageError, match="no such file or directory"):
        write_atomically(tmp_path / "missing" / "file", "x")


def test_unwritable_folder(tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    # Not by the folder's mode, which does not bind the superuser that containers often are.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StorageError, match="permission denied"):
        write_atomically(tmp_path / "file", "x")


def test_make_directory(tmp_path):
    assert make_directory(tmp_path / "a" / "b") == [tmp_path / "a" / "b", tmp_path / "a"]
    assert make_directory(tmp_path / "a" / "b") == []
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot create") as caught:
        make_directory(tmp_path / "file" / "below")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("failure", [PermissionError(errno.EACCES, "Permission denied"), KeyboardInterrupt()])
def test_folders_of_files_that_are_not_written_are_gone_again(tmp_path, monkeypatch, failure):
    contents = {tmp_path / "old" / "new" / "a": "1", tmp_path / "new" / "b": "2", tmp_path / "new" / "below" / "c": "3"}
    (tmp_path / "old").mkdir()

    def refuse(*_arguments):
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises((StorageError, KeyboardInterrupt)):
            write_together(contents)
    assert [*tmp_path.rglob("*")] == [tmp_path / "old"]
    write_together(contents)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == contents


def test_read_bytes(tmp_path):
    with pytest.raises(StorageError, match="cannot read"):
        read_bytes(tmp_path / "missing")


def test_what_another_thread_is_writing_can_be_removed(tmp_path, monkeypatch):
    write_atomically(tmp_path / "file", "old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: remove_unfinished())
    with pytest.raises(StorageError, match="cannot write"):
        write_atomically(tmp_path / "file", "new")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "old"
