"""The table of weight laws: which statement each of them obeys or breaks, by the findings of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from theory_check.catalogue import contrasts
from theory_check.catalogue.admissible_laws import ADMISSIBLE
from theory_check.claims.networks import WEIGHTS
from theory_check.findings.run import Finding, RunRecord, Table
from theory_check.reporting.summary import all_points, estimate_text, target_text

#: Headings of the statements, in the order of the entries of a row.
STATEMENTS: tuple[str, ...] = (
    r"E1: $\mathbb{E}\,R = (1+\kappa a^2)^L$",
    r"E4: limit law of $\log R$",
    r"E4: limit law of $\log R^*$",
    "P3: $D$ between positive bounds",
)


@dataclass(frozen=True)
class Entry:
    """The point that decides on a law and a statement, what it estimates, and whether its support breaks the statement.

    ``remark`` says how the statement is broken, or with which constant it is obeyed; ``denied`` names the wrong variant
    of the point that is the statement itself.
    """

    point: str
    noun: str
    breaks: bool = False
    remark: str = ""
    denied: str = ""


@dataclass(frozen=True)
class LawRow:
    """A weight law, the hypothesis that it is a case of, and an entry for each statement (None: no test)."""

    law: str
    case: str
    entries: tuple[Entry | None, ...]


def _obeying(law: str, case: str, mean: Entry, laws: str, bounds: str, remark: str = "") -> LawRow:
    """Return the row of a law that obeys every statement; the ids of its limit laws begin with ``laws``."""
    limits = (Entry(f"{laws}-{name}-law", "distance", remark=remark) for name in ("norm", "gradient"))
    return LawRow(law, case, (mean, *limits, Entry(bounds, "probability", remark=remark)))


def _breaking(law: str, case: str, point: str, noun: str, remark: str, denied: tuple[str, str, str]) -> LawRow:
    """Return the row of a law of which one point of E15 denies the mean, the limit law and the bounds."""
    mean, limit, bounds = (Entry(f"E15/{point}", noun, True, remark, name) for name in denied)
    return LawRow(law, case, (mean, limit, None, bounds))


def _exploding(law: str, case: str, network: str, remark: str) -> LawRow:
    noun, denied = "probability of more than 20 times that mean", (contrasts.MARKOV, contrasts.LIMIT_LAW)
    return _breaking(law, case, f"{network}-markov", noun, remark, (*denied, contrasts.MARKOV))


_CASES = {
    "triangular": "symmetric, kurtosis 2.4",
    "truncated-normal": "symmetric, kurtosis below 3",
    "ternary": "symmetric, kurtosis 8",
    "laplace": "symmetric, kurtosis 6",
    "sparse": "symmetric, kurtosis 10",
    "student": "symmetric, kurtosis 9, no sixth moment",
    "orthogonal": "entries dependent, uncorrelated",
    "exponential": "V skewed, no W",
}
_SKEWED = "mean displaced with the direction of $h_0$"
_NINTH = r"with $\kappa/9$"
_HEAVY = _exploding("student:df=1.5", "infinite variance", "res-3-student-d8", r"$D \to \infty$")
_UNBOUNDED = Entry("E15/res-3-student-d8-unbounded", "probability of $D$ beyond its bound", True, r"$D \to \infty$")

ROWS: tuple[LawRow, ...] = (
    *(
        _obeying(
            law, "symmetric, kurtosis at most 3", Entry(f"E1/res-3-{law}-d20-beta0.5-norm", "mean"),
            f"E4/res-3-{law}-d20", f"P3/res-3-{law}-d128",
        )
        for law in WEIGHTS
    ),
    *(
        _obeying(
            law.weights if law.branch == "res-3" else f"{law.weights}, {law.branch}", case,
            Entry(f"E1/{law.label}-universal-norm", "mean"), f"E4/{law.label}", f"P3/{law.label}-bounded",
        )
        for name, case in _CASES.items() for law in ADMISSIBLE if law.weights == name
    ),
    LawRow(
        "exponential", "W skewed",
        (
            Entry("E15/res-3-exponential-ones-layer", "mean of one layer", True, _SKEWED, contrasts.HALF),
            Entry("E15/res-3-exponential-ones-norm", "mean", True, _SKEWED, contrasts.MEANS),
            None,
            Entry("E15/res-3-exponential-d6-bounded", "probability"),
        ),
    ),
    _obeying(
        "uniform:variance=pytorch", "variance 1/3 in both matrices",
        Entry("E15/res-3-uniform-d20-default-displacement", "mean of $D$", remark=_NINTH),
        "E15/res-3-uniform-d20-default", "E15/res-3-uniform-d20-bounded", _NINTH,
    ),
    replace(_HEAVY, entries=(*_HEAVY.entries[:3], _UNBOUNDED)),
    _exploding("tied, linear", "the same matrix in every layer", "linear-tied-d8", r"$\log R \sim \sqrt{L}$"),
    *(
        _breaking(
            law, "zero last layer", f"res-3-{law}-d20-constant", "probability", "$R = 1$, $D = 0$",
            ("", contrasts.LIMIT_LAW, contrasts.STAYED),
        )
        for law in contrasts.ZERO_LAST
    ),
)  # fmt: skip


_TEXT = (
    "One statement, many laws of the entries: those that meet the hypotheses share the moments and the limit, those "
    "that break one show what it is for. Every cell is a point of the claim that its statement names, or of E15, with "
    "all its wrong variants refuted unless it says otherwise; networks are res-3 with this law in both matrices except "
    "where the row says linear."
)


def weight_law_table(record: RunRecord) -> Table:
    """Return the table: law, case and a cell for each statement; laws without a finding are left out."""
    findings = {finding.id: finding for finding in all_points(record)}
    rows = tuple(
        (f"`{row.law}`", row.case, *(_cell(entry, findings) for entry in row.entries))
        for row in ROWS
        if any(entry is not None and entry.point in findings for entry in row.entries)
    )
    return Table("Weight laws", _TEXT, ("Weights", "Case", *STATEMENTS), rows)


def _cell(entry: Entry | None, findings: dict[str, Finding]) -> str:
    if entry is None:
        return "not tested"
    finding = findings.get(entry.point)
    if finding is None:
        return "not in this run"
    said = "breaks" if entry.breaks else "obeys"
    if finding.verdict == "refuted":
        said = "❌ **does not break as predicted**" if entry.breaks else "❌ **does not obey**"
    elif finding.verdict != "supported" or not finding.has_teeth:
        said = "⚠️ **undecided**"
    remark = f", {entry.remark}" if entry.remark else ""
    predicted = "" if entry.noun == "distance" else f", predicted {target_text(finding)}"
    stated = "".join(f", by the statement {target_text(v)}" for v in finding.variants if v.name == entry.denied)
    return f"{said}{remark}: {entry.noun} {estimate_text(finding)}{predicted}{stated}"
