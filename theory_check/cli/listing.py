"""``list`` and ``show``: the claims before they are judged, as text or as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theory_check.cli.completion import complete_claim, complete_regime
from theory_check.cli.options import claims_option, out_option, own_claims, profile_option
from theory_check.cli.terminal import open_console, show_long_progress

if TYPE_CHECKING:
    from theory_check.claims.claim import Claim
    from theory_check.claims.planning import PlannedCheck
    from theory_check.findings.run import ClaimFinding

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _print_json(value: object) -> None:
    import msgspec

    # What is infinite is null.
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


@click.command("list", short_help="List all claims: statement, source, core time.")
@click.option("--regime", default=None, metavar="R", help="Only the claims of this regime.",
              shell_complete=complete_regime)  # fmt: skip
@claims_option
@_json_option
def list_claims(regime: str | None, claims_file: Path | None, as_json: bool) -> int:
    """List the catalogue and own claims: id, regime, statement, source, core time expected and at most."""
    from theory_check.catalogue.references import origin
    from theory_check.claims.claim import PROFILES
    from theory_check.experiments.machine_costs import stored_costs
    from theory_check.foundation.arguments import check_choice
    from theory_check.verification.plan import planned_costs
    from theory_check.verification.user_claims import own_regime, regimes_with

    regimes = regimes_with(own_regime(own_claims(claims_file)))
    if regime is not None:
        check_choice("regime", regime, [r.name for r in regimes])
    machine = stored_costs()
    listed = [(group.name, claim) for group in regimes if regime in (None, group.name) for claim in group.claims]
    with show_long_progress("theory-check list, planned once") as report:
        costs = planned_costs([claim for _, claim in listed], PROFILES.values(), report)
    rows = [
        {
            "id": claim.id,
            "regime": name,
            "statement": claim.statement,
            "source": origin(claim),
            "core_seconds": {
                profile: dict(zip(("expected", "most"), cost.seconds(machine), strict=True))
                for profile, cost in zip(PROFILES, row, strict=True)
            },
        }
        for (name, claim), row in zip(listed, costs, strict=True)
    ]
    if as_json:
        _print_json(rows)
    else:
        _print_rows(rows)
    return 0


#: Columns of a terminal from which on the table of the claims can be read.
_TABLE_WIDTH = 160


def _print_rows(rows: list[dict[str, Any]]) -> None:
    """Print a table or, on a narrow terminal, a paragraph for each claim."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from theory_check.claims.claim import PROFILES
    from theory_check.reporting.mathematics import unicode_text
    from theory_check.reporting.numerals import format_duration

    console = open_console()
    if not console.is_terminal:
        console.width = 240
    table = Table(box=None, pad_edge=False, title_justify="left")
    for heading in ("id", "regime", "statement", "source"):
        table.add_column(heading, overflow="fold")
    for profile in PROFILES:
        table.add_column(f"{profile}: core time, at most", justify="right")
    for row in rows:
        name, regime, statement, source = (unicode_text(row[key]) for key in ("id", "regime", "statement", "source"))
        times = {
            profile: ", ".join(map(format_duration, pair.values())) for profile, pair in row["core_seconds"].items()
        }
        if console.width >= _TABLE_WIDTH:
            table.add_row(*map(Text, (name, regime, statement, source, *times.values())))
            continue
        console.print(Text(f"{name}  {regime}", "bold"))
        told = "; ".join(f"{profile} {pair}" for profile, pair in times.items())
        for text in (statement, source, f"Core time expected, at most: {told}"):
            console.print(Padding(Text(text), (0, 0, 0, 4)))
    if table.row_count:
        console.print(table)


@click.command(short_help="Show one claim in full.")
@click.argument("claim", shell_complete=complete_claim)
@profile_option(help=None)
@claims_option
@out_option(help="Where the last finding is read from.")
@_json_option
def show(claim: str, profile: str, claims_file: Path | None, out: Path, as_json: bool) -> int:
    """Show one claim in full: statement, derivation, corrections, checks, wrong variants, last finding."""
    from theory_check.claims.planning import plan_claim
    from theory_check.reporting.numerals import format_significant
    from theory_check.reporting.results import load_results
    from theory_check.verification.plan import find_claim, find_profile
    from theory_check.verification.user_claims import own_regime

    found = find_claim(claim, own_regime(own_claims(claims_file)))
    checks = plan_claim(found, find_profile(profile))
    results = out / "results.json"
    record = load_results(results) if results.is_file() else None
    last = None if record is None else next((c for c in record.claims if c.id == found.id), None)
    if as_json:
        _print_json({"profile": profile, **_described(found, checks), "last_finding": last})
        return 0
    _print_claim(found, checks, f" --claims {shlex.quote(str(claims_file))}" if claims_file else "")
    click.echo(f"\nChecks at profile {profile}, each at level {format_significant(checks[0].level)}:")
    for planned in checks:
        _print_check(planned)
    if record is not None:
        click.echo(f"\nLast finding ({record.run.started}, profile {record.profile}, seed {record.seed}):")
        _print_finding(last)
    return 0


