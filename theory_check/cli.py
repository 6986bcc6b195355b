"""The command line: ``theory-check run``, ``list``, ``show``, ``simulate``, ``map``, ``calibrate`` and ``history``.

Everything here is parsing and printing; errors end as one line on stderr with exit code 2, an interrupt with 130.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from theory_check import __version__
from theory_check.errors import TheoryCheckError

if TYPE_CHECKING:
    from rich.console import Console

    from theory_check.inference.nights import History
    from theory_check.runner import Report

REFUTED = 1
USAGE_ERROR = 2
INCONCLUSIVE = 3
INTERRUPTED = 130


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


@contextmanager
def _progress(description: str) -> Iterator[Report]:
    """Show a bar on a terminal and a line at every tenth of the work elsewhere."""
    console = _console(stderr=True)
    if console.is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(description)
            yield lambda done, total: progress.update(task, completed=done, total=total)
        return
    shown = -1

    def report(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        if tenth > shown:
            shown = tenth
            click.echo(f"{description}: {10 * tenth}%", err=True)

    yield report


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="theory-check")
@click.pass_context
def cli(context: click.Context) -> None:
    """Check theorems about very deep random residual networks by simulation, with controlled error."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(USAGE_ERROR)


_threads_option = click.option(
    "--threads",
    type=int,
    default=None,
    metavar="N",
    help="Threads; default: all processors. Values do not depend on it.",
)
_seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, metavar="N", help="Root seed, 0 to 2^64 - 1."
)
_memory_option = click.option(
    "--memory",
    type=int,
    default=512,
    show_default=True,
    metavar="MIB",
    help="Memory for weights that are tied across layers, all threads together. Values do not depend on it.",
)


@cli.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...")
@click.option(
    "--profile", default="quick", show_default=True, metavar="quick|standard|nightly", help="Depth of evidence."
)
@_seed_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, metavar="DIR")
@click.option("--history", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE.json",
              help="Add the evidence to that of earlier runs; the seed must be a new one.")  # fmt: skip
@_threads_option
@click.option("--budget", default=None, metavar="TIME",
              help="Processor time to plan for, 90s, 10min or 1.5h; default: that of the profile.")  # fmt: skip
def run(
    claims: tuple[str, ...],
    profile: str,
    seed: int,
    out: Path,
    history: Path | None,
    threads: int | None,
    budget: str | None,
) -> int:
    """Simulate, judge and report: all claims, or those named.

    Writes DIR/REPORT.md, DIR/results.json and DIR/figures. Exit code 0: all supported; 1: one refuted, with a
    history by all its runs together; 2: bad input; 3: none refuted, some inconclusive; 130: interrupted, the same
    command continues.
    """
    from theory_check.reporting.files import write_report
    from theory_check.reporting.terminal import print_summary
    from theory_check.runner import UnitStore
    from theory_check.specifications import check_integer, parse_duration
    from theory_check.streams import check_seed
    from theory_check.verification import examine, exit_code, find_claim, find_profile

    for name in claims:
        find_claim(name)
    granted = find_profile(profile).budget if budget is None else parse_duration("budget", budget)
    check_seed(seed)
    if threads is not None:
        check_integer("number of threads", threads, 1, 1024)
    nights = None if history is None else _open_history(history, seed, profile)
    resume = out / ".resume"
    with _progress(f"theory-check run, profile {profile}, seed {seed}") as report:
        outcome = examine(
            claims, profile=profile, seed=seed, threads=threads, folder=resume, report=report, budget=granted
        )
    record = outcome.record
    written = write_report(record, out)
    code = exit_code(record)
    console = _console()
    print_summary(record, console)
    click.echo(f"report: {written[0]}")
    if history is not None and nights is not None:
        from theory_check.claims.catalogue import all_claims
        from theory_check.history import add_night, write_history
        from theory_check.reporting.evolution import night_summary, refuted_claims
        from theory_check.storage import make_directory

        nights = add_night(nights, outcome)
        make_directory(history.parent)
        write_history(history, nights)
        for line in night_summary(nights):
            click.echo(line)
        click.echo(f"history: {history}")
        # A claim that has left the catalogue is history.
        if set(refuted_claims(nights)) & {claim.id for claim in all_claims()}:
            code = REFUTED
        elif code == REFUTED:
            # A level of one run is not one for the life of a history: only the nights together refute.
            click.echo("refuted by this night alone, not by the nights together")
            code = INCONCLUSIVE
    UnitStore(resume).clear()
    return code


