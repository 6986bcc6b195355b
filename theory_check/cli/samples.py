"""The summary of a sample on the terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping

import click
import numpy as np
from numpy.typing import NDArray

from theory_check.experiments.cell import Sample
from theory_check.simulation.archive import arrays

_LARGEST = sys.float_info.max


def summarise(sample: Sample) -> list[str]:
    """Return one line for each number of a replicate: its median with an exact 95% interval."""
    from theory_check.inference.intervals import quantile_interval
    from theory_check.reporting.numerals import format_estimate

    cell = sample.experiment
    lines = [f"{cell}: {sample.replicates} replicates, {cell.kernel} kernel, {sample.seconds:.2f} core s"]
    shown = dict(_single_numbers(sample))
    longest = max(26, *map(len, shown))
    for name, column in shown.items():
        undefined = int(np.count_nonzero(np.isnan(column)))
        if undefined:
            lines.append(f"  {name:<{longest}} undefined in {undefined} of {len(column)} replicates")
            continue
        # Order statistics are taken of finite numbers; an infinite median is the logarithm of 0, or an overflow.
        interval = quantile_interval(np.clip(column, -_LARGEST, _LARGEST), 0.5, alpha=0.05)
        if abs(interval.estimate) < _LARGEST:
            text = format_estimate(interval.estimate, interval.lower, interval.upper)
        else:
            text = "∞" if interval.estimate > 0.0 else "-∞"
        lines.append(f"  {name:<{longest}} median {text}")
    return lines


def warn_of_infinities(sample: Sample) -> None:
    """Say on stderr which columns are infinite, in how many replicates and why; nothing where all are finite."""
    count = sample.replicates
    if sample.overflows:
        _warn(
            f"{sample.overflows} of {count} replicates left the range of double precision; their values are infinite, "
            "do not average them"
        )
    columns = {name: column.reshape(count, -1) for name, column in arrays(sample).items()}
    zero = _infinite(columns, -math.inf)
    if zero:
        _warn(f"-inf is the logarithm of 0: {zero} of {count} replicates")
    # Displacements are exponentials of columns that are finite where nothing has overflowed.
    large = _infinite(columns, math.inf)
    if large and not sample.overflows:
        _warn(f"inf is beyond double precision, its logarithm is not: {large} of {count} replicates")


def _infinite(columns: Mapping[str, NDArray[np.float64]], value: float) -> str:
    rows = {name: int(np.any(column == value, axis=1).sum()) for name, column in columns.items()}
    return ", ".join(f"{name} in {number}" for name, number in rows.items() if number)


def _warn(text: str) -> None:
    click.echo(f"theory-check: warning: {text}", err=True)


def _single_numbers(sample: Sample) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield what the summary shows: one number a replicate, of the first input or, for cosines, of the second."""
    several = sample.experiment.input.count > 1
    for name, column in arrays(sample).items():
        if name.startswith("pairing") or name.endswith(("_profile", "_weight_gradient")):
            continue
        index = 1 if name.startswith("cosine") else 0
        values = column[:, index] if several else column
        suffix = f" of input {index + 1}" if several else ""
        if name == "log_singular_values":
            for rank in sorted({1, sample.experiment.network.width}):
                yield f"log_singular_value {rank}{suffix}", values[:, rank - 1]
        else:
            yield name + suffix, values
