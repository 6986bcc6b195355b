from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest
from command_line import names
from example_record import make_pictures, make_record
from plans import plan_of

from theory_check.claims.claim import PROFILES
from theory_check.claims.planning import plan_claim
from theory_check.foundation.errors import StorageError
from theory_check.foundation.records import encode_record
from theory_check.inference.nights import ClaimNight, Night
from theory_check.reporting import files
from theory_check.reporting.results import load_results
from theory_check.verification import nights, plan
from theory_check.verification import run as verification
from theory_check.verification.ledger import read_ledger
from theory_check.verification.nights import claim_version, new_history
from theory_check.verification.plan import Plan, find_claim
from theory_check.verification.run import Outcome, exit_code


@pytest.fixture
def planned_once(monkeypatch):
    """Costs that are listed are those of plans that other tests look at too."""
    monkeypatch.setattr(plan, "plan_claim", lambda claim, profile: plan_of(claim.id, profile.name))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "E99"), "unknown claim 'E99'; accepted: "),
        (("run", "standard"), "'standard' is a profile, not a claim; give it by --profile standard"),
        (("run", "P4", "--profile", "fast"), "unknown profile 'fast'; accepted: quick, standard, nightly"),
        (("run", "P4", "--seed", "-1"), "seed is -1"),
        (("run", "P4", "--seed", "x"), "seed is 'x'; it must be a whole number from 0 to 2^64 - 1"),
        (("run", "P4", "--threads", "0"), "number of threads is 0"),
        (
            ("run", "P4", "--budget", "soon"),
            "budget is 'soon'; it must be a positive duration such as 90s",
        ),
        (("run", "P4", "--pictures", "svg,gif"), "unknown format of pictures 'gif'; accepted: svg, pdf"),
        (("run", "--nope"), "No such option"),
        (("run", "P4", "--history", "."), "File '.' is a directory"),
        (("show", "E99"), "unknown claim 'E99'"),
        (("show",), "Missing argument 'CLAIM'"),
        (("show", "P4", "--profile", "fast"), "unknown profile 'fast'"),
        (("list", "--regime", "chaos"), "unknown regime 'chaos'"),
    ],
    ids=str,
)
def test_bad_input(refusal, arguments, message):
    assert message in refusal(*arguments)


