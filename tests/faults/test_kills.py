"""Commands that are killed, terminated or interrupted at any step: the same command completes, with the same bytes.

The full numbers are those of ``tox run -e faults``; the seed of the moments is that of the session.
"""

from __future__ import annotations

import random

import pytest
from attacks import CODES
from small_commands import SMALL


def test_commands_that_are_killed_at_some_steps_complete(attack_on):
    attack = attack_on("simulate")
    steps = len(attack.ended.steps)
    codes = {
        kind: [attack(signal=kind, step=step).code for step in range(offset, steps, 12)]
        for offset, kind in enumerate(CODES)
    }
    assert {kind for kind, code in CODES.items() if code in codes[kind]} == set(CODES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "each"), [("simulate", 1), ("map", 1), ("train", 1), ("run", 12), ("figure", 12)])
@pytest.mark.parametrize("kind", CODES)
def test_commands_that_are_killed_at_every_step_complete(attack_on, name, each, kind):
    attack = attack_on(name)
    steps = attack.ended.steps
    for step in range(kind % each, len(steps), each):
        attack(signal=kind, step=step)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_commands_that_are_killed_at_any_moment_complete(attack_on, name):
    generator = random.Random(name)
    attack = attack_on(name)
    for turn in range(2 if name == "calibrate" else 12):
        kind = list(CODES)[turn % 3]
        attack(signal=kind, after=generator.uniform(0.0, 1.1 * attack.ended.seconds))
