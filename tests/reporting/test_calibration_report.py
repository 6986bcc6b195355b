from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest

from reports import without_run_block
from theory_check.findings.calibration import CalibrationRecord, MethodFinding, RateFinding
from theory_check.findings.circumstances import Circumstances
from theory_check.foundation.errors import SpecificationError, StorageError
from theory_check.foundation.records import load_record
from theory_check.reporting.calibration import (
    SCHEMA_VERSION,
    answer_controls,
    answer_promises,
    encode_calibration,
    method_lines,
    render_calibration,
    unexpected,
    write_calibration,
)
from theory_check.reporting.calibration_picture import calibration_picture, error_rate, promised_error
from theory_check.reporting.drawing import render
from theory_check.reporting.markdown import RUN_BEGIN, RUN_END


def rate(
    name="mean: lognormal", *, count=3, lower=0.0, upper=0.0021, sense="at most", promise=0.001, procedure="",
    control=False, example=False, verdict="consistent", deviation="", monitored=False,
):  # fmt: skip
    return RateFinding(
        id=name, method="mean", procedure=procedure, law="lognormal, σ = 2", deviation=deviation, observations=1000,
        monitored=monitored, level=0.001, promise=promise, sense=sense, control=control, example=example,
        repetitions=10_000, count=count, lower=lower, upper=upper, p_value=0.99, verdict=verdict,
    )  # fmt: skip


def make_record():
    rates = (
        rate(example=True),
        rate("mean: exact", sense="exactly", promise=0.05, count=500, lower=0.041, upper=0.061),
        rate("mean: planted", sense="at least", promise=0.99, count=9950, lower=0.985, upper=0.998, deviation="a | b"),
        rate("mean: t-test", procedure="t-test", control=True, example=True, count=442, lower=0.0355, upper=0.0541,
             verdict="refuted"),
        rate("mean: monitored", procedure="peeking", control=True, count=4586, lower=0.43, upper=0.48, promise=0.05,
             verdict="refuted", monitored=True),
    )  # fmt: skip
    method = MethodFinding(
        name="mean",
        title="Mean, Catoni",
        function="inference.intervals.mean_interval",
        promise="misses with probability at most $\\alpha$",
        rates=rates,
    )
    return CalibrationRecord(
        profile="quick", seed=5, family_level=1e-3, methods=(method,),
        run=Circumstances(
            started="2026-01-02T03:04:05+00:00", duration=61.5, threads=2, machine="Linux x86_64, 2 processors",
            versions={"python": "3.13", "scipy": "1.17"}, seconds={"mean": 0.21},
        ),
    )  # fmt: skip


def with_run(record, **changes):
    return replace(record, run=replace(record.run, **changes))


def draw_calibration(record):
    return render(calibration_picture(record).panels)["png"]


def load_calibration(path):
    return load_record(path, CalibrationRecord, (SCHEMA_VERSION,), "a calibration")


def with_rate(record, name, **changes):
    method = record.methods[0]
    rates = tuple(replace(r, **changes) if r.id == name else r for r in method.rates)
    return replace(record, methods=(replace(method, rates=rates),))


@pytest.fixture
def record():
    return make_record()


@pytest.fixture
def broken(record):
    return with_rate(record, "mean: lognormal", count=90, lower=0.006, upper=0.012, verdict="refuted")


@pytest.fixture
def blind(record):
    return with_rate(record, "mean: t-test", count=10, lower=0.0, upper=0.003, verdict="consistent")


def test_outcomes(record, broken, blind):
    assert (record.outcome, broken.outcome, blind.outcome) == ("kept", "promise refuted", "control not refuted")
    assert unexpected(record) == ()
    assert [r.id for r in unexpected(broken)] == ["mean: lognormal"]
    assert [r.id for r in unexpected(blind)] == ["mean: t-test"]
    assert (len(record.promises), len(record.controls)) == (3, 2)


def test_results_survive_a_round_trip(record, tmp_path):
    content = encode_calibration(record)
    assert content == encode_calibration(make_record())
    path = tmp_path / "calibration.json"
    path.write_bytes(content)
    assert load_calibration(path) == record
    plain = json.loads(content)
    assert plain["schema_version"] == 1
    assert plain["outcome"] == "kept"
    # What varies between identical samples is under run.
    other = json.loads(encode_calibration(with_run(record, duration=9.0, threads=1, started="x", machine="y")))
    assert {key for key in plain if plain[key] != other[key]} == {"run"}


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "not a calibration"), ('{"schema_version": 2}', "schema version 2, accepted is 1"), ("[]", "not a")],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(StorageError, match=message):
        load_calibration(path)
    with pytest.raises(StorageError, match="cannot read"):
        load_calibration(tmp_path / "missing.json")


def test_a_record_outside_the_schema_is_refused(record):
    with pytest.raises(SpecificationError, match="does not fit its schema"):
        encode_calibration(replace(record, family_level=2.0))


