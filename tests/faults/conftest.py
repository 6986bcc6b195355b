from __future__ import annotations

import pytest
from attacks import Attack
from doomed_commands import Commands


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """Run command lines that meet a fault, in children of a process that has everything loaded."""
    with Commands(tmp_path_factory.mktemp("cache")) as running:
        yield running


@pytest.fixture
def attack_on(commands, tmp_path):
    """Return the attack on a small command, by its name."""
    return lambda name: Attack(commands, tmp_path, name)
