"""What changed since the run before, in a sentence and in lines for what stands out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from theory_check.findings.changes import Changes
from theory_check.findings.run import RunRecord
from theory_check.reporting.numerals import format_at_most, format_duration, format_estimate
from theory_check.reporting.summary import plural

#: Things of one kind that a line names; the others are counted.
_NAMED = 5


def changed_text(changes: Changes | None, now: RunRecord) -> str:
    """Answer in a sentence or two what changed.

    Parameters
    ----------
    changes : Changes or None
    now : RunRecord
        The later run.
    """
    if changes is None:
        return "There is no earlier run beside this one."
    before = f"the run of {changes.started} (profile {changes.profile}, seed {changes.seed})"
    if changes.compared == 0:
        return f"It has no point in common with {before}."
    verdicts = plural(len(changes.claims), "claim") + " changed its verdict" if changes.claims else "No verdict changed"
    if len(changes.claims) > 1:
        verdicts = f"{len(changes.claims)} claims changed their verdicts"
    if changes.points and not changes.claims:
        verdicts = f"No claim changed its verdict, but {plural(len(changes.points), 'point')} did"
    moved = f"{len(changes.moved)} of {plural(changes.compared, 'estimate')} moved beyond chance"
    if changes.seed == now.seed and changes.differing:
        moved += f", and {changes.differing} differ although the seed is the same: code, libraries or processor changed"
    elif changes.seed == now.seed:
        moved = f"all {plural(changes.compared, 'estimate')} are the same, as they must be with the same seed"
    chance = format_at_most(2 * now.family_level)
    return f"{verdicts} since {before}; {moved}. By chance alone any moves with probability at most {chance}."


def change_lines(changes: Changes | None, now: RunRecord) -> list[str]:
    """Return a line for everything that stands out: verdicts, moved estimates, predictions, points, versions, cost."""
    return [] if changes is None else list(_lines(changes, now))


def _lines(changes: Changes, now: RunRecord) -> Iterator[str]:
    for title, found in (("Claims", changes.claims), ("Points", changes.points)):
        if found:
            yield f"{title}: {_named(f'`{one.id}` was {one.before}, is **{one.now}**' for one in found)}"
    if changes.moved:
        moves = (f"`{m.id}` from {format_estimate(*m.before)} to {format_estimate(*m.now)}" for m in changes.moved)
        yield f"Moved: {_named(moves)}"
    if changes.compared and changes.repredicted:
        yield f"Another prediction: {_named(f'`{id}`' for id in changes.repredicted)}"
    for title, ids in (("New points", changes.appeared), ("Gone", changes.gone)):
        if changes.compared and ids:
            yield f"{title}: {_named(f'`{id}`' for id in ids)}"
    if changes.versions:
        pairs = (f"{name} {before or 'none'} → {later or 'none'}" for name, (before, later) in changes.versions.items())
        yield f"Versions: {_named(pairs)}"
    networks = f"{now.simulated_networks:,} networks, before {changes.networks:,}"
    yield f"Cost: {format_duration(now.run.duration)}, before {format_duration(changes.duration)}; {networks}"


def _named(texts: Iterable[str]) -> str:
    every = list(texts)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return "; ".join(every[:_NAMED]) + more
