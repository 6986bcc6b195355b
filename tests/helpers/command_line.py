"""What the tests of the commands share: a small experiment, the names of the files in a folder."""

from __future__ import annotations

SEED = "5"
SMALL = ("simulate", "--width", 3, "--depth", 4, "--replicates", 70, "--seed", SEED, "--out", "s.npz")


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
