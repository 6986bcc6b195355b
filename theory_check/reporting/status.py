"""A run for continuous integration: JUnit XML, a badge, and GitHub's annotations."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from theory_check.findings.run import Finding, RunRecord
from theory_check.inference.verdicts import Verdict
from theory_check.reporting.mathematics import unicode_text
from theory_check.reporting.summary import (
    all_points,
    estimate_text,
    margin_text,
    plural,
    tally,
    target_text,
    toothless,
)

_COLOURS: dict[Verdict, str] = {
    "supported": "brightgreen",
    "refuted": "red",
    "inconclusive": "yellow",
    "inapplicable": "yellow",
}

#: GitHub shows at most so many errors, and so many warnings, of a step.
MOST_ANNOTATIONS = 10

#: What XML 1.0 cannot hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def outcome_text(finding: Finding) -> str:
    """Return in plain words what a point estimates, what is predicted, and what is wrong with it."""
    numbers = (
        f"{unicode_text(finding.quantity)} is estimated as {estimate_text(finding)} from {finding.replicates:,} "
        f"networks, predicted {target_text(finding)} {margin_text(finding)}"
    )
    names = [variant.name for variant in finding.variants if variant.verdict != "refuted"]
    blind = f"; not refuted: {unicode_text('; '.join(names))}" if names else "" if finding.variants else "; no variant"
    return f"{f'{finding.violation}; ' if finding.violation else ''}{numbers}{blind}"


def junit(record: RunRecord) -> str:
    """Return the points as test cases: refuted ones fail, undecided ones and those without proof of power are errors.

    Parameters
    ----------
    record : RunRecord

    Returns
    -------
    str
        XML; a suite per claim.
    """
    top = ElementTree.Element("testsuites", {"name": "theory-check", **_counts(all_points(record))})
    for claim in record.claims:
        suite = ElementTree.SubElement(top, "testsuite", {"name": claim.id, **_counts(claim.findings)})
        for finding in claim.findings:
            names = {"classname": f"theory_check.{claim.id}", "name": _legal(finding.id)}
            case = ElementTree.SubElement(suite, "testcase", names)
            kind = _kind(finding)
            if kind:
                why = finding.verdict if finding.verdict != "supported" else "without proof of power"
                text = _legal(outcome_text(finding))
                ElementTree.SubElement(case, kind, type=why, message=f"{why}: {text}").text = _legal(finding.network)
    ElementTree.indent(top)
    return ElementTree.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def _kind(finding: Finding) -> str:
    return "failure" if finding.verdict == "refuted" else "" if _is_well(finding) else "error"


def _is_well(finding: Finding) -> bool:
    return finding.verdict == "supported" and finding.has_teeth


def _counts(findings: tuple[Finding, ...]) -> dict[str, str]:
    kinds = [_kind(finding) for finding in findings]
    return {"tests": str(len(kinds)), "failures": str(kinds.count("failure")), "errors": str(kinds.count("error"))}


def _legal(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def badge(record: RunRecord) -> str:
    """Return the endpoint of a badge of shields.io as JSON."""
    claims = tally(claim.verdict for claim in record.claims)
    undecided = claims.total - claims.supported - claims.refuted
    parts = [f"{claims.supported} of {plural(claims.total, 'claim')} supported"]
    parts += [f"{count} {word}" for count, word in ((claims.refuted, "refuted"), (undecided, "undecided")) if count]
    content = {"schemaVersion": 1, "label": "theory", "message": ", ".join(parts), "color": _COLOURS[record.verdict]}
    return json.dumps(content, indent=2) + "\n"


def github_annotations(record: RunRecord, report: str) -> list[str]:
    """Return commands for GitHub's log: an error per refuted point, a warning per undecided or toothless one.

    Parameters
    ----------
    record : RunRecord
    report : str
        Where the report is, for what does not fit: GitHub shows ten of each.

    Returns
    -------
    list of str
    """
    points = all_points(record)
    refuted = [finding for finding in points if finding.verdict == "refuted"]
    undecided = [finding for finding in points if finding.verdict not in ("refuted", "supported")]
    undecided += toothless(points)
    return [*_commands("error", refuted, report), *_commands("warning", undecided, report)]


def _commands(level: str, findings: list[Finding], report: str) -> list[str]:
    def command(title: str, text: str) -> str:
        # GitHub ends a property at a comma or a colon and a command at the end of its line.
        message = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        name = title.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
        return f"::{level} title={name}::{message}"

    def titled(finding: Finding) -> str:
        return f"{finding.id} {finding.verdict if finding.verdict != 'supported' else 'without proof of power'}"

    shown = findings if len(findings) <= MOST_ANNOTATIONS else findings[: MOST_ANNOTATIONS - 1]
    lines = [command(titled(finding), outcome_text(finding)) for finding in shown]
    if len(shown) < len(findings):
        lines.append(command(f"{len(findings) - len(shown)} more points", f"All are in {report}"))
    return lines
