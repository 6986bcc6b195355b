"""Commands of which the system refuses one step, or that no file may grow: one line, nothing lost, nothing left."""

from __future__ import annotations

import errno

import pytest
from attacks import FAILED

#: A full disk, a broken one, a folder that was removed, one that may not be written.
ERRORS = (errno.ENOSPC, errno.EIO, errno.ENOENT, errno.EACCES)


def test_commands_that_are_refused_some_steps_say_so_and_complete_when_repeated(attack_on):
    attack = attack_on("simulate")
    steps = range(2, len(attack.ended.steps), 8)
    codes = [attack(error=ERRORS[step % len(ERRORS)], step=step).code for step in steps]
    assert {0, FAILED} >= set(codes) > {0}
    assert attack(limit=4000).code == FAILED


@pytest.mark.slow
@pytest.mark.parametrize(("name", "each"), [("simulate", 1), ("map", 1), ("train", 1), ("run", 6), ("figure", 6)])
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_commands_that_are_refused_any_step_say_so_and_complete_when_repeated(attack_on, name, each, error):
    attack = attack_on(name)
    for step in range(error % each, len(attack.ended.steps), each):
        attack(error=error, step=step)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["simulate", "map", "train", "run", "figure"])
def test_commands_whose_files_may_not_grow_say_so_and_complete_when_repeated(attack_on, name):
    attack = attack_on(name)
    codes = [attack(limit=limit).code for limit in (0, 1, 100, 1000, 4095, 4097, 10_000, 40_000, 100_000, 10**7)]
    assert (codes[0], codes[-1]) == (FAILED, 0)
