"""Every format of the report: contracts of JSON and CSV, widths of text, and pages that hostile names cannot break."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import cast
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moe_core.analyses.contribution_tables import ExpertContributions
from moe_core.analyses.expert_contributions import compute
from moe_core.measures.scope import Scope
from moe_core.reports.format import ReportFormat
from moe_core.reports.formats import REPORT_FORMATS
from moe_core.reports.formats.csv_tables import CSV
from moe_core.reports.formats.html_page import HTML
from moe_core.reports.formats.json_format import JSON
from moe_core.reports.formats.text import TEXT
from moe_core.traces.reader import Trace
from moe_core.traces.records import Status
from tests.synthetic_trace import make_specification, make_trace, trace_of_tokens

HOSTILE = '<script>alert("x")</script>\'"&amp;<img src=x onerror=alert(1)>\x1b[31m\x00\ud800</title></style>]]>'


def reports() -> Iterator[tuple[str, ExpertContributions]]:
    """Ordinary and awkward traces."""
    trace = make_trace(n_questions=30)
    yield "ordinary", compute(trace)
    yield "prompt", compute(trace, Scope.PROMPT)
    yield "question", compute(trace, Scope.QUESTION)
    yield "no gold", compute(replace(trace, gold=np.full(30, -1, np.int8)))
    yield "empty", compute(replace(trace, recorded=np.zeros(30, np.bool_), status=np.zeros(30, np.uint8)))
    yield "all failed", compute(replace(trace, status=np.full(30, Status.NON_FINITE_ANSWER, np.uint8)))
    yield "one question", compute(make_trace(n_questions=1))
    yield "top-1", compute(make_trace(top_k=1))
    yield "wide", compute(make_trace(n_layers=16, n_experts=64, top_k=8))
    yield "hostile", hostile_report()
    paper = make_specification(
        n_layers=16, n_experts=64, top_k=8, model="allenai/OLMoE-1B-7B-0125-Instruct", quiz="mmlu"
    )
    yield "paper", compute(make_trace(n_layers=16, n_experts=64, top_k=8, specification=paper))


def hostile_report() -> ExpertContributions:
    """Every text that comes from a quiz, a model or a command line tries to break out."""
    masked = {"name": HOSTILE, "reroute": [[0, 1]], "drop": [], "boost": []}
    specification = make_specification(model=HOSTILE, quiz=HOSTILE, intervention=masked, skipped=(HOSTILE,))
    trace = make_trace(specification=replace(specification, protocol=HOSTILE, versions={HOSTILE: HOSTILE}))
    return compute(replace(trace, ids=[f"{HOSTILE}{n}" for n in range(12)], subjects=[HOSTILE] * 12))


CASES = dict(reports())


def render(kind: ReportFormat, name: str) -> str:
    """The text of a one-file format."""
    (text,) = kind.render(CASES[name]).values()
    return text


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", REPORT_FORMATS, ids=lambda kind: kind.name)
def test_every_format_writes_every_report(kind: ReportFormat, name: str) -> None:
    """Nothing crashes, no file is empty, and no undefined number shows its Python name."""
    for file, text in kind.render(CASES[name]).items():
        assert text.endswith("\n")
        assert re.fullmatch(r"[a-z]+\.(txt|json|csv|html)", file)
        assert not re.search(r"\b(nan|NaN|inf|None)\b", text)


@pytest.mark.parametrize("name", CASES)
def test_text_fits_a_hundred_columns(name: str) -> None:
    """A line of a top-8 model's report is never wider, and no control character reaches the terminal."""
    for line in render(TEXT, name).splitlines():
        assert len(line) <= 100, line
        assert line.isprintable()


def test_text_says_partial_and_empty() -> None:
    """What is missing is said before any number."""
    assert "partial: 0 of 30 questions recorded" in render(TEXT, "empty")
    assert "No question is recorded yet" in render(TEXT, "empty")
    assert "Every recorded question failed" in render(TEXT, "all failed")


def test_json_keys_are_the_contract() -> None:
    """The documented keys, with values of the documented kinds."""
    data = json.loads(render(JSON, "ordinary"))
    assert data.keys() >= {
        *("model", "quiz", "protocol", "shots", "scope", "complete", "n_planned", "n_questions", "n_failed"),
        *("n_tokens", "accuracy", "accuracy_ci95", "never_used_share", "layers"),
    }
    assert (data["scope"], data["n_planned"], data["n_questions"], data["n_tokens"]) == ("answer", 30, 30, 30)
    low, high = data["accuracy_ci95"]
    assert low < data["accuracy"] < high
    for number, layer in enumerate(data["layers"]):
        assert layer["layer"] == number
        assert layer.keys() >= {"experts_used", "entropy_mean", "entropy_std", "top_weights"}
        assert sum(layer["top_weights"]) == pytest.approx(1)
        assert sorted(layer["top_weights"], reverse=True) == layer["top_weights"]
        for rank in ("best_expert", "worst_expert"):
            assert layer[rank].keys() >= {"expert", "accuracy", "weight", "questions"}


