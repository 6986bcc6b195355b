"""Small command lines of every kind that writes, and what they leave, but for times."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

CLAIMS = '''
import theory_check as tc


@tc.claim("X1", source="a martingale")
def small(profile):
    r"""The mean of $|h_L|^2/|h_0|^2$ is $(1 + 1/L)^L$."""
    deep = tc.network("linear", "rademacher", width=4, depth=10)
    mean = tc.Mean(tc.observables.NORM_RATIO, variance_bound=14.0)
    return tc.check("mean", deep, r"$R$", mean, target=1.1**10, margin=0.4, basis=tc.EXACT, wrong={"no growth": 1.0})
'''

#: Without what depends on the folder, each writes into the folder in which it runs.
SMALL = {
    "simulate": ("simulate", "--width", "4", "--depth", "20", "--replicates", "300", "--out", "s.npz"),
    "run": ("run", "--claims", "own.py", "--seed", "1", "--out", "r", "--history", "h.db", "--new-history"),
    "figure": ("figure", "1", "--depth", "20", "--replicates", "16", "--out", "f"),
    "map": ("map", "--width", "4", "--depth", "10", "--parameters", "0.3,0.7", "--betas", "0,1", "--draws", "2",
            "--inputs", "2", "--out", "m.npz"),
    "train": ("train", "--width", "4", "--depth", "6", "--epochs", "1", "--replicates", "2", "--out", "t.npz"),
    "search": ("search", "E1", "--examples", "2", "--out", "p.png"),
    "calibrate": ("calibrate", "proportion", "--threads", "1", "--out", "c"),
}  # fmt: skip


def lay_out(folder: Path) -> Path:
    """Make the folder in which a command runs."""
    folder.mkdir(parents=True)
    (folder / "own.py").write_text(CLAIMS)
    return folder


def left(folder: Path) -> dict[str, object]:
    """Return every file and folder by name, with what a file holds but for times, speeds and the ledger's own name.

    Left out is what changed since the report before, which depends on that one, and what Python keeps of a source: it
    marks what was referred to more than once while it compiled, so its bytes are not those of the source alone.
    """
    return {
        str(path.relative_to(folder)): None if path.is_dir() and not path.is_symlink() else _content(path)
        for path in sorted(folder.rglob("*"))
        if path.name not in {"changes.json", "__pycache__"}
        and path.parent.name != "__pycache__"
        # Reading a ledger removes its log.
        and (path.exists() or path.is_symlink())
    }


def _content(path: Path) -> object:
    if path.is_symlink():
        return path.readlink()
    return _READERS.get(path.name, Path.read_bytes)(path)


def _ledger(path: Path) -> object:
    from theory_check.verification.ledger import read_ledger

    contents = read_ledger(path)
    nights = [(record.identity, record.night.seed, record.night.claims) for record in contents.records]
    return nights, contents.history.sequences


def _without_times(path: Path) -> object:
    report = json.loads(path.read_bytes())
    for part in ("run", "started", "duration", "costs"):
        report.pop(part, None)
    return report


def _page(path: Path) -> object:
    # What tells about the run, and what changed since the one before, stands before a mark.
    lines = path.read_text().rpartition("<!-- end of run -->")[2].splitlines()
    kept = [line for line in lines if not line.startswith(("> **What did it cost", "> **Run.**"))]
    # The last column of a table of speeds.
    return [re.sub(r"\| [0-9.e-]+ \|$", "| |", line) for line in kept]


_READERS: dict[str, Callable[[Path], object]] = {
    "h.db": _ledger, "results.json": _without_times, "REPORT.md": _page, "calibration.json": _without_times,
    "CALIBRATION.md": _page, "SUMMARY.md": _page,
}  # fmt: skip


def lay_out_foreign(folder: Path, finished: Path) -> Path:
    """Make the folder of a drawn command: what a run has left, files that are of no use, a link that leads nowhere."""
    shutil.copytree(finished, folder)
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    (folder / "notes.txt").write_text("notes\n")
    (folder / "broken.py").write_text("def (:\n")
    (folder / "dangling").symlink_to("nowhere")
    return folder
