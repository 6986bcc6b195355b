"""An example that a strategy draws, whatever its size."""

from __future__ import annotations

from hypothesis import Phase, find, settings

ANY = settings(phases=[Phase.generate], max_examples=3000, deadline=None, derandomize=True, database=None)


def drawn(strategy, condition):
    return find(strategy, condition, settings=ANY)