def test_the_report_leads_with_answers_and_the_example(record):
    text = render_calibration(record)
    assert answer_promises(record) in text
    assert answer_controls(record) in text
    assert answer_promises(record).startswith("Nothing contradicts them: 3 of 3 promises of 1 method")
    assert answer_controls(record).startswith("Yes: 2 of 2 negative controls")
    head, _, rest = text.partition("## Example")
    example = rest.partition("![")[0]
    assert "[!CAUTION]" not in head
    # The control first, then the methods, on the same samples.
    rows = [line for line in example.splitlines() if line.startswith(("| t-test", "| Mean"))]
    assert [row.split("|")[1].strip() for row in rows] == ["t-test", "Mean, Catoni"]
    assert "The t-test rejects the true mean 44 times as often as it says" in example


def test_the_report_shows_every_rate_with_its_interval(record):
    text = render_calibration(record)
    for expected in ("0.0442 [0.0355, 0.0541]", "≤ 0.001", "= 0.05", "≥ 0.99", r"a \| b", "10,000", "4,586"):
        assert expected in text
    assert "peeking, looked at after every observation" in text
    assert "Negative controls: 2 of 2 refuted" in text
    # As many cells as columns in every row of a table.
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(blocks) >= 4
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_what_is_not_as_it_should_be_stands_out(broken, blind):
    text = render_calibration(broken)
    assert "[!CAUTION]" in text
    assert "- `mean: lognormal`: 90 of 10,000 samples rejected" in text
    assert "❌ **refuted**" in text
    assert answer_promises(broken).startswith("Not all of them: 2 of 3 promises")
    text = render_calibration(blind)
    assert "⚠️ **not refuted**" in text
    assert "<details open>" in text
    assert answer_controls(blind).startswith("Not everywhere: 1 of 2")


def test_reports_with_identical_samples_differ_in_the_run_block_only(record):
    first = render_calibration(record)
    slow = with_run(record, duration=1e4, started="later", seconds={"mean": 3.0})
    second = render_calibration(slow)
    assert first != second
    assert without_run_block(first) == without_run_block(second)
    assert "over 1 s" in second
    assert "over 1 s" not in first
    assert first.index(RUN_BEGIN) < first.index("0.21") < first.index(RUN_END)


def test_an_empty_record_is_reported(record):
    empty = replace(record, methods=())
    assert "Nothing was calibrated." in render_calibration(empty)
    assert "Unknown: no negative control" in render_calibration(empty)
    assert draw_calibration(empty).startswith(b"\x89PNG")


def test_lines_of_the_terminal(record, broken, blind):
    assert method_lines(record) == ["kept      mean  promises 3/3  controls 2/2  0.21 s for 10^6 observations"]
    assert method_lines(broken) == [
        "refuted   mean  promises 2/3  controls 2/2  0.21 s for 10^6 observations",
        "promise refuted  mean: lognormal: 90 of 10000, promised ≤ 0.001",
    ]
    assert method_lines(blind)[1].startswith("control not refuted  mean: t-test: 10 of 10000")


def test_a_method_without_a_time_is_reported(record, tmp_path):
    untimed = with_run(record, seconds={"mean": None})
    assert method_lines(untimed) == ["kept      mean  promises 3/3  controls 2/2"]
    assert "| Mean, Catoni | 0.21 |" in render_calibration(record)
    assert "| Mean, Catoni | 0.21 |" not in render_calibration(untimed)
    path = tmp_path / "calibration.json"
    path.write_bytes(encode_calibration(untimed))
    assert load_calibration(path) == untimed


def test_errors_are_misses_where_a_detection_is_promised(record):
    planted = record.promises[2]
    assert promised_error(planted) == 0.01
    assert error_rate(planted) == pytest.approx((0.005, 0.002, 0.015))
    assert promised_error(record.promises[0]) == 0.001
    assert error_rate(record.promises[0]) == (3e-4, 0.0, 0.0021)


def test_the_picture_depends_on_the_rates_alone(record, broken):
    from PIL import Image

    picture = draw_calibration(record)
    assert picture == draw_calibration(with_run(make_record(), duration=1.0))
    assert picture != draw_calibration(broken)
    with Image.open(io.BytesIO(picture)) as image:
        narrow = image.size
    only = replace(record.methods[0], rates=record.methods[0].rates[:1])
    with Image.open(io.BytesIO(draw_calibration(replace(record, methods=(only,))))) as image:
        # One promised rate: one panel instead of three, and no controls below.
        assert image.size[0] < narrow[0]
        assert image.size[1] < narrow[1]


def test_files_are_written_and_written_again_alike(record, tmp_path):
    written = write_calibration(record, tmp_path / "new")
    assert [str(p.relative_to(tmp_path / "new")) for p in written] == [
        "CALIBRATION.md",
        "calibration.json",
        "figures/calibration.png",
    ]
    before = [p.read_bytes() for p in written]
    assert [p.read_bytes() for p in write_calibration(record, tmp_path / "new")] == before
    linked = re.findall(r"\]\((figures/[^)]+)\)", written[0].read_text(encoding="utf-8"))
    assert linked == ["figures/calibration.png"]
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot create"):
        write_calibration(record, tmp_path / "file")