def _described(claim: Claim, checks: tuple[PlannedCheck, ...]) -> Mapping[str, object]:
    """Return a claim and its checks as JSON values; Markdown and mathematics stay as they are written."""
    from theory_check.catalogue.references import origin, written_out

    return {
        "id": claim.id,
        "title": claim.title,
        "statement": claim.statement,
        "formula": claim.formula,
        "hypotheses": claim.hypotheses,
        "derivation": claim.derivation,
        "source": origin(claim),
        "domain": [] if claim.domain is None else [one.sentence for one in claim.domain.hypotheses],
        "remarks": claim.remarks,
        "corrections": [
            {
                "source": written_out(one.source),
                "stated": one.stated,
                "corrected": one.corrected,
                "variant": one.variant,
            }
            for one in claim.corrections
        ],
        "checks": [
            {
                "id": planned.id,
                "networks": [str(experiment) for experiment in planned.check.experiments],
                "quantity": planned.check.quantity,
                "method": planned.check.estimator.method,
                "level": planned.level,
                "replicates": planned.replicates,
                "target": planned.check.target,
                "exact": planned.check.basis.exact,
                "margin": planned.check.margin,
                "remainder": planned.check.remainder,
                "reason": planned.check.basis.reason,
                "must_refute": [{"name": one.name, "distance": one.distance} for one in planned.check.variants],
                "too_near": [{"name": one.name, "distance": one.distance} for one in planned.too_near],
            }
            for planned in checks
        ],
    }


def _print_claim(found: Claim, checks: tuple[PlannedCheck, ...], own: str = "") -> None:
    from theory_check.catalogue.references import origin, written_out
    from theory_check.reporting.mathematics import unicode_formula, unicode_text

    for title, text in (
        (found.id, unicode_text(found.title)),
        ("Statement", unicode_text(found.statement)),
        ("Formula", unicode_formula(found.formula)),
        ("Hypotheses", unicode_text(found.hypotheses)),
        ("Derivation", unicode_text(found.derivation)),
        ("Source", unicode_text(origin(found))),
    ):
        if text:
            click.echo(f"{title}: {text}")
    if found.domain is not None:
        click.echo(f"Domain: theory-check search {found.id}{own} draws networks such that")
        for hypothesis in found.domain.hypotheses:
            click.echo(f"  {unicode_text(hypothesis.sentence)}")
    for remark in found.remarks:
        click.echo(f"Remark: {unicode_text(remark)}")
    for correction in found.corrections:
        click.echo(f"\nCorrection\n  source      {unicode_text(written_out(correction.source))}")
        click.echo(f"  as stated   {unicode_text(correction.stated)}")
        click.echo(f"  what holds  {unicode_text(correction.corrected)}")
        judges = [planned.id for planned in checks if correction.variant in {v.name for v in planned.check.variants}]
        click.echo(f"  evidence    the variant “{unicode_text(correction.variant)}” at {', '.join(judges)}")


def _print_check(planned: PlannedCheck) -> None:
    from theory_check.experiments.cell import Cell
    from theory_check.reporting.mathematics import unicode_text
    from theory_check.reporting.numerals import format_significant, format_target

    check = planned.check
    click.echo(f"\n{planned.id}")
    for experiment in check.experiments:
        kernel = f", {experiment.kernel} kernel" if isinstance(experiment, Cell) else ""
        click.echo(f"  network   {experiment}{kernel}")
    click.echo(f"  quantity  {unicode_text(check.quantity)}; {check.estimator.method}; {planned.replicates} replicates")
    remainder = f" + remainder {format_significant(check.remainder)}" if check.remainder else ""
    click.echo(f"  target    {format_target(*check.target)}{' (exact)' if check.basis.exact else ''}")
    click.echo(f"  margin    {format_significant(check.margin)}{remainder}: {unicode_text(check.basis.reason)}")
    for variant in check.variants:
        click.echo(f"  must refute  {unicode_text(variant.name)}{_apart(variant.distance)}")
    for variant in planned.too_near:
        click.echo(f"  too near at this profile  {unicode_text(variant.name)}{_apart(variant.distance)}")


def _print_finding(last: ClaimFinding | None) -> None:
    click.echo(f"  {'not part of that run' if last is None else last.verdict}")
    if last is None:
        return
    from theory_check.reporting.mathematics import unicode_text

    for finding in last.findings:
        click.echo(f"  {finding.verdict:<12} {finding.id}")
    for judged in last.corrections:
        click.echo(f"  {'shown' if judged.shown else 'not shown':<12} “{unicode_text(judged.variant)}” is false")


def _apart(distance: float | None) -> str:
    return "" if distance is None else f" ({distance:.1f} tolerances away)"
