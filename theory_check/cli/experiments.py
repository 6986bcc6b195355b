"""``simulate`` and ``map``: experiments that judge nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from theory_check.cli.announcement import announce
from theory_check.cli.completion import Names, complete_process, complete_weights
from theory_check.cli.engines import open_engine
from theory_check.cli.options import (
    RealNumber,
    WholeNumber,
    activation_option,
    archive_option,
    branch_option,
    cluster_options,
    definitions_option,
    depth_option,
    gradients_option,
    memory_option,
    parts_beside,
    read_integers,
    seed_option,
    threads_option,
    width_option,
)
from theory_check.cli.terminal import hold_output, show_progress


@click.command()
@branch_option
@activation_option
@click.option("--weights", default="gaussian", show_default=True, metavar="NAME[:key=value,...]",
              shell_complete=complete_weights,
              help="Weight law, with its parameters and variance=unit|he|glorot|lecun|pytorch.")  # fmt: skip
@width_option
@depth_option
@click.option("--beta", type=RealNumber(), default=None, help="Scaling a_k = depth^-beta; default 0.5.")
@click.option("--scale", default=None, metavar="A[,A...]",
              help="Scaling a_k itself: one number, or one for each layer.")  # fmt: skip
@click.option("--input", default="gaussian", show_default=True, metavar="NAME",
              help="gaussian, sphere, ones, paper, or correlated:cosine=C, several inputs of that cosine.")  # fmt: skip
@click.option("--inputs", type=WholeNumber(), default=1, show_default=True, help="Inputs that share the weights.")
@click.option("--replicates", type=WholeNumber(), default=1000, show_default=True)
@seed_option
@gradients_option
@click.option("--recorded-depths", default="", metavar="K[,K...]", callback=read_integers("recorded depths"),
              help="Depths at which to record norms and cosines.")  # fmt: skip
@click.option("--jacobian/--no-jacobian", default=False, show_default=True,
              help="Singular values and determinant of dh_L/dh_0; widths up to 100.")  # fmt: skip
@click.option("--weight-gradients", default="", metavar="K[,K...]",
              callback=read_integers("layers of weight gradients"),
              help="Layers, from 1, whose weight gradients to record.")  # fmt: skip
@click.option("--active-norm/--no-active-norm", default=False, show_default=True,
              help="Norm of the active coordinates; res-1 with relu.")  # fmt: skip
@click.option("--controls/--no-controls", default=False, show_default=True,
              help="Control variates of log R; linear and res-3.")  # fmt: skip
@click.option("--kernel", type=Names(("auto", "dense", "reduced", "chain", "stored")), default="auto",
              show_default=True)  # fmt: skip
@definitions_option
@threads_option()
@cluster_options
@memory_option
@archive_option
def simulate(
    replicates: int,
    seed: int,
    threads: int | None,
    cluster: str | None,
    share: str | None,
    memory: int | None,
    out: Path,
    **spelling: Any,
) -> int:
    """Simulate one network and write its values.

    Arrays of shape (replicates,): log_norm_ratio = log(|h_L|^2/|h_0|^2), displacement = |h_L - h_0|/|h_0|,
    log_gradient_ratio and gradient_displacement likewise for the gradient from output to input, the logarithms of the
    displacements, the pairings <p, h> at both ends, and the specification as JSON in spec. Several inputs add an axis
    and their cosines with the first; recorded depths add norms and cosines there; --jacobian adds log_singular_values
    and log_determinant; --weight-gradients adds outer_weight_gradient = log(|dLoss/dV_k|^2 / (|h_0|^2 |p_L|^2)) and,
    for W_k, inner_weight_gradient; --active-norm adds log_active_norm_ratio = log(|relu h_L|^2/|relu h_0|^2);
    --controls adds sums over the layers whose mean is 0, control_projection, control_length and control_square, and
    log_floored_ratio, the sum of log max(|h_k|^2/|h_{k-1}|^2, 1/2).
    """
    from theory_check.cli.samples import summarise, warn_of_infinities
    from theory_check.experiments.machine_costs import stored_costs
    from theory_check.experiments.spelling import network
    from theory_check.experiments.workload import Workload
    from theory_check.simulation.archive import write_sample
    from theory_check.simulation.runner import run_experiments
    from theory_check.simulation.units import UnitStore

    cell = network(**spelling)
    resume = parts_beside(out)
    workload = Workload.of([(cell, replicates)])
    longest = stored_costs().longest(workload.merged.values())
    stored = announce("simulate", workload, threads=threads, cluster=cluster, limit=memory).stored
    with hold_output(resume, files=[out]):
        with (
            open_engine(cluster, threads, share) as engine,
            show_progress(f"theory-check simulate, {replicates} replicates", engine.processors, longest) as report,
        ):
            sample = run_experiments(workload, seed, folder=resume, report=report, memory=stored, engine=engine)[cell]
        write_sample(sample, out)
        UnitStore(resume).clear()
    for line in summarise(sample):
        click.echo(line)
    click.echo(f"written: {out}")
    warn_of_infinities(sample)
    return 0


@click.command("map", short_help="Map output and gradient over weights and scaling exponent.")
@branch_option
@activation_option
@width_option
@depth_option
@click.option("--process", default="fgn", show_default=True, metavar="NAME[:key=value,...]",
              shell_complete=complete_process,
              help="Weight process; the first of its parameters that is left open varies.")  # fmt: skip
@click.option("--parameters", default="0.05:0.97:51", show_default=True, metavar="FIRST:LAST:COUNT",
              help="Values of that parameter; or numbers separated by commas.")  # fmt: skip
@click.option("--betas", default="0:1.3:70", show_default=True, metavar="FIRST:LAST:COUNT",
              help="Scaling exponents; or numbers separated by commas.")  # fmt: skip
@click.option(
    "--draws", type=WholeNumber(), default=5, show_default=True, help="Draws of the weights for each parameter."
)
@click.option("--inputs", type=WholeNumber(), default=10, show_default=True, help="Inputs for each draw.")
@click.option("--input", "input_name", default="paper", show_default=True, metavar="gaussian|sphere|ones|paper")
@gradients_option
@seed_option
@definitions_option
@threads_option()
@cluster_options
@memory_option
@archive_option
def phase_map(
    seed: int,
    threads: int | None,
    cluster: str | None,
    share: str | None,
    memory: int | None,
    out: Path,
    **spelling: Any,
) -> int:
    """Map output and gradient over a parameter of the weights and the scaling exponent beta.

    Arrays of shape (parameters, betas, draws, inputs): log_norm_ratio, log_displacement = log(|h_L - h_0|/|h_0|),
    log_gradient_ratio, log_gradient_displacement; parameters, betas and the specification as JSON in spec. A picture
    of the medians stands beside them, FILE.png, for fractional noise with the predicted critical curves.
    """
    from theory_check.experiments.machine_costs import stored_costs
    from theory_check.experiments.memory import replicate_memory
    from theory_check.experiments.workload import Workload
    from theory_check.paper.map_pictures import curve_seconds_of, write_map
    from theory_check.paper.phase_map import make_map, run_map
    from theory_check.simulation.engines import available_threads
    from theory_check.simulation.units import UnitStore

    specification = make_map(**spelling)
    resume = parts_beside(out)
    workload = Workload.of((sweep, specification.draws) for sweep in specification.sweeps)
    # The values of all sweeps are joined, and written.
    more = 2 * sum(count * replicate_memory(sweep) for sweep, count in workload.requests.items())
    longest = stored_costs().longest(workload.merged.values())
    stored = announce(
        "map", workload, threads=threads, cluster=cluster, limit=memory, more=more,
        seconds=curve_seconds_of(specification),
    ).stored  # fmt: skip
    values, betas = len(specification.values), len(specification.betas)
    with hold_output(resume, files=[out, out.with_suffix(".png")]):
        with (
            open_engine(cluster, threads, share) as engine,
            show_progress(f"theory-check map, {values} x {betas} points", engine.processors, longest) as report,
        ):
            found = run_map(specification, seed, folder=resume, report=report, memory=stored, engine=engine)
        written = write_map(found, out, threads=threads or available_threads())
        UnitStore(resume).clear()
    click.echo(
        f"{values} values of {specification.parameter}, {betas} of beta, {specification.draws} draws x "
        f"{specification.input.count} inputs: {found.seconds:.1f} core s"
    )
    for path in written:
        click.echo(f"written: {path}")
    return 0
