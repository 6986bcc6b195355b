"""Tables and pictures of the results of ``speed.py``, and the block of the README."""

from __future__ import annotations

import math
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from machine import seconds

OWN = "theory_check"

#: The block of a README between these lines is written by ``speed.py --readme``.
BEGIN, END = "<!-- speed: written by benchmarks/speed.py -->", "<!-- speed: end -->"

Results = dict[str, Any]


def _spread(values: list[float], form: str) -> str:
    return f"{median(values):{form}} [{min(values):{form}}, {max(values):{form}}]"


def ratios(work: Results, contender: str) -> list[float]:
    """Return times of a contender over those of theory_check, round by round."""
    return [theirs / ours for theirs, ours in zip(work["times"][contender], work["times"][OWN], strict=True)]


def best_peer(work: Results) -> str:
    """Return the fastest contender besides theory_check and its other kernels, by the median ratio."""
    others = (name for name in work["times"] if name not in (OWN, "dense kernel"))
    return min(others, key=lambda name: median(ratios(work, name)))


def table(works: list[Results]) -> list[str]:
    names = list(dict.fromkeys(name for work in works for name in work["times"]))
    lines = [
        f"| {works[0]['group']} | " + " | ".join(f"{name}, a {works[0]['unit']}" for name in names[:1])
        + " | " + " | ".join(names[1:]) + " |",
        "|:--|" + "--:|" * len(names),
    ]  # fmt: skip
    for work in works:
        own = work["times"][OWN]
        cells = [f"{seconds(median(own))} [{seconds(min(own))}, {seconds(max(own))}]"]
        cells += [_spread(ratios(work, name), ".3g") if name in work["times"] else "" for name in names[1:]]
        lines.append(f"| {work['name']} | " + " | ".join(cells) + " |")
    return lines


def render(results: Results) -> str:
    """Return all tables as a Markdown page."""
    lines = [
        "# Benchmark: theory_check against other programs",
        "",
        f"{results['machine']} Repeat with `tox run -e bench`; numbers in [results.json](results.json).",
        "",
        f"One interleaved run of {results['rounds']} rounds on one thread, processor time. The first column is the "
        "time of theory_check, the others are times as multiples of it in the same round: medians, with the least and "
        "the largest in brackets. All weights are drawn, depth 1000, beta 1/2. *Plain NumPy*: batches of networks, "
        "double precision, distribution methods of `np.random.Generator`. *Tuned NumPy*: single precision, in place, "
        "raw words turned into uniform numbers and signs, SFC64. *PyTorch*: batched `bmm`; *JAX*: one compiled scan; "
        "those that are installed. NumPy, PyTorch and JAX have the batch that suits them best. *Paper's procedure*: "
        "one network of depth 1000 at a time, all weights drawn and kept, forward and back; in PyTorch with a module "
        "for each layer, initialised by the library and again by the law, and automatic differentiation. The laws of "
        "log R, of the procedure's log R* and of the singular values of all contenders agreed by Smirnov's exact test "
        "before anything was timed.",
        "",
    ]
    for group, members in groupby(results["works"], key=lambda work: work["group"]):
        lines += [f"## {group.capitalize()}", "", *table(list(members)), ""]
    lines += ["![Time of a weight against width](figures/widths.png)", "", "## Depth", "",
              "A block of 64 networks, forward.", "", "| network | depth | processor time | a layer of a network |",
              "|:--|--:|--:|--:|"]  # fmt: skip
    for row in results["depths"]:
        each = row["seconds"] / row["depth"] / 64
        lines.append(f"| {row['name']} | {row['depth']:,} | {seconds(row['seconds'])} | {seconds(each)} |")
    lines += ["", "![Time against depth](figures/depths.png)", "", "## Threads", "",
              "Res-3, uniform, width 40, by the clock on the wall.", "", "| threads | time | times as fast |",
              "|--:|--:|--:|"]  # fmt: skip
    single = results["threads"][0]["seconds"]
    for row in results["threads"]:
        speedups = [one / many for one, many in zip(single, row["seconds"], strict=True)]
        lines.append(f"| {row['threads']} | {seconds(median(row['seconds']))} | {_spread(speedups, '.2f')} |")
    lines += [
        "",
        "## Peak memory of a process that carries 64 networks forward",
        "",
        "| depth | peak, MiB |",
        "|--:|--:|",
    ]
    lines += [f"| {row['depth']:,} | {row['MiB']:.0f} |" for row in results["memory"]]
    return "\n".join(lines) + "\n"


def filled(readme: str, results: Results) -> str:
    """Return a README with its marked block written anew.

    Raises
    ------
    SystemExit
        If the marks are not there, once each and in order.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"the file has no block between {BEGIN!r} and {END!r}")
    chosen = [w for w in results["works"] if w["group"] != "Gaussian weights, exact reductions"]
    chosen = [w for w in chosen if w["group"] != "forward" or w["name"].endswith((" 4", " 40", " 100"))]
    shown = ("tuned NumPy", "paper's procedure, NumPy", "paper's procedure, PyTorch")
    lines = [f"| work | this package | best other program | how much slower | {' | '.join(shown)} |",
             "|:--|--:|:--|--:|--:|--:|--:|"]  # fmt: skip
    reductions = [w for w in results["works"] if w["group"] == "Gaussian weights, exact reductions"]
    for work in (*chosen, *reductions):
        group = "Gaussian, reduced" if work in reductions else work["group"]
        peer = best_peer(work)
        others = [f"{median(ratios(work, name)):.3g}" if name in work["times"] else "" for name in shown]
        lines.append(
            f"| {group}: {work['name']} | {seconds(median(work['times'][OWN]))} a {work['unit']} | {peer} | "
            f"{median(ratios(work, peer)):.3g} | {' | '.join(others)} |"
        )
    note = f"{results['machine']} Medians of one run of `tox run -e bench`."
    return before + "\n".join([BEGIN, *lines, "", note, END]) + after


def draw(results: Results, folder: Path) -> None:
    """Draw time of a weight against width and time against depth."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    forward = [work for work in results["works"] if work["group"] == "forward"]
    laws = list(dict.fromkeys(work["name"].split(", ")[1] for work in forward))
    figure, axes = plt.subplots(1, len(laws), figsize=(4.2 * len(laws), 3.6), sharey=True, squeeze=False)
    for axis, law in zip(axes[0], laws, strict=True):
        works = [work for work in forward if f", {law}," in work["name"]]
        widths = [int(work["name"].rsplit(" ", 1)[1]) for work in works]
        for name in works[0]["times"]:
            times = [1e9 * median(work["times"][name]) for work in works]
            axis.loglog(widths, times, "o-", label=name, lw=2 if name == OWN else 1)
        axis.set_title(f"{law} weights, res-3")
        axis.set_xlabel("width $d$")
    axes[0][0].set_ylabel("ns a weight")
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "widths.png", dpi=120)
    plt.close(figure)
    figure, axis = plt.subplots(figsize=(5, 3.6))
    for name, rows in groupby(results["depths"], key=lambda row: row["name"]):
        points = [(row["depth"], row["seconds"]) for row in rows]
        axis.loglog(*zip(*points, strict=True), "o-", label=name)
    least = math.floor(math.log10(min(row["seconds"] for row in results["depths"])))
    axis.set_ylim(bottom=10.0**least)
    axis.set_xlabel("depth $L$")
    axis.set_ylabel("seconds for 64 networks")
    axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "depths.png", dpi=120)
    plt.close(figure)
