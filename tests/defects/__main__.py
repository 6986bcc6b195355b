"""Run the claims against every planted defect, cheapest first, until one is not supported; print a table.

A true statement is left undecided with a probability of at most 5e-6, and a wrong variant is refuted wherever the
statement is supported: what is inconclusive, or supported without having refuted a variant, is a find as well, and the
run fails; refuted and inapplicable points are named first.

``python tests/defects [--profile quick|standard] [--seed N] [NAME...]``, or ``tox run -e defects``. Each defect has a
process of its own. Exit code 1 if a defect escapes the claims that should find it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pytest

from theory_check.findings.run import Finding
from theory_check.foundation import stored_values
from theory_check.verification.run import verify

sys.path.insert(0, str(Path(__file__).parent))

from planted import DEFECTS, Defect


def caught(defect: Defect, profile: str, seed: int) -> str:
    """Return the first point that fails the run of a claim, with its verdict; nothing if none does."""
    with pytest.MonkeyPatch.context() as patch:
        # What a wrong oracle computes must not be kept on the disk.
        patch.setattr(stored_values, "values_folder", lambda: None)
        defect.plant(patch)
        for claim in defect.claims:
            record = verify([claim], profile=profile, seed=seed, threads=1, budget=1e6)
            findings = [finding for found in record.claims for finding in found.findings]
            failed = list(filter(None, map(failure, findings)))
            if failed:
                _, point, how = min(failed, key=lambda found: found[0])
                return f"`{point}` {how}"
    return ""


def failure(finding: Finding) -> tuple[int, str, str] | None:
    """Return how strongly a point fails, 0 the most, its name and in which way; None if it is as it should be."""
    if finding.verdict != "supported":
        return int(finding.verdict == "inconclusive"), finding.id, finding.verdict
    missed = [variant.name for variant in finding.variants if variant.verdict != "refuted"]
    return (2, finding.id, f"does not refute {missed[0]!r}") if missed else None


def row(name: str, profile: str, seed: int) -> str:
    """Return a row of the table, found in a process of its own."""
    command = [sys.executable, __file__, "--profile", profile, "--seed", str(seed), "--one", name]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip()}")
    found, seconds = done.stdout.strip().splitlines()[-1].rsplit(" ", 1)
    escaped = f"**escaped** {', '.join(DEFECTS[name].claims)}" if DEFECTS[name].claims else "no claim, only a unit test"
    said = found if found != "-" else escaped
    print(f"{name}: {said}, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return f"| {name} | {said} | {seconds} s | {DEFECTS[name].unit_test or 'none'} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="defects", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="defects to plant; default: all")
    parser.add_argument("--profile", default="quick", choices=["quick", "standard"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        begun = time.process_time()
        found = caught(DEFECTS[given.one], given.profile, given.seed)
        print(f"{found or '-'} {time.process_time() - begun:.1f}")
        return 0
    unknown = [name for name in given.names if name not in DEFECTS]
    if unknown:
        parser.error(f"there is no defect {unknown[0]!r}; there are {', '.join(DEFECTS)}")
    rows = [row(name, given.profile, given.seed) for name in given.names or DEFECTS]
    print("| Planted defect | Caught by | Processor time | Unit tests that see it |\n|:--|:--|--:|:--|")
    print("\n".join(rows))
    return int(any("**escaped**" in text for text in rows))


if __name__ == "__main__":
    raise SystemExit(main())
