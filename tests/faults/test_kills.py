"""Commands that are killed, terminated or interrupted at any step: the same command completes, with the same bytes.

The full numbers are those of ``tox run -e faults``; the seed of the moments is that of the session.
"""

from __future__ import annotations

import random
import re
import shutil
import signal
from contextlib import contextmanager

import pytest
from doomed_commands import Commands
from small_commands import SMALL, lay_out, left

KILL, TERMINATE, INTERRUPT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT

#: How a command ends that a signal reached.
CODES = {KILL: -KILL, TERMINATE: 143, INTERRUPT: 130}


class Attack:
    """One kind of command: what it does undisturbed, and what it does after a fault."""

    def __init__(self, commands, root, name):
        self.commands, self.root, self.arguments = commands, root, SMALL[name]
        folder = lay_out(root / "undisturbed")
        self.ended = commands(folder, *self.arguments)
        assert self.ended.code == 0, self.ended.err
        self.expected = left(folder)

    def __call__(self, **fault):
        """Let the fault happen, then repeat the command; return how the disturbed one ended."""
        folder = lay_out(self.root / "disturbed")
        disturbed = self.commands(folder, *self.arguments, **fault)
        between = left(folder)
        repeated = self.commands(folder, *self.arguments)
        after = left(folder)
        try:
            assert disturbed.code in (0, CODES[fault["signal"]]), (fault, disturbed)
            assert (repeated.code, after) == (0, self.expected), (fault, disturbed, repeated)
            for ended in (disturbed, repeated):
                assert "Traceback" not in ended.err, (fault, ended)
            if fault["signal"] != KILL:
                # What was handled cleans up by itself, and keeps finished parts only.
                kept = [name for name in between if name not in self.expected]
                assert all(re.search(r"resume(/[0-9a-f]+\.npz)?$", name) for name in kept), (fault, kept)
        finally:
            shutil.rmtree(folder)
        return disturbed


@contextmanager
def attacked(tmp_path, name):
    with Commands(tmp_path / "cache", SMALL[name]) as commands:
        yield Attack(commands, tmp_path, name)


def test_commands_that_are_killed_at_some_steps_complete(tmp_path):
    with attacked(tmp_path, "simulate") as attack:
        steps = len(attack.ended.steps)
        codes = {
            kind: [attack(signal=kind, step=step).code for step in range(offset, steps, 12)]
            for offset, kind in enumerate(CODES)
        }
    assert {kind for kind, code in CODES.items() if code in codes[kind]} == set(CODES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "each"), [("simulate", 1), ("map", 1), ("train", 1), ("run", 12), ("figure", 12)])
@pytest.mark.parametrize("kind", CODES)
def test_commands_that_are_killed_at_every_step_complete(tmp_path, name, each, kind):
    with attacked(tmp_path, name) as attack:
        steps = attack.ended.steps
        for step in range(kind % each, len(steps), each):
            attack(signal=kind, step=step)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_commands_that_are_killed_at_any_moment_complete(tmp_path, name):
    generator = random.Random(name)
    with attacked(tmp_path, name) as attack:
        for turn in range(2 if name == "calibrate" else 12):
            kind = list(CODES)[turn % 3]
            attack(signal=kind, after=generator.uniform(0.0, 1.1 * attack.ended.seconds))
