"""The table of weight laws: which statement each of them obeys or breaks, by the findings of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from theory_check.findings.run import Finding, RunRecord, Table
from theory_check.reporting.summary import all_points, estimate_text, target_text

#: Headings of the statements, in the order of the entries of a row.
STATEMENTS: tuple[str, ...] = (
    "E1: $\\mathbb{E}\\,R = (1+\\kappa a^2)^L$",
    "E4: limit law of $\\log R$",
    "E4: limit law of $\\log R^*$",
    "P3: $D$ between positive bounds",
)


@dataclass(frozen=True)
class Entry:
    """The point that decides on a law and a statement, what it estimates, and whether its support breaks the statement.

    A ``remark`` says how the statement is broken, or with which constant it is obeyed; ``denied`` is the wrong variant
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


def _mean(point: str) -> Entry:
    return Entry(point, "mean")


def _distance(point: str, remark: str = "") -> Entry:
    return Entry(point, "distance", remark=remark)


def _admissible(law: str, width: int, case: str, branch: str = "res-3") -> LawRow:
    network = f"{branch}-{law}-d{width}"
    return LawRow(
        law if branch == "res-3" else f"{law}, {branch}",
        case,
        (
            _mean(f"E1/{network}-universal-norm"),
            _distance(f"E4/{network}-norm-law"),
            _distance(f"E4/{network}-gradient-law"),
            Entry(f"P3/{network}-bounded", "probability"),
        ),
    )


def _central(law: str) -> LawRow:
    return LawRow(
        law,
        "symmetric, kurtosis at most 3",
        (
            _mean(f"E1/res-3-{law}-d20-beta0.5-norm"),
            _distance(f"E4/res-3-{law}-d20-norm-law"),
            _distance(f"E4/res-3-{law}-d20-gradient-law"),
            Entry(f"P3/res-3-{law}-d128", "probability"),
        ),
    )


def _exploding(law: str, case: str, point: str, remark: str, bound: str | None = None) -> LawRow:
    noun = "probability of more than 20 times that mean"
    mean = Entry(point, noun, True, remark, "the exact mean (E1), by Markov's inequality")
    limit = Entry(point, noun, True, remark, "the lognormal limit (E4)")
    unbounded = Entry(bound, "probability of $D$ beyond its bound", True, remark) if bound else mean
    return LawRow(law, case, (mean, limit, None, unbounded))


def _constant(law: str) -> LawRow:
    broken = Entry(f"E15/res-3-{law}-d20-constant", "probability", True, "$R = 1$, $D = 0$")
    limit = replace(broken, denied="the lognormal limit (E4)")
    bounded = replace(broken, denied="non-trivial limit (P3): at most one network in ten has stayed")
    return LawRow(law, "zero last layer", (broken, limit, None, bounded))


_SKEWED = "mean displaced with the direction of $h_0$"
_HALF = "the exact mean (E1): kappa = 1/2 whatever the law"
_LIMIT = "the exact mean (E1) and the mean of the lognormal limit (E4)"

ROWS: tuple[LawRow, ...] = (
    _central("gaussian"),
    _central("uniform"),
    _central("rademacher"),
    _admissible("triangular", 6, "symmetric, kurtosis 2.4"),
    _admissible("truncated-normal", 6, "symmetric, kurtosis below 3"),
    _admissible("ternary", 6, "symmetric, kurtosis 8"),
    _admissible("laplace", 6, "symmetric, kurtosis 6"),
    _admissible("sparse", 6, "symmetric, kurtosis 10"),
    _admissible("student", 4, "symmetric, kurtosis 9, no sixth moment"),
    _admissible("orthogonal", 6, "entries dependent, uncorrelated"),
    _admissible("exponential", 6, "V skewed, no W", branch="linear"),
    LawRow(
        "exponential",
        "W skewed",
        (
            Entry("E15/res-3-exponential-ones-layer", "mean of one layer", True, _SKEWED, _HALF),
            Entry("E15/res-3-exponential-ones-norm", "mean", True, _SKEWED, _LIMIT),
            None,
            Entry("E15/res-3-exponential-d6-bounded", "probability"),
        ),
    ),
    LawRow(
        "uniform:variance=pytorch",
        "variance 1/3 in both matrices",
        (
            Entry("E15/res-3-uniform-d20-default-displacement", "mean of $D$", remark="with $\\kappa/9$"),
            _distance("E15/res-3-uniform-d20-default-norm-law", "with $\\kappa/9$"),
            _distance("E15/res-3-uniform-d20-default-gradient-law", "with $\\kappa/9$"),
            Entry("E15/res-3-uniform-d20-bounded", "probability", remark="with $\\kappa/9$"),
        ),
    ),
    _exploding(
        "student:df=1.5",
        "infinite variance",
        "E15/res-3-student-d8-markov",
        "$D \\to \\infty$",
        "E15/res-3-student-d8-unbounded",
    ),
    _exploding(
        "tied, linear", "the same matrix in every layer", "E15/linear-tied-d8-markov", "$\\log R \\sim \\sqrt{L}$"
    ),
    *(_constant(law) for law in ("zero", "skipinit", "rezero", "fixup")),
)


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
    elif finding.verdict == "inconclusive" or not finding.has_teeth:
        said = "⚠️ **undecided**"
    remark = f", {entry.remark}" if entry.remark else ""
    predicted = "" if entry.noun == "distance" else f", predicted {target_text(finding)}"
    stated = "".join(f", by the statement {target_text(v)}" for v in finding.variants if v.name == entry.denied)
    return f"{said}{remark}: {entry.noun} {estimate_text(finding)}{predicted}{stated}"