def test_json_without_answers_is_null() -> None:
    """A quiz without gold has no accuracy, overall or per expert; the routing is there all the same."""
    data = json.loads(render(JSON, "no gold"))
    assert data["accuracy"] is None
    assert data["accuracy_ci95"] is None
    assert data["n_questions"] == 30
    assert all(layer["best_expert"] is None and layer["entropy_mean"] > 0 for layer in data["layers"])


def test_json_of_an_empty_trace() -> None:
    """Counts are zero, shares are null."""
    data = json.loads(render(JSON, "empty"))
    assert (data["complete"], data["n_questions"], data["n_tokens"], data["never_used_share"]) == (False, 0, 0, None)


def read_csv(name: str, file: str) -> list[dict[str, str]]:
    """The rows of one CSV table."""
    return list(csv.DictReader(io.StringIO(CSV.render(CASES[name])[file])))


def test_csv_tables_hold_every_row() -> None:
    """One row per scope and layer, scope and expert, subject, planned question."""
    assert len(read_csv("ordinary", "layers.csv")) == 2 * 2
    experts = read_csv("ordinary", "experts.csv")
    assert len(experts) == 2 * 2 * 6
    assert sum(float(row["used_share"]) for row in experts if row["scope"] == "answer") == pytest.approx(2 * 2)
    assert len(read_csv("ordinary", "subjects.csv")) == 10
    questions = read_csv("ordinary", "questions.csv")
    assert len(questions) == 30
    right = sum(int(row["correct"]) for row in questions)
    assert right / 30 == pytest.approx(CASES["ordinary"].accuracy.estimate)


def test_csv_names_experts() -> None:
    """In the row of a named expert and beside it where it is the best; the others' fields are empty."""
    report = CASES["ordinary"]
    layer = report.main.layers[1]
    assert layer.best is not None
    best = replace(layer.best, name="years")
    layers = (report.main.layers[0], replace(layer, best=best))
    main = replace(report.main, layers=layers, names={(layer.layer, best.expert): "years"})
    tables = CSV.render(replace(report, main=main))
    named = [row for row in csv.DictReader(io.StringIO(tables["experts.csv"])) if row["name"]]
    where = [(row["scope"], row["layer"], row["expert"], row["name"]) for row in named]
    assert where == [(str(main.scope), str(layer.layer), str(best.expert), "years")]
    assert [row["best_name"] for row in csv.DictReader(io.StringIO(tables["layers.csv"]))][:2] == ["", "years"]


def test_csv_of_failed_questions_has_the_reason_and_no_answer() -> None:
    """A failed question never looks like an answer."""
    row = read_csv("all failed", "questions.csv")[0]
    assert row["failed"] == Status.NON_FINITE_ANSWER.reason
    assert row["predicted"] == row["correct"] == row["margin"] == row["logprob_A"] == ""
    assert row["gold"] in "ABCD"


def test_csv_margin_is_the_lead_over_the_second() -> None:
    """In nats, from the log-probabilities of the same row."""
    for row in read_csv("ordinary", "questions.csv"):
        first, second = sorted((float(row[f"logprob_{letter}"]) for letter in "ABCD"), reverse=True)[:2]
        assert float(row["margin"]) == pytest.approx(first - second, abs=1e-5)


