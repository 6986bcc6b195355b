from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import names
from small_commands import SMALL, lay_out

from theory_check.foundation.machine import parse_size

ANNOUNCED = r"theory-check {}: about [0-9.]+ (s|min [0-9]+ s) of processor time, at most ([0-9]+ MiB) of memory"


@pytest.mark.parametrize("name", ["simulate", "run"])
def test_commands_say_what_they_take(command, monkeypatch, tmp_path, name):
    monkeypatch.chdir(lay_out(tmp_path / "folder"))
    code, _, err = command(*SMALL[name], "--threads", 2)
    assert code == 0
    assert re.fullmatch(ANNOUNCED.format("[a-z]+"), err[0]), err


@pytest.mark.parametrize("name", ["simulate", "map", "train", "figure", "run", "search"])
def test_commands_refuse_what_exceeds_the_memory(command, monkeypatch, tmp_path, name):
    monkeypatch.chdir(lay_out(tmp_path / "folder"))
    before = names(tmp_path / "folder")
    code, out, err = command(*SMALL[name], "--memory", "300MiB")
    assert (code, out, len(err)) == (2, [], 1)
    assert re.fullmatch(
        r"theory-check: error: up to 4\d\d MiB of memory are needed, --memory allows 300 MiB: allow more \(--memory\)",
        err[0],
    )
    assert names(tmp_path / "folder") == before


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("simulate", "--depth", 10**8, "--weights", "uniform", "--width", 10**4, "--out", "s.npz"), "fewer threads"),
        (("simulate", "--depth", 10**8, "--weights", "fgn:hurst=0.7", "--out", "s.npz"), "fewer threads"),
        (("simulate", "--no-gradients", "--replicates", 10**8, "--out", "s.npz"), "fewer replicates"),
        (("map", "--depth", 10**8, "--out", "m.npz"), "fewer threads"),
        (("figure", 6, "--depth", 10**5, "--replicates", 10**6), "fewer replicates"),
        (("train", "--width", 150, "--depth", 1000, "--out", "t.npz"), "fewer threads"),
    ],
)
def test_what_no_machine_has_is_refused(refusal, arguments, advice):
    line = refusal(*arguments, "--threads", 2, "--memory", "1GiB")
    assert "--memory allows 1024 MiB: " in line
    assert advice in line


#: Runs a command and prints the peak of its process. Of a child, the system tells that of its parent if it was larger.
MEASURE = """
import sys
from pathlib import Path
from theory_check.cli import main
try:
    main(sys.argv[1:])
finally:
    print([line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process there")
def test_a_command_stays_within_what_it_says(tmp_path):
    line = ("simulate", "--width", "40", "--depth", "10000", "--weights", "ou", "--branch", "res-1", "--replicates",
            "2", "--memory", "460", "--threads", "2", "--out", "s.npz")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", MEASURE, *line], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    announced = re.match(ANNOUNCED.format("simulate"), done.stderr)
    peak = 1024 * int(done.stdout.split()[-2])
    # What two networks want is 80 MiB each; it is shared out.
    assert peak <= parse_size("memory", announced[2]) <= 460 * 2**20