def test_an_interrupted_run_exits_with_130(command, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(verification, "decide", interrupted)
    code, _, err = command("run", "P4")
    assert code == 130
    assert "the same command continues" in err[-1]


def test_run_writes_a_report_that_loads(command, tmp_path):
    code, out, _ = command("run", "P4", "--out", "reports", "--threads", 1)
    assert code == 0
    assert out[-1] == "report: reports/REPORT.md"
    written = names(tmp_path / "reports")
    assert {"REPORT.md", "results.json", "figures"} <= set(written)
    assert not any(".resume" in name or name.endswith((".tmp", ".unit")) for name in written)
    record = load_results(tmp_path / "reports" / "results.json")
    assert [claim.id for claim in record.claims] == ["P4"]
    assert (record.verdict, record.profile, record.seed) == ("supported", "quick", 0)
    assert exit_code(record) == 0
    # The last finding is shown with the claim.
    code, out, _ = command("show", "P4", "--out", "reports")
    assert code == 0
    assert any(line.startswith("Last finding") for line in out)


def test_a_plan_beyond_its_budget_is_a_usage_error(command, tmp_path):
    code, out, err = command("run", "E3", "--budget", "0.001s", "--history", "new/h.db", "--new-history")
    assert (code, out) == (2, [])
    assert err[0].startswith("theory-check: error: the plan needs about ")
    assert "its budget is 0.001 s" in err[0]
    assert all(line.startswith("  E3/") for line in err[1:])
    assert len(err) == 1 + len(plan_claim(find_claim("E3"), PROFILES["quick"]))
    assert names(tmp_path) == []


def test_a_history_grows_refuses_a_seed_twice_and_can_be_shown(command, tmp_path, monkeypatch):
    again = ("run", "P4", "--out", "out", "--history", "nights/h.db", "--threads", 1)
    code, out, err = command(*again, "--seed", 1)
    assert (code, out) == (74, [])
    assert err == ["theory-check: error: there is no ledger nights/h.db; run --new-history begins one"]
    code, out, _ = command(*again, "--seed", 1, "--new-history")
    assert (code, out[-1]) == (0, "history: nights/h.db")
    assert out[-2].startswith("night 1 of the history: smallest p-value 1 (P4)")
    assert command(*again, "--seed", 2)[1][-2].startswith("night 2 of the history")
    assert command(*again, "--seed", 4)[1][-2].startswith("night 3 of the history")
    kept = read_ledger(tmp_path / "nights" / "h.db")
    assert names(tmp_path / "nights") == ["h.db"]
    # Refused before anything is simulated, and with the file as it was.
    with monkeypatch.context() as patch:
        patch.setattr(verification, "examine", None)
        for arguments, message in (
            (("run", "E3", *again[2:], "--seed", 1), "seed 1 is in the history already, as night 1"),
            ((*again, "--seed", 3, "--profile", "standard"), "the history is one of profile quick"),
        ):
            code, out, err = command(*arguments)
            assert (code, out, len(err)) == (2, [], 1)
            assert message in err[0]
    assert read_ledger(tmp_path / "nights" / "h.db") == kept
    code, out, err = command("history", "--history", "nights/h.db", "--out", "h.png")
    assert (code, err) == (0, [])
    row = next(line.split() for line in out if line.startswith("P4 "))
    assert (row[2], row[-1]) == ("3", "supported")
    assert out[-1] == "picture: h.png"
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")


def test_a_repeated_command_succeeds_and_counts_once(command, tmp_path, monkeypatch):
    again = ("run", "P4", "--history", "h.db", "--new-history", "--threads", 1)
    assert command(*again)[0] == 0
    kept = read_ledger(tmp_path / "h.db")
    code, out, err = command(*again)
    assert code == 0
    assert "night 1 is this run: the ledger has it already, nothing was added" in out
    assert not any("warning" in line for line in err)
    assert read_ledger(tmp_path / "h.db") == kept
    # Another processor's last bits: the first results are kept.
    monkeypatch.setattr(nights, "log_average", lambda values: -6.5)
    code, _, err = command(*again)
    assert code == 0
    assert "warning: the ledger has night 1 with other results, which were kept" in err[-1]
    assert read_ledger(tmp_path / "h.db") == kept


def test_a_night_is_stored_before_anything_is_written_or_printed(command, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise StorageError("cannot write REPORT.md: no space left on device")

    again = ("run", "P4", "--history", "h.db", "--new-history", "--threads", 1, "--out", "out")
    monkeypatch.setattr(files, "write_report", full)
    code, out, err = command(*again)
    assert (code, out) == (74, [])
    assert err[-1] == "theory-check: error: cannot write REPORT.md: no space left on device"
    assert len(read_ledger(tmp_path / "h.db").records) == 1
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    code, out, _ = command(*again)
    assert code == 0
    assert "nothing was added" in "".join(out)
    assert not (tmp_path / "out" / ".resume").exists()


def json_history(path, history):
    path.write_bytes(encode_record(history, 1, "history"))


def test_a_claim_that_the_nights_refute_is_refuted_whatever_this_run_says(command, tmp_path):
    # No night's evidence refutes by itself; four together do, and this run's own finding is supported.
    version = claim_version(plan_claim(find_claim("P4"), PROFILES["quick"]))
    history = new_history("quick")
    evidence = tuple(Night(seed, "2026-01-01T00:00:00+00:00", {"P4": ClaimNight(version, 6.0)}) for seed in range(1, 5))
    json_history(tmp_path / "h.json", replace(history, nights=evidence))
    code, out, err = command("run", "P4", "--history", "h.json", "--seed", 9)
    assert (code, out, len(err)) == (2, [], 1)
    assert "import it once: theory-check history --import h.json --history h.db" in err[0]
    assert command("history", "--import", "h.json", "--history", "h.db")[1][0] == "nights added to h.db: 4"
    code, out, _ = command("run", "P4", "--history", "h.db", "--seed", 9, "--threads", 1)
    assert load_results(tmp_path / "reports" / "latest" / "results.json").verdict == "supported"
    assert code == 1
    assert "refuted by the nights together: P4" in out


def test_a_night_alone_does_not_refute_for_the_life_of_a_history(command, monkeypatch):
    monkeypatch.setattr(verification, "exit_code", lambda _record: 1)
    assert command("run", "P4", "--seed", 9, "--threads", 1)[0] == 1
    code, out, _ = command("run", "P4", "--history", "h.db", "--new-history", "--seed", 9, "--threads", 1)
    assert code == 3
    assert "refuted by this night alone, not by the nights together" in out


def test_a_damaged_history_is_neither_used_nor_replaced(command, tmp_path):
    for content in (b"", b"SQLite format 3\0 and more", b"nothing"):
        (tmp_path / "h.db").write_bytes(content)
        for arguments in (
            ("run", "P4", "--history", "h.db", "--new-history"),
            ("history", "--history", "h.db", "--verify"),
        ):
            code, out, err = command(*arguments)
            assert (code, out, len(err)) == (74, [], 1)
            assert "h.db is damaged" in err[0]
        assert (tmp_path / "h.db").read_bytes() == content
    (tmp_path / "h.json").write_text('{"schema_version": 1')
    code, out, err = command("history", "--import", "h.json", "--history", "i.db")
    assert (code, out, len(err)) == (74, [], 1)
    assert names(tmp_path) == ["h.db", "h.json"]


def test_a_ledger_is_verified_exported_and_imported(command, tmp_path):
    command("run", "P4", "--history", "h.db", "--new-history", "--threads", 1, "--seed", 4)
    code, out, err = command("history", "--history", "h.db", "--verify")
    assert (code, len(out), err) == (0, 1, [])
    assert out[0].startswith("h.db: 1 nights of profile quick, checksum ")
    assert command("history", "--history", "h.db", "--export", "h.jsonl")[1] == ["nights in h.jsonl: 1"]
    assert command("history", "--history", "i.db", "--import", "h.jsonl", "--verify")[1][-1] == out[0].replace(
        "h.db", "i.db"
    )
    assert read_ledger(tmp_path / "i.db") == read_ledger(tmp_path / "h.db")


@pytest.mark.parametrize("arguments", [("--new-history",), ("--history", "none/h.db")], ids=str)
def test_histories_that_cannot_be_used_are_refused_before_the_run(command, tmp_path, arguments):
    code, out, err = command("run", "P4", *arguments)
    assert (code in (2, 74), out, len(err)) == (True, [], 1)
    assert names(tmp_path) == []


def test_list_has_a_row_for_every_claim(command, planned_once):
    from theory_check.catalogue.regimes import REGIMES, all_claims

    code, out, err = command("list")
    assert (code, err) == (0, [])
    first = [line.split()[0] for line in out if line and not line.startswith(" ")]
    assert first[0] == "id"
    assert first[1:] == [claim.id for claim in all_claims()]
    assert "1+κa²" in "".join(out)
    assert re.findall(r"[\\$].*|\^\d.*", "".join(out)) == []
    regime = REGIMES[-1]
    _, out, _ = command("list", "--regime", regime.name)
    assert [line.split()[0] for line in out[1:] if not line.startswith(" ")] == [claim.id for claim in regime.claims]


def test_list_shows_progress_where_planning_takes_long(command, planned_once, monkeypatch):
    from rich.console import Console

    from theory_check.catalogue.regimes import REGIMES
    from theory_check.cli import terminal

    def shown(*options):
        with monkeypatch.context() as patched:
            file = io.StringIO()
            patched.setattr(terminal, "_PATIENCE", -1.0)
            patched.setattr(terminal, "open_console", lambda stderr: Console(file=file, force_terminal=True))
            command("list", "--regime", REGIMES[0].name, *options)
        return file.getvalue()

    assert "theory-check list, planned once" in shown()
    assert shown("-q") == ""


def test_list_is_read_on_a_narrow_terminal(command, planned_once, monkeypatch):
    from rich.console import Console

    from theory_check.catalogue.regimes import REGIMES
    from theory_check.cli import listing
    from theory_check.reporting.mathematics import unicode_text

    console = Console(width=80, force_terminal=True, color_system=None, highlight=False)
    monkeypatch.setattr(listing, "open_console", lambda: console)
    with console.capture() as capture:
        command("list", "--regime", REGIMES[0].name)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert lines[:2] == [
        "E1  moments",
        "    For symmetric independent weights the mean of the squared norm ratio grows",
    ]
    assert max(map(len, lines)) <= 80
    # Words are whole.
    printed = " ".join(" ".join(lines).split())
    statements = [unicode_text(claim.statement) for claim in REGIMES[0].claims]
    assert all(statement in printed for statement in statements)
    assert printed.count("Core time expected, at most: quick ") == len(statements)


def test_list_and_show_print_json(command, planned_once):
    from theory_check.catalogue.regimes import all_claims

    code, out, err = command("list", "--json")
    assert (code, err) == (0, [])
    rows = json.loads("\n".join(out))
    assert [row["id"] for row in rows] == [claim.id for claim in all_claims()]
    assert all(0.0 <= cost["expected"] <= cost["most"] for row in rows for cost in row["core_seconds"].values())
    code, out, err = command("show", "P5", "--json")
    assert (code, err) == (0, [])
    claim = json.loads("\n".join(out))
    assert (claim["id"], claim["profile"], claim["last_finding"]) == ("P5", "quick", None)
    check = claim["checks"][0]
    assert check["id"].startswith("P5/")
    assert check["must_refute"][0].keys() == {"name", "distance"}
    assert len(check["target"]) == 2


def test_show_has_every_part_of_a_claim(command):
    code, out, err = command("show", "P4")
    assert (code, err) == (0, [])
    for part in (
        "P4: ",
        "Statement: ",
        "Formula: ",
        "Hypotheses: ",
        "Derivation: ",
        "Source: ",
        "Remark: ",
        "Checks at profile quick",
    ):
        assert any(line.startswith(part) for line in out)
    for part in ("network ", "quantity ", "target ", "margin ", "must refute "):
        assert any(line.strip().startswith(part) for line in out)


def with_verdict(verdict):
    """An example record in which every finding has this verdict."""
    record = make_record(only_supported=True)
    regimes = []
    for regime in record.regimes:
        claims = tuple(
            replace(claim, findings=tuple(replace(finding, verdict=verdict) for finding in claim.findings))
            for claim in regime.claims
        )
        regimes.append(replace(regime, claims=claims))
    return replace(record, regimes=tuple(regimes))


@pytest.mark.parametrize(("verdict", "code"), [("supported", 0), ("refuted", 1), ("inconclusive", 3)])
def test_run_exits_with_the_verdict(command, monkeypatch, verdict, code):
    record = with_verdict(verdict)
    assert record.verdict == verdict
    assert exit_code(record) == code
    outcome = Outcome(Plan(PROFILES["quick"], ()), {}, record, make_pictures())
    monkeypatch.setattr(verification, "examine", lambda *arguments, **options: outcome)
    assert command("run")[0] == code


def test_one_refuted_claim_is_enough():
    assert exit_code(make_record()) == 1
