"""``figure``: the figures of the paper, regenerated."""

from __future__ import annotations

from pathlib import Path

import click

from theory_check.cli.announcement import announce
from theory_check.cli.completion import Names
from theory_check.cli.engines import open_engine
from theory_check.cli.options import (
    WholeNumber,
    cluster_options,
    data_option,
    definitions_option,
    memory_option,
    out_option,
    seed_option,
    threads_option,
)
from theory_check.cli.terminal import hold_output, show_progress


@click.command(short_help="Regenerate a figure of the paper with its published settings.")
@click.argument("number", type=WholeNumber(), metavar="N")
@out_option("reports/paper")
@seed_option
@click.option("--replicates", type=WholeNumber(), default=None, metavar="COUNT",
              help="Repetitions, or draws of the weights; default: the published number.")  # fmt: skip
@click.option(
    "--depth", type=WholeNumber(), default=None, metavar="L", help="Depth, the largest one; default: 1000, published."
)
@click.option("--weights", default=None, metavar="NAME[:key=value,...]",
              help="Weight law (figures 1, 2, 3) or process (4, 5); default: the published one.")  # fmt: skip
@data_option(None)
@click.option("--selection", type=Names(("validation", "test")), default=None,
              help="What chooses the learning rate of figure 9; default: validation.")  # fmt: skip
@definitions_option
@threads_option()
@cluster_options
@memory_option
def figure(
    number: int,
    out: Path,
    seed: int,
    replicates: int | None,
    depth: int | None,
    weights: str | None,
    data: str | None,
    selection: str | None,
    threads: int | None,
    cluster: str | None,
    share: str | None,
    memory: int | None,
) -> int:
    """Regenerate figure N of the paper, 1 to 9, with its published settings.

    Writes DIR/figure-N.png and .svg, the data as DIR/figure-N.csv (and figure-7-curves.csv), and in DIR/figure-N.json
    settings, seed, experiments and the meaning of every column. Predictions are drawn over what was simulated, and
    everything simulated has its interval. 1 and 3: displacement of the output, and of the gradient, against the depth,
    independent weights; 2: histograms of the norm ratios; 4 and 5: as 1 and 3, smooth weights; 6: paths of fractional
    Brownian motion; 7: maps over the Hurst index and beta; 8: weights after training, over 21 seeds; 9: test accuracy
    over the Hurst index and beta. Exit code 2: bad input; 130: interrupted, the same command continues.
    """
    from theory_check.experiments.machine_costs import stored_costs
    from theory_check.paper.figure import ROW, write_figure
    from theory_check.paper.figures import choose_settings, figure_workload, find_figure, make_figure
    from theory_check.simulation.units import UnitStore

    chosen = find_figure(number)
    settings = choose_settings(
        chosen, seed=seed, replicates=replicates, depth=depth, weights=weights, data=data, selection=selection
    )
    more = ROW * (0 if chosen.rows is None else chosen.rows(settings))
    workload = figure_workload(chosen, settings)
    seconds = 0.0 if chosen.seconds is None else chosen.seconds(settings)
    stored = announce(
        f"figure {number}", workload, threads=threads, cluster=cluster, limit=memory, more=more, seconds=seconds
    ).stored
    resume = out / f".figure-{number}.resume"
    with hold_output(resume, files=[out / f"figure-{number}.{kind}" for kind in ("png", "svg", "csv", "json")]):
        longest = stored_costs().longest(workload.merged.values())
        with (
            open_engine(cluster, threads, share) as engine,
            show_progress(f"theory-check figure {number}", engine.processors, longest) as report,
        ):
            made = make_figure(
                chosen, settings, threads=threads, folder=resume, report=report, memory=stored, engine=engine
            )
        written = write_figure(chosen, settings, made, out)
        UnitStore(resume).clear()
    click.echo(f"figure {number}: {chosen.title}; {made.seconds:.1f} core s")
    for path in written:
        click.echo(f"written: {path}")
    return 0