def _open_history(path: Path, seed: int, profile: str) -> History:
    """Return the history that a run will be added to, or raise before anything is simulated."""
    from theory_check.history import new_history, read_history
    from theory_check.inference.nights import check_new_night

    found = read_history(path) if path.exists() else new_history(profile)
    check_new_night(found, seed=seed, profile=profile)
    return found


@cli.command("list")
@click.option("--regime", default=None, metavar="R", help="Only the claims of this regime.")
def list_claims(regime: str | None) -> int:
    """List the catalogue: id, regime, statement, source, cost at each profile."""
    from rich.table import Table

    from theory_check.claims.catalogue import REGIMES
    from theory_check.claims.model import PROFILES
    from theory_check.reporting.numerals import format_count, format_duration
    from theory_check.reporting.summary import plain_text
    from theory_check.specifications import check_choice
    from theory_check.verification import planned_cost

    if regime is not None:
        check_choice("regime", regime, [r.name for r in REGIMES])
    table = Table(box=None, pad_edge=False, title_justify="left")
    for heading in ("id", "regime", "statement", "source"):
        table.add_column(heading, overflow="fold")
    for profile in PROFILES:
        table.add_column(f"{profile}: networks, core time", justify="right")
    for group in REGIMES:
        for claim in group.claims if regime in (None, group.name) else ():
            costs = [planned_cost(claim, profile) for profile in PROFILES.values()]
            table.add_row(
                claim.id,
                group.name,
                plain_text(claim.statement),
                plain_text(claim.source),
                *(f"{format_count(n)}, {format_duration(seconds)}" for n, seconds in costs),
            )
    console = _console()
    if not console.is_terminal:
        console.width = 240
    console.print(table)
    return 0


@cli.command()
@click.argument("claim")
@click.option("--profile", default="quick", show_default=True, metavar="quick|standard|nightly")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, metavar="DIR",
              help="Where the last finding is read from.")  # fmt: skip
def show(claim: str, profile: str, out: Path) -> int:
    """Show one claim in full: statement, derivation, checks, wrong variants, last finding."""
    from theory_check.cells import Cell
    from theory_check.claims.model import plan_claim
    from theory_check.reporting.numerals import format_significant, format_target
    from theory_check.reporting.results import load_results
    from theory_check.reporting.summary import plain_text
    from theory_check.verification import find_claim, find_profile

    found = find_claim(claim)
    checks = plan_claim(found, find_profile(profile))
    for title, text in (
        (found.id, found.title),
        ("Statement", plain_text(found.statement)),
        ("Formula", found.formula),
        ("Hypotheses", found.hypotheses),
        ("Derivation", found.derivation),
        ("Source", plain_text(found.source)),
    ):
        click.echo(f"{title}: {text}")
    click.echo(f"\nChecks at profile {profile}, each at level {format_significant(checks[0].level)}:")
    for planned in checks:
        check = planned.check
        click.echo(f"\n{planned.id}")
        for cell in check.cells:
            kernel = f", {cell.kernel} kernel" if isinstance(cell, Cell) else ""
            click.echo(f"  network   {cell}{kernel}")
        click.echo(
            f"  quantity  {plain_text(check.quantity)}; {check.estimator.method}; {planned.replicates} replicates"
        )
        remainder = f" + remainder {format_significant(check.remainder)}" if check.remainder else ""
        click.echo(f"  target    {format_target(*check.target)}{' (exact)' if check.exact else ''}")
        click.echo(f"  margin    {format_significant(check.margin)}{remainder}: {check.margin_reason}")
        click.echo(f"  must refute  {'; '.join(v.name for v in check.all_variants)}")
    results = out / "results.json"
    if results.is_file():
        record = load_results(results)
        click.echo(f"\nLast finding ({record.started}, profile {record.profile}, seed {record.seed}):")
        last = [c for c in record.claims if c.id == found.id]
        click.echo(f"  {last[0].verdict if last else 'not part of that run'}")
        for finding in last[0].findings if last else ():
            click.echo(f"  {finding.verdict:<12} {finding.id}")
    return 0


