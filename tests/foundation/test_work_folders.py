"""One command at a time writes to an output, and what killed commands left is swept."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading

import pytest

from theory_check.foundation.errors import StorageError
from theory_check.foundation.files import temporary_path
from theory_check.foundation.work_folders import work_folder


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def never():
    raise AssertionError("waited")


def interrupt(folder, part=None):
    with contextlib.suppress(KeyboardInterrupt), work_folder(folder, never) as parts:
        if part is not None:
            (parts / part).touch()
        raise KeyboardInterrupt


def dead_process():
    return subprocess.Popen([sys.executable, "-c", ""])


def test_nothing_stays_when_nothing_was_written(tmp_path):
    with work_folder(tmp_path / "a" / "b" / ".resume", never) as parts:
        assert parts.is_dir()
    assert names(tmp_path) == []
    interrupt(tmp_path / "a" / ".resume")
    assert names(tmp_path) == []


def test_parts_and_output_stay(tmp_path):
    interrupt(tmp_path / "a" / ".resume", part="1.unit")
    assert names(tmp_path) == ["a", "a/.resume", "a/.resume/1.unit"]
    with work_folder(tmp_path / "a" / ".resume", never) as parts:
        (parts / "1.unit").unlink()
        (tmp_path / "a" / "REPORT.md").touch()
    assert names(tmp_path) == ["a", "a/REPORT.md"]


def test_temporaries_of_processes_that_are_gone_are_swept(tmp_path):
    figures = tmp_path / "figures"
    figures.mkdir()
    gone = dead_process()
    gone.wait()
    stale = [
        folder / temporary_path(folder).name.replace(str(os.getpid()), str(gone.pid)) for folder in (tmp_path, figures)
    ]
    stale.append(stale[0].with_name(stale[0].name + "-wal"))
    kept = [temporary_path(tmp_path), temporary_path(figures), tmp_path / ".mine.tmp", tmp_path / ".1-23.tmp"]
    old = temporary_path(tmp_path)
    for path in (*stale, *kept, old):
        path.touch()
    os.utime(old, (0, 0))
    with work_folder(tmp_path / ".resume", never, folders=[figures, tmp_path / "none"]):
        pass
    assert names(tmp_path) == sorted(["figures", *(str(path.relative_to(tmp_path)) for path in kept)])


def test_old_parts_of_other_commands_are_swept_and_recent_ones_stay(tmp_path):
    for name in (".old.resume", ".recent.resume", ".foreign.resume"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("notes.txt" if "foreign" in name else "1.unit")).touch()
    for name in (".old.resume", ".foreign.resume"):
        os.utime(tmp_path / name, (0, 0))
    with work_folder(tmp_path / ".resume", never):
        pass
    assert names(tmp_path) == [
        ".foreign.resume",
        ".foreign.resume/notes.txt",
        ".recent.resume",
        ".recent.resume/1.unit",
    ]


def test_the_second_command_waits_until_the_first_one_is_done(tmp_path):
    waited, order = threading.Event(), []
    parts = tmp_path / "out" / ".resume"

    def second():
        with work_folder(parts, waited.set) as folder:
            order.append(("second", folder.is_dir()))

    thread = threading.Thread(target=second)
    with work_folder(parts, never):
        thread.start()
        assert waited.wait(10)
        order.append("first")
    thread.join(10)
    # The first one removed the folder that the second waited for, which made it again.
    assert order == ["first", ("second", True)]
    assert names(tmp_path) == []


def test_a_killed_command_leaves_no_lock(tmp_path):
    holding = "import sys, pathlib; from theory_check.foundation.work_folders import work_folder\n" \
        "with work_folder(pathlib.Path(sys.argv[1]), print) as parts:\n" \
        " print('held', flush=True); sys.stdin.read()"  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path / ".resume")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.communicate()
    with work_folder(tmp_path / ".resume", never):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["REPORT.md", "figures"])
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, name):
    files, folders = [tmp_path / "REPORT.md"], [tmp_path / "figures"]
    if name == "REPORT.md":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).touch()
    with (
        pytest.raises(StorageError, match=rf"^cannot write [^\n]*{name}: "),
        work_folder(tmp_path / ".resume", never, files=files, folders=folders),
    ):
        raise AssertionError("worked")
    assert names(tmp_path) == [name]


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"^cannot create"), work_folder(tmp_path / "file" / ".resume", never):
        pass
    assert names(tmp_path) == ["file"]
