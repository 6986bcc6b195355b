"""Drawn command lines end soon, or when interrupted, with a code and a line that says what is wrong."""

from __future__ import annotations

import re
import shutil
import signal

import pytest
from drawn_commands import command_lines
from fault_parts import in_parts, part_of_draws
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_commands import SMALL, lay_out, lay_out_foreign, left

#: Seconds of processor time after which a command is interrupted; soon if it has announced more.
PATIENCE = 5.0

#: Of a processor, at least, what a command takes that does not merely wait, however many programs run.
BUSY = 0.02

#: Seconds from an interrupt to the prompt, but for those in which other programs had the processor.
PROMPT = 2.0


def faults(line, ended, before, after):
    """Return what is wrong with the end of a command."""
    judges, new = line[0] in ("run", "search", "calibrate"), sorted(set(after) - set(before))
    lost = {name for name, content in before.items() if after.get(name, ()) != content}
    if ended.code in (1, 3, 130) and "h.db" in after:
        # A night that is not one of support counts as well, and one that was interrupted while it drew.
        lost.discard("h.db")
    # A plan beyond its budget has a line for each of its most expensive points below the first.
    said = [said for said in ended.err.splitlines() if not said.startswith("  ")]
    return [
        fault
        for fault, found in {
            "code": ended.code not in ((0, 1, 2, 3, 74, 130) if judges else (0, 2, 74, 130)),
            "hang": ended.seconds > 3.0 * PATIENCE and ended.processor < BUSY * ended.seconds,
            "slow to stop": ended.stopping is not None and ended.stopping > PROMPT,
            "traceback": "Traceback" in ended.err and "--debug" not in line,
            "no line": ended.code not in (0, 1, 3) and not (said and said[-1].startswith("theory-check: ")),
            "lost": lost and ended.code != 0,
            "files beside a failure": ended.code in (2, 74) and new,
            "temporaries": any(re.search(r"\.tmp|resume$", name) for name in new) and ended.code != 130,
        }.items()
        if found
    ]


@pytest.mark.parametrize(("part", "number"), in_parts(8, 5000))
def test_drawn_command_lines(commands, tmp_path, part, number, pytestconfig):
    for name in ("run", "simulate", "map", "train", "figure") if part else ("run",):
        commands.warm(*SMALL[name])
    if part:
        commands.load_kernels()
        commands.warm("list")

    finished = lay_out(tmp_path / "finished")
    assert commands(finished, *SMALL["run"]).code == 0
    assert commands(finished, "history", "--history", "h.db", "--export", "h.jsonl").code == 0

    @part_of_draws(part, pytestconfig)
    @settings(max_examples=number, suppress_health_check=list(HealthCheck))
    @given(command_lines(), st.floats(0.0, 1.0))
    def check(line, moment):
        folder = lay_out_foreign(tmp_path / "drawn", finished)
        try:
            before = left(folder)
            ended = commands(folder, *line, signal=signal.SIGINT, patience=PATIENCE, moment=moment)
            after = left(folder)
        finally:
            shutil.rmtree(folder)
        assert faults(line, ended, before, after) == [], (ended, ended.err[-800:])

    check()