@cli.command()
@click.option("--branch", default="res-3", show_default=True, metavar="linear|res-1|res-2|res-3")
@click.option("--activation", default="relu", show_default=True, metavar="relu|leaky:slope=S|identity|tanh")
@click.option("--weights", default="gaussian", show_default=True, metavar="NAME[:key=value,...]",
              help="Weight law, with its parameters and variance=unit|he|glorot|lecun|pytorch.")  # fmt: skip
@click.option("--width", type=int, default=40, show_default=True)
@click.option("--depth", type=int, default=1000, show_default=True)
@click.option("--beta", type=float, default=None, help="Scaling a_k = depth^-beta; default 0.5.")
@click.option(
    "--scale", default=None, metavar="A[,A...]", help="Scaling a_k itself: one number, or one for each layer."
)
@click.option(
    "--input",
    "input_name",
    default="gaussian",
    show_default=True,
    metavar="NAME",
    help="gaussian, sphere, paper, or correlated:cosine=C, several inputs of that cosine.",
)
@click.option("--inputs", type=int, default=1, show_default=True, help="Inputs that share the weights.")
@click.option("--replicates", type=int, default=1000, show_default=True)
@_seed_option
@click.option("--gradients/--no-gradients", default=True, show_default=True)
@click.option("--profile-depths", default="", metavar="K[,K...]", help="Depths at which to record norms and cosines.")
@click.option(
    "--jacobian/--no-jacobian",
    default=False,
    show_default=True,
    help="Singular values and determinant of dh_L/dh_0; widths up to 100.",
)
@click.option(
    "--weight-gradients", default="", metavar="K[,K...]", help="Layers, from 1, whose weight gradients to record."
)
@click.option(
    "--active-norm/--no-active-norm",
    default=False,
    show_default=True,
    help="Norm of the active coordinates; res-1 with relu.",
)
@click.option("--kernel", default="auto", show_default=True, metavar="auto|dense|reduced|stored")
@_threads_option
@_memory_option
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.npz")
def simulate(
    branch: str,
    activation: str,
    weights: str,
    width: int,
    depth: int,
    beta: float | None,
    scale: str | None,
    input_name: str,
    inputs: int,
    replicates: int,
    seed: int,
    gradients: bool,
    profile_depths: str,
    jacobian: bool,
    weight_gradients: str,
    active_norm: bool,
    kernel: str,
    threads: int | None,
    memory: int,
    out: Path,
) -> int:
    """Simulate one cell and write its values.

    Arrays of shape (replicates,): log_norm_ratio = log(|h_L|^2/|h_0|^2), displacement = |h_L - h_0|/|h_0|,
    log_gradient_ratio and gradient_displacement likewise for the gradient from output to input, the logarithms of the
    displacements, the pairings <p, h> at both ends, and the specification as JSON in spec. Several inputs add an axis
    and their cosines with the first; profile depths add norms and cosines there; --jacobian adds log_singular_values
    and log_determinant; --weight-gradients adds outer_weight_gradient = log(|dLoss/dV_k|^2 / (|h_0|^2 |p_L|^2)) and,
    for W_k, inner_weight_gradient; --active-norm adds log_active_norm_ratio = log(|relu h_L|^2/|relu h_0|^2).
    """
    from theory_check.archive import make_cell, summarise, write_sample
    from theory_check.runner import UnitStore, run_cells
    from theory_check.storage import make_directory
    from theory_check.streams import check_seed

    cell = make_cell(
        branch=branch,
        activation=activation,
        weights=weights,
        width=width,
        depth=depth,
        beta=beta,
        scale=scale,
        input_name=input_name,
        inputs=inputs,
        replicates=replicates,
        gradients=gradients,
        profile_depths=profile_depths,
        jacobian=jacobian,
        weight_gradients=weight_gradients,
        active_norm=active_norm,
        kernel=kernel,
    )
    check_seed(seed)
    _check_resources(threads, memory)
    if not out.parent.is_dir() or out.is_dir():
        raise click.UsageError(f"--out {out}: give the path of a file in an existing folder")
    resume = out.parent / f".{out.name}.resume"
    make_directory(resume)
    with _progress(f"theory-check simulate, {replicates} replicates") as report:
        sample = run_cells([cell], seed, threads=threads, folder=resume, report=report, memory=memory * 2**20)[cell]
    write_sample(sample, out)
    UnitStore(resume).clear()
    for line in summarise(sample):
        click.echo(line)
    click.echo(f"written: {out}")
    if sample.overflows:
        click.echo(
            f"theory-check: warning: {sample.overflows} of {replicates} replicates left the range of double precision; "
            "their values are infinite, do not average them",
            err=True,
        )
    return 0


