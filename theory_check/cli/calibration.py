"""``calibrate``: whether the statistical methods keep their promises."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from theory_check.cli.engines import open_workers
from theory_check.cli.options import cluster_option, out_option, profile_option, seed_option, threads_option
from theory_check.cli.terminal import hold_output, show_progress


@click.command(short_help="Check that the statistical methods keep their promises.")
@click.argument("methods", nargs=-1, metavar="[METHOD]...")
@profile_option(("quick", "nightly"))
@seed_option
@out_option()
@threads_option("Processes; default: one for each processor. Counts do not depend on it.")
@cluster_option
def calibrate(
    methods: tuple[str, ...], profile: str, seed: int, out: Path, threads: int | None, cluster: str | None
) -> int:
    """Check that the statistical methods keep their promises: all of them, or those named.

    Counts false rejections and missed deviations on samples from known laws, and those of procedures that are known to
    break their promise. Writes DIR/CALIBRATION.md, DIR/calibration.json and DIR/figures/calibration.png. Exit code 0:
    all promises kept, all negative controls refuted; 1: a promise refuted; 2: bad input; 3: a control not refuted; 130:
    interrupted, the same command continues.
    """
    from theory_check.calibration.promises import calibrate as run_calibration
    from theory_check.calibration.promises import exit_code, find_methods, find_profile
    from theory_check.reporting.calibration import answer_controls, answer_promises, method_lines, write_calibration
    from theory_check.simulation.engines import available_threads
    from theory_check.simulation.units import UnitStore

    find_methods(methods)
    find_profile(profile)
    files = [out / "CALIBRATION.md", out / "calibration.json"]
    with hold_output(out / ".calibration.resume", files=files, folders=[out / "figures"]) as parts:
        with (
            nullcontext() if cluster is None else open_workers(cluster, threads) as elsewhere,
            show_progress(
                f"theory-check calibrate, profile {profile}, seed {seed}",
                (threads or available_threads()) if elsewhere is None else elsewhere.processors,
            ) as report,
        ):
            record = run_calibration(
                methods, profile=profile, seed=seed, threads=threads, report=report, cluster=elsewhere, folder=parts
            )
        written = write_calibration(record, out)
        UnitStore(parts).clear()
    for line in (*method_lines(record), answer_promises(record), answer_controls(record)):
        click.echo(line)
    click.echo(f"report: {written[0]}")
    return exit_code(record)
