"""Pictures that explain how a verdict is reached, computed by the inference of the package."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from mkdocs.structure.files import File, Files

from theory_check.inference import design, judge, mean_interval
from theory_check.inference.evidence import log_calibrated
from theory_check.inference.nights import EvidenceProcess, advance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Lines, text and shades on a light and on a dark page.
_INKS = {
    "light": {"ink": "#1b1f24", "faint": "#8c959f", "supported": "#1f6feb", "refuted": "#c4432b", "open": "#9a6700"},
    "dark": {"ink": "#e6edf3", "faint": "#8b949e", "supported": "#79b8ff", "refuted": "#ff8c73", "open": "#e3b341"},
}
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?:\.\./)*pictures/(\w+)\.svg\)")
_KINDS = {"supported": "supported", "refuted": "refuted", "inconclusive": "open"}

#: Level of a check, and the probability that a true statement is not supported by the planned number of values.
_LEVEL, _MISS = 1e-5, 1e-6


def on_files(files: Files, config: Any) -> Files:
    """Add every picture, for light and for dark pages."""
    for name, (size, draw) in PICTURES.items():
        for scheme in _INKS:
            files.append(File.generated(config, f"pictures/{name}-{scheme}.svg", content=drawn(draw, size, scheme)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Show each picture as it is drawn for the background of the page."""
    up = "../" * page.file.src_uri.count("/")
    return _PICTURE.sub(
        lambda found: "".join(f"![{found[1]}]({up}pictures/{found[2]}-{scheme}.svg#only-{scheme})" for scheme in _INKS),
        markdown,
    )


def drawn(draw: Callable[[Axes, dict[str, str]], None], size: tuple[float, float], scheme: str) -> bytes:
    """Return a picture as SVG without a background."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    inks = _INKS[scheme]
    style = {
        "font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 12.5, "svg.hashsalt": "theory-check",
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "lines.linewidth": 1.8,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), inks["ink"]),
    }  # fmt: skip
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot(), inks)
        written = io.BytesIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return written.getvalue()


def _verdicts(axes: Axes, inks: dict[str, str]) -> None:
    """Draw samples of several sizes and means, each judged against the same target and margin."""
    target, margin = 1.0, 0.1
    rows = [(0.01, 4000, False), (0.25, 4000, False), (0.01, 400, False), (0.08, 4000, False), (0.08, 4000, True)]
    axes.axvspan(target - margin, target + margin, color=inks["supported"], alpha=0.15, lw=0)
    axes.axvline(target, color=inks["faint"], lw=1.0)
    labels = []
    for row, (off, count, exact) in enumerate(rows):
        # Values whose mean is exactly this far off, so that the picture shows the rule and not the luck of a seed.
        values = target + off + np.linspace(-1.0, 1.0, count) * math.sqrt(3.0) * 0.4
        interval = mean_interval(values, variance_bound=0.16, alpha=_LEVEL)
        verdict = judge(interval, target=(target, target), margin=margin, exact=exact)
        colour = inks[_KINDS[verdict]]
        axes.plot([interval.lower, interval.upper], [-row, -row], color=colour, lw=3, solid_capstyle="butt")
        axes.plot([interval.estimate], [-row], "o", color=colour)
        labels.append(f"{verdict}\n{'exact, ' if exact else ''}{count:,} values")
    axes.set_yticks([-row for row in range(len(rows))], labels, linespacing=0.9)
    axes.set_ylim(0.5 - len(rows), 0.5)
    axes.set_xlabel("mean: estimate and interval; line: target; shade: target ± margin")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _plan(axes: Axes, inks: dict[str, str]) -> None:
    """Draw how many values a margin costs, at two levels."""
    margins = np.geomspace(0.01, 0.3, 25)
    for level, colour, style in ((1e-3, inks["supported"], "-"), (1e-6, inks["refuted"], "--")):
        for what, dashes in (("mean of variance 1", style), ("probability near 1/2", ":")):
            sizes = [
                design.mean_sample_size(variance_bound=1.0, margin=m, alpha=level, miss=_MISS)
                if what.startswith("mean")
                else design.proportion_sample_size((0.5, 0.5), margin=m, alpha=level, miss=_MISS)
                for m in margins
            ]
            axes.loglog(
                margins, sizes, dashes, color=colour, label=rf"{what}, level $10^{{{round(math.log10(level))}}}$"
            )
    axes.set_xlabel("margin")
    axes.set_ylabel("networks")
    axes.legend()


def _looks(axes: Axes, inks: dict[str, str]) -> None:
    """Draw the looks at a sample until it is decided, and what they would have been later."""
    target, margin, variance = math.exp(0.5), 0.2, math.exp(2.0) - math.exp(1.0)
    planned = design.mean_sample_size(variance_bound=variance, margin=margin, alpha=0.5 * _LEVEL, miss=_MISS)
    values = np.random.Generator(np.random.Philox(1)).lognormal(0.0, 1.0, planned)
    counts = [planned * k // 16 for k in (2, 3, 4, 6, 8, 11)] + [planned]
    levels = [0.5 * _LEVEL / (len(counts) - 1)] * (len(counts) - 1) + [0.5 * _LEVEL]
    axes.axhspan(target - margin, target + margin, color=inks["supported"], alpha=0.15, lw=0)
    axes.axhline(target, color=inks["faint"], lw=1.0)
    for side in (-1, 1):
        axes.axhline(target + 2 * side * margin, color=inks["refuted"], lw=1.2, ls="--")
    decided = False
    for count, level in zip(counts, levels, strict=True):
        interval = mean_interval(values[:count], variance_bound=variance, alpha=level)
        verdict = judge(interval, target=(target, target), margin=margin)
        colour = inks["faint"] if decided else inks[_KINDS[verdict]]
        axes.plot([count, count], [interval.lower, interval.upper], color=colour, lw=3, solid_capstyle="butt")
        axes.plot([count], [interval.estimate], "o", color=colour)
        if verdict != "inconclusive" and not decided:
            axes.annotate(f"{verdict},\nstop", (count, interval.upper), (0, 6), textcoords="offset points", ha="center")
            decided = True
    axes.set_xlabel(f"values at the look, of {planned:,} planned")
    axes.set_ylabel("mean")


def _nights(axes: Axes, inks: dict[str, str]) -> None:
    """Draw the evidence against a true statement and against one that becomes false at night 40."""
    rng = np.random.Generator(np.random.Philox(3))
    nights = np.arange(1, 61)
    for label, colour, shift in (("true", inks["supported"], 0.0), ("false from night 40", inks["refuted"], 2.6)):
        process, path = EvidenceProcess(_LEVEL), []
        for night in nights:
            score = rng.standard_normal() + (shift if night >= 40 else 0.0)
            process = advance(process, "1", log_calibrated(math.log(0.5 * math.erfc(score / math.sqrt(2.0)))))
            path.append(process.log_evidence / math.log(10.0))
        axes.plot(nights, path, color=colour, label=f"statement {label}")
    axes.axhline(process.log_needed / math.log(10.0), color=inks["ink"], lw=1.0, ls="--", label="refuted above")
    axes.set_xlabel("night")
    axes.set_ylabel(r"evidence against, $\log_{10} E$")
    axes.legend(loc="upper left")


PICTURES: dict[str, tuple[tuple[float, float], Callable[[Axes, dict[str, str]], None]]] = {
    "verdicts": ((6.4, 3.2), _verdicts),
    "plan": ((6.4, 3.6), _plan),
    "looks": ((6.4, 3.6), _looks),
    "nights": ((6.4, 3.6), _nights),
}