@cli.command("map")
@click.option("--branch", default="res-3", show_default=True, metavar="linear|res-1|res-2|res-3")
@click.option("--activation", default="relu", show_default=True, metavar="relu|leaky:slope=S|identity|tanh")
@click.option("--width", type=int, default=40, show_default=True)
@click.option("--depth", type=int, default=1000, show_default=True)
@click.option("--process", default="fgn", show_default=True, metavar="NAME[:key=value,...]",
              help="Weight process; the first of its parameters that is left open varies.")  # fmt: skip
@click.option("--parameters", default="0.05:0.97:51", show_default=True, metavar="FIRST:LAST:COUNT",
              help="Values of that parameter; or numbers separated by commas.")  # fmt: skip
@click.option("--betas", default="0:1.3:70", show_default=True, metavar="FIRST:LAST:COUNT",
              help="Scaling exponents; or numbers separated by commas.")  # fmt: skip
@click.option("--draws", type=int, default=5, show_default=True, help="Draws of the weights for each parameter.")
@click.option("--inputs", type=int, default=10, show_default=True, help="Inputs for each draw.")
@click.option("--input", "input_name", default="paper", show_default=True, metavar="gaussian|sphere|paper")
@click.option("--gradients/--no-gradients", default=True, show_default=True)
@_seed_option
@_threads_option
@_memory_option
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.npz")
def phase_map(seed: int, threads: int | None, memory: int, out: Path, **spelling: Any) -> int:
    """Map output and gradient over a parameter of the weights and the scaling exponent beta.

    Arrays of shape (parameters, betas, draws, inputs): log_norm_ratio, log_displacement = log(|h_L - h_0|/|h_0|),
    log_gradient_ratio, log_gradient_displacement; parameters, betas and the specification as JSON in spec. A picture
    of the medians stands beside them, FILE.png.
    """
    from theory_check.map_archive import make_map, write_map
    from theory_check.phase_map import run_map
    from theory_check.runner import UnitStore
    from theory_check.storage import make_directory
    from theory_check.streams import check_seed

    specification = make_map(**spelling)
    check_seed(seed)
    _check_resources(threads, memory)
    if not out.parent.is_dir() or out.is_dir() or out.suffix == ".png":
        raise click.UsageError(f"--out {out}: give the path of a file in an existing folder, not of a picture")
    resume = out.parent / f".{out.name}.resume"
    make_directory(resume)
    values, betas = len(specification.values), len(specification.betas)
    with _progress(f"theory-check map, {values} x {betas} points") as report:
        found = run_map(specification, seed, threads=threads, folder=resume, report=report, memory=memory * 2**20)
    written = write_map(found, out)
    UnitStore(resume).clear()
    click.echo(
        f"{values} values of {specification.parameter}, {betas} of beta, {specification.draws} draws x "
        f"{specification.input.count} inputs: "
        f"{found.seconds:.1f} core s"
    )
    for path in written:
        click.echo(f"written: {path}")
    return 0


