"""``train``: networks trained from their random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from theory_check.cli.announcement import say, weigh
from theory_check.cli.completion import Names, complete_weights
from theory_check.cli.engines import open_engine
from theory_check.cli.options import (
    RealNumber,
    WholeNumber,
    activation_option,
    archive_option,
    cluster_options,
    data_option,
    definitions_option,
    memory_option,
    parts_beside,
    read_pairs,
    seed_option,
    threads_option,
)
from theory_check.cli.terminal import hold_output, show_progress


@click.command(short_help="Train one setting on labelled images.")
@click.option("--branch", default="res-1", show_default=True, metavar="linear|res-1|res-3")
@activation_option
@click.option("--weights", default="uniform", show_default=True, metavar="NAME[:key=value,...]",
              shell_complete=complete_weights,
              help="Law or process of the initial weights.")  # fmt: skip
@click.option("--width", type=WholeNumber(), default=30, show_default=True)
@click.option("--depth", type=WholeNumber(), default=100, show_default=True)
@click.option("--beta", type=RealNumber(), default=None, help="Scaling a_k = depth^-beta; default 0.5.")
@click.option("--scale", default=None, metavar="A[,A...]",
              help="Scaling a_k itself: one number, or one for each layer.")  # fmt: skip
@click.option("--outer/--no-outer", "has_outer", default=True, show_default=True,
              help="With the matrix V outside of the activation, or without (res-3).")  # fmt: skip
@click.option("--weights-power", type=RealNumber(), default=0.0, show_default=True, metavar="P",
              help="Initial weights are multiplied by depth^P, P between -4 and 4.")  # fmt: skip
@data_option("digits")
@click.option("--loss", type=Names(("cross-entropy", "square")), default="cross-entropy", show_default=True)
@click.option("--optimiser", default="adam", show_default=True, metavar="gradient-descent|momentum|adam[:key=value]")
@click.option("--learning-rate", type=RealNumber(), default=1e-3, show_default=True, metavar="ETA")
@click.option("--rate-power", type=RealNumber(), default=0.0, show_default=True, metavar="P",
              help="Residual layers learn at ETA * depth^P, P between -4 and 4.")  # fmt: skip
@click.option(
    "--decay", type=RealNumber(), default=1.0, show_default=True, help="Factor of the rates after --decay-after."
)
@click.option("--decay-after", type=WholeNumber(), default=0, show_default=True, metavar="EPOCHS")
@click.option("--batch", type=WholeNumber(), default=128, show_default=True)
@click.option("--epochs", type=WholeNumber(), default=10, show_default=True)
@click.option("--train-ends/--freeze-ends", "trains_ends", default=True, show_default=True,
              help="First and last layer.")  # fmt: skip
@click.option("--trained-scaling", type=Names(("fixed", "shared", "layers")), default="fixed", show_default=True,
              help="Train the a_k too, as one number or each by itself.")  # fmt: skip
@click.option("--validation", "validation_share", type=RealNumber(), default=0.2, show_default=True, metavar="SHARE",
              help="Share of the examples that is held back from training.")  # fmt: skip
@click.option("--precision", type=Names(("single", "double")), default="single", show_default=True)
@click.option("--entries", default="", metavar="I:J[,I:J...]", callback=read_pairs("entries"),
              help="Entries of the weights, from 0, to record along the layers.")  # fmt: skip
@click.option("--replicates", type=WholeNumber(), default=7, show_default=True,
              help="Seeds: split, weights and order of the examples.")  # fmt: skip
@seed_option
@definitions_option
@threads_option()
@cluster_options
@memory_option
@archive_option
def train(
    replicates: int,
    seed: int,
    threads: int | None,
    cluster: str | None,
    share: str | None,
    memory: int | None,
    out: Path,
    **spelling: Any,
) -> int:
    """Train one setting on labelled images and write what was observed.

    FILE.npz has train_accuracy, validation_accuracy, test_accuracy and diverged, shape (replicates,); loss and
    validation_accuracies, (replicates, epochs); the displacement at initialisation; for the weights of the branch,
    movement, increments, quadratic variations, norms and chosen entries before and after; and the specification as
    JSON in spec. FILE.csv and FILE.png have the learning curves: medians over the seeds with 95% intervals, each seed
    beside them. An interrupted command continues from the trainings that were finished.
    """
    from theory_check.experiments.spelling import training
    from theory_check.experiments.workload import Workload
    from theory_check.foundation.files import write_together
    from theory_check.reporting.drawing import render
    from theory_check.reporting.learning_curves import curve_panels, curve_table, summarise_trainings
    from theory_check.simulation.archive import encode_trainings
    from theory_check.simulation.runner import run_experiments
    from theory_check.simulation.timing import training_costs
    from theory_check.simulation.units import UnitStore

    experiment = training(**spelling)
    table, picture = out.with_suffix(".csv"), out.with_suffix(".png")
    resume = parts_beside(out)
    workload = Workload.of([(experiment, replicates)])
    needed = weigh(workload, threads=threads, cluster=cluster, limit=memory)
    costs = training_costs(experiment)
    say("train", costs.seconds(workload.merged.values()), needed.total)
    with hold_output(resume, files=[out, table, picture]):
        with (
            open_engine(cluster, threads, share) as engine,
            show_progress(
                f"theory-check train, {replicates} seeds", engine.processors, costs.block_seconds(experiment)
            ) as report,
        ):
            sample = run_experiments(
                workload, seed, folder=resume, report=report, engine=engine, costs=costs
            )[experiment]  # fmt: skip
        write_together({
            picture: render(curve_panels(sample))["png"], table: curve_table(sample), out: encode_trainings(sample),
        })  # fmt: skip
        UnitStore(resume).clear()
    for line in summarise_trainings(sample):
        click.echo(line)
    for path in (out, table, picture):
        click.echo(f"written: {path}")
    return 0
