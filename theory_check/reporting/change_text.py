"""Changes since the run before, in a sentence and in lines for what stands out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from theory_check.findings.changes import Changes, compare_runs
from theory_check.findings.run import RunRecord
from theory_check.reporting.markdown import safe_mathematics
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
        return f"No point is in common with {before}."
    verdicts = plural(len(changes.claims), "claim") + " changed its verdict" if changes.claims else "No verdict changed"
    if len(changes.claims) > 1:
        verdicts = f"{len(changes.claims)} claims changed their verdicts"
    if changes.points and not changes.claims:
        verdicts = f"No claim changed its verdict, but {plural(len(changes.points), 'point')} did"
    moved = f"{len(changes.moved)} of {plural(changes.compared, 'estimate')} moved beyond chance"
    if changes.seed == now.seed and changes.differing:
        differ = "1 differs" if changes.differing == 1 else f"{changes.differing:,} differ"
        moved += f", and {differ} although the seed is the same: code, libraries or processor changed"
    elif changes.seed == now.seed:
        moved = f"all {plural(changes.compared, 'estimate')} are the same, as they must be with the same seed"
    chance = format_at_most(2 * now.family_level)
    return f"{verdicts} since {before}; {moved}. By chance alone any moves with probability at most {chance}."


def change_lines(changes: Changes | None) -> list[str]:
    """Return a line for everything that stands out: verdicts, moved estimates, predictions, points, versions."""
    return [] if changes is None else [f"{title}: {_named(texts)}" for title, texts in _groups(changes)]


def comparison_page(before: RunRecord, now: RunRecord) -> str:
    """Return a page, in Markdown, on all that changed from one run to another.

    Parameters
    ----------
    before, now : RunRecord

    Returns
    -------
    str
    """
    changes = compare_runs(before, now)
    lines = ["# What changed", "", changed_text(changes, now), "", cost_text(changes, now)]
    for title, texts in _groups(changes):
        lines += ["", f"## {title}: {len(texts)}", "", *(f"- {text}" for text in texts)]
    return safe_mathematics("\n".join(lines)) + "\n"


def _groups(changes: Changes) -> Iterator[tuple[str, list[str]]]:
    """Yield what changed by kind: a title, and a few words for each thing."""
    groups = [
        ("Claims", [f"`{one.id}` was {one.before}, is **{one.now}**" for one in changes.claims]),
        ("Points", [f"`{one.id}` was {one.before}, is **{one.now}**" for one in changes.points]),
        ("Moved", [f"`{m.id}` from {format_estimate(*m.before)} to {format_estimate(*m.now)}" for m in changes.moved]),
    ]
    if changes.compared:
        groups += [
            ("Another prediction", [f"`{id}`" for id in changes.repredicted]),
            ("Another network or quantity", [f"`{id}`" for id in changes.restated]),
            ("New points", [f"`{id}`" for id in changes.appeared]),
            ("Gone", [f"`{id}`" for id in changes.gone]),
        ]
    groups.append(
        ("Versions", [f"{name} {old or 'none'} → {new or 'none'}" for name, (old, new) in changes.versions.items()])
    )
    return ((title, texts) for title, texts in groups if texts)


def cost_text(changes: Changes, now: RunRecord) -> str:
    """Return what a run cost and what the one before did."""
    networks = f"{now.simulated_networks:,} networks, before {changes.networks:,}"
    return f"Cost: {format_duration(now.run.duration)}, before {format_duration(changes.duration)}; {networks}."


def _named(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return "; ".join(texts[:_NAMED]) + more