def _check_resources(threads: int | None, memory: int) -> None:
    from theory_check.specifications import check_integer

    if threads is not None:
        check_integer("number of threads", threads, 1, 1024)
    check_integer("memory in MiB", memory, 1, 2**20)


@cli.command()
@click.argument("methods", nargs=-1, metavar="[METHOD]...")
@click.option("--profile", default="quick", show_default=True, metavar="quick|nightly", help="Depth of evidence.")
@_seed_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, metavar="DIR")
@click.option("--threads", type=int, default=None, metavar="N",
              help="Processes; default: one for each processor. Counts do not depend on it.")  # fmt: skip
def calibrate(methods: tuple[str, ...], profile: str, seed: int, out: Path, threads: int | None) -> int:
    """Check that the statistical methods keep their promises: all of them, or those named.

    Counts false rejections and missed deviations on samples from known laws, and those of procedures that are known to
    break their promise. Writes DIR/CALIBRATION.md, DIR/calibration.json and DIR/figures/calibration.png. Exit code 0:
    all promises kept, all negative controls refuted; 1: a promise refuted; 2: bad input; 3: a control not refuted; 130:
    interrupted, nothing is written.
    """
    from theory_check.calibration.calibration import calibrate as run_calibration
    from theory_check.calibration.calibration import exit_code, find_methods, find_profile
    from theory_check.reporting.calibration import answer_controls, answer_promises, method_lines, write_calibration
    from theory_check.specifications import check_integer
    from theory_check.storage import make_directory
    from theory_check.streams import check_seed

    find_methods(methods)
    find_profile(profile)
    check_seed(seed)
    if threads is not None:
        check_integer("number of threads", threads, 1, 1024)
    make_directory(out)
    try:
        with _progress(f"theory-check calibrate, profile {profile}, seed {seed}") as report:
            record = run_calibration(methods, profile=profile, seed=seed, threads=threads, report=report)
    except KeyboardInterrupt:
        click.echo("theory-check: interrupted; nothing was written, the same command starts again", err=True)
        return INTERRUPTED
    written = write_calibration(record, out)
    for line in (*method_lines(record), answer_promises(record), answer_controls(record)):
        click.echo(line)
    click.echo(f"report: {written[0]}")
    return exit_code(record)


@cli.command()
@click.option("--history", type=click.Path(path_type=Path, dir_okay=False), default=Path("reports/history.json"),
              show_default=True, metavar="FILE.json", help="What run --history wrote.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE.png",
              help="Also draw the evidence over the nights.")  # fmt: skip
def history(history: Path, out: Path | None) -> int:
    """Show how the evidence on each claim moved from run to run.

    For each claim: the evidence against it now and at its peak, of what refutes it (logarithms to base 10). For each
    point: its confidence sequence, valid for all nights together, and how it narrowed.
    """
    from theory_check.history import read_history
    from theory_check.reporting.evolution import history_picture, print_history
    from theory_check.reporting.figures import draw

    found = read_history(history)
    print_history(found, _console())
    if out is not None:
        draw(history_picture(found), out)
        click.echo(f"picture: {out}")
    return 0


def _invoke(command: Callable[..., object], arguments: list[str] | None) -> int:
    try:
        code = command(args=arguments, standalone_mode=False, prog_name="theory-check")
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("theory-check: interrupted; finished parts are kept, the same command continues", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        click.echo(f"theory-check: error: {message}", err=True)
        return USAGE_ERROR
    except TheoryCheckError as error:
        click.echo(f"theory-check: error: {error}", err=True)
        return USAGE_ERROR
    return code if isinstance(code, int) else 0


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(_invoke(cli, arguments))


if __name__ == "__main__":
    main()
