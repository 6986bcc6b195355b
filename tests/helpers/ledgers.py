"""Ledgers of a few cheap nights."""

from __future__ import annotations

from functools import cache

from theory_check.verification.ledger import Ledger, open_ledger
from theory_check.verification.run import examine


@cache
def outcome(seed, claim="P4"):
    """Return a judged run of one claim."""
    return examine([claim], seed=seed, threads=1)


def make_ledger(path, seeds=(1, 2, 3)):
    """Make a ledger with a night for each seed."""
    for number, seed in enumerate(seeds):
        Ledger(path, "quick", "" if number == 0 else name_of(path)).append(outcome(seed))
    return path


def opened(path, seed=9, profile="quick", **options):
    """Open a ledger for the run of :func:`outcome` with a seed."""
    return open_ledger(path, profile=profile, seed=seed, plan=lambda: outcome(seed).plan, **options)


def name_of(path):
    """Return the name that the ledger gave itself."""
    from theory_check.verification.ledger import read_ledger

    return read_ledger(path).head.ledger