class PageReader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note elements, addresses and event handlers."""
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_inert_and_self_contained(name: str) -> None:
    """No script, image, frame or event handler; the only address is the link to the paper."""
    page = render(HTML, name)
    reader = PageReader()
    reader.feed(page)
    assert not reader.tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base"}
    assert not reader.handlers
    assert set(reader.links) <= {"https://arxiv.org/abs/2502.17187"}
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_well_formed(name: str) -> None:
    """Every element is closed and every text escaped: the body parses as XML and encodes as UTF-8."""
    page = render(HTML, name)
    page.encode("utf-8")
    ElementTree.fromstring(re.search(r"<body>.*</body>", page, re.DOTALL)[0])  # type: ignore[index]  # it is there


def test_the_page_shows_the_same_numbers() -> None:
    """Cells of the heat map, layers of the curves and the accuracy are those of the report."""
    report, page = CASES["ordinary"], render(HTML, "ordinary")
    assert f"{report.accuracy.estimate * 100:.1f} %" in page
    assert page.count("layer 1, expert 5\n") == 4  # used share in two scopes, accuracy, right minus wrong
    for row in report.main.layers:
        assert (
            f"layer {row.layer}, answer: mean ± std over tokens: {row.entropy_mean:.2f} ± {row.entropy_std:.3f}" in page
        )


@pytest.mark.parametrize("kind", REPORT_FORMATS, ids=lambda kind: kind.name)
def test_nothing_of_our_own_is_replaced(kind: ReportFormat) -> None:
    """The replacement character stands only for what others wrote."""
    assert not any("�" in text for text in kind.render(CASES["paper"]).values())


def test_the_page_marks_unused_experts() -> None:
    """An expert no token chose has a dot and says so; one question leaves most experts unused."""
    report, page = CASES["one question"], render(HTML, "one question")
    n_unused = int((report.main.cells.token_count == 0).sum())
    assert n_unused == 2 * (6 - 2)
    assert page.count("never used in scope answer") == 2 * n_unused  # used share, and accuracy


def test_the_page_without_answers_shows_no_accuracy() -> None:
    """What is not defined has no chart."""
    page = render(HTML, "no gold")
    assert "the quiz gives no answers" in page
    assert "Accuracy by subject" not in page


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1+x", "-x", "@SUM(1)", "\t=1", "-3"])
def test_no_subject_is_a_formula_in_a_spreadsheet(name: str) -> None:
    """An apostrophe stands before it there; a number is one."""
    report = compute(make_trace(n_questions=2, subjects=[name] * 2))
    tables = CSV.render(report)
    for file in ("subjects.csv", "questions.csv"):
        row = next(csv.DictReader(io.StringIO(tables[file], newline="")))
        assert row["subject"] == (name if name == "-3" else f"'{name}")


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60).map(lambda middle: f"s{middle}t"))  # arrays of texts drop zero bytes at the end
def test_any_subject_survives_every_format(name: str) -> None:
    """Subjects come from files that anybody wrote."""
    report = compute(make_trace(n_questions=2, subjects=[name] * 2))
    assert name in {row["subject"] for row in json.loads(JSON.render(report)["report.json"])["by_subject"]}
    rows = list(csv.DictReader(io.StringIO(CSV.render(report)["subjects.csv"], newline="")))
    assert rows[0]["subject"] == name.replace("\r\n", "\n").replace("\r", "\n")  # "s.." is no formula
    body = re.search(r"<body>.*</body>", HTML.render(report)["report.html"], re.DOTALL)
    assert body is not None
    ElementTree.fromstring(body[0])
    assert all(line.isprintable() for line in TEXT.render(report)["report.txt"].split("\n"))


def test_differences_that_may_be_noise_are_faded_in_the_page() -> None:
    """With a sentence that counts them, and a switch for all that needs no script."""
    report, page = CASES["ordinary"], render(HTML, "ordinary")
    found = report.main.cells.right_minus_wrong
    assert found.is_supported is not None
    faded = int((~found.is_supported & ~np.isnan(found.values)).sum())
    assert page.count('class="faded"') == faded > 0
    assert f"{int(found.is_supported.sum())} of {int(np.isfinite(found.p).sum())} differences supported" in page
    assert '<input type="checkbox" id="unsupported" class="unsupported"/><label for="unsupported" class="note">' in page
    assert ".unsupported:checked ~ .wide .faded { fill-opacity: 1; }" in page


def test_text_and_json_count_the_differences_that_are_supported() -> None:
    """JSON names them, with interval and both sides."""
    report = compute(planted_trace())
    data = json.loads(render_report(JSON, report))["right_minus_wrong"]
    assert [(row["layer"], row["expert"]) for row in data["supported"]] == [(0, 0), (0, 1)]
    first = data["supported"][0]
    assert first["difference"] == pytest.approx(first["right"] - first["wrong"])
    assert 0 < first["ci95"][0] < first["difference"] <= first["ci95"][1]
    assert first["corrected_p"] < 0.05
    said = f"right minus wrong answers: 2 of {data['n_tested']} differences supported (Holm, p < 0.05)"
    assert said in " ".join(render_report(TEXT, report).split())


def planted_trace() -> Trace:
    """Right answers choose expert 0 of layer 0, wrong ones expert 1; layer 1 is the same for all."""
    right = np.arange(80) % 2 == 0
    p = np.full((80, 1, 2, 3), 0.01)
    p[np.arange(80), 0, 0, np.where(right, 0, 1)] = p[:, 0, 1, 2] = 0.98
    made = trace_of_tokens(list(p), [], np.full(80, -1, np.int32), 1)
    return cast("Trace", replace(made, predicted=np.where(right, 0, 1).astype(np.int8)))


def render_report(form: ReportFormat, report: ExpertContributions) -> str:
    """The one file of a format."""
    [text] = form.render(report).values()
    return text
