"""Figures as files for a paper and inside pages: known colours, texts that stay texts, nothing to depend on."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.beside import BesideFigure
from moe_core.figures.colour.colour_scale import ColourScale, hex_colour
from moe_core.figures.colour.colours import BASELINE, RIGHT, WRONG
from moe_core.figures.columns import ColumnFigure
from moe_core.figures.curves import Curve, CurveFigure, Range, Reference, Style
from moe_core.figures.gates import GateFigure, GateRow
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.figures.points import PointFigure, PointSeries
from moe_core.figures.strip import StripFigure
from moe_core.figures.table import FigureTable
from moe_core.figures.tokens import TokenFigure
from moe_core.reports.charts.figure import AnyFigure, Plotted, inline_svg, standalone_svg
from moe_core.reports.svg.sheet import STYLE, paper_rules
from moe_core.reports.svg.text_width import text_width

HOSTILE = "</title><script>&\x1b\ud800"
NAN = float("nan")
SVG = "{http://www.w3.org/2000/svg}"

HEAT_MAP = HeatMapFigure(
    values=np.array([[0.0, 0.25, 0.5], [1.0, NAN, 2.0]]),
    is_never_used=np.array([[False, False, False], [False, True, False]]),
    scale=ColourScale("cividis", 0.0, 1.0),
    row_marginals=np.array([0.25, 1.5]),
    column_marginals=np.array([0.5, 0.25, 1.25]),
    hatched=np.array([[True, False, False], [False, False, False]]),
    title="Usage",
    value_title="share of tokens, %",
    mark=Reference(0.5, "even spread"),
    selected=frozenset({(0, 1), (0, 2)}),
    describe=lambda layer, expert: f"cell {layer} {expert}",
)
BESIDE = BesideFigure((HEAT_MAP, replace(HEAT_MAP, title="Less"), HEAT_MAP), ("one", "two", "three"), "Runs")
CURVES = CurveFigure(
    curves=(
        Curve("right", np.arange(3), *np.array([[1.0, NAN, 2], [0.5, NAN, NAN], [1.5, NAN, NAN]]), RIGHT, Style(), 7),
        Curve("wrong", np.arange(3), *np.array([[1.0, 1, 1]] * 3), WRONG, Style(dash=(4, 2), marker="square"), 9),
    ),
    x_name="layer",
    x_title="MoE layer",
    y_title="entropy, nats",
    references=(Reference(2.079, "maximum: ln 8 = 2.079"), Reference(99.0, "far away")),
    ranges=(Range(1.2, 1.4, "published"),),
    selected=1,
    to_references=False,
    title="Entropy",
)
POINTS = PointFigure(
    series=(
        PointSeries("by usage", (0.0, 50.0), (0.0, -5.0), (-1.0, -6.0), (1.0, NAN), ("a", "b"), RIGHT, Style()),
        PointSeries("at random", (0.0, 50.0), (0.0, -9.0), (0.0, -11.0), (0.0, -7.0), ("c", "d"), WRONG, Style(), True),
    ),
    x_title="share of experts, %",
    y_title="change of accuracy, percentage points",
    reference=Reference(0.0, "baseline"),
    title="Pruning",
)
NAMED = replace(POINTS, names=("one", "and another one of more words than fit"), x_title="")
BARS = BarFigure(
    rows=(
        BarRow("law", 0.5, "50.0 %", sign="✓", sign_colour=RIGHT, lower=0.4, upper=0.6, n="20", reference=0.3),
        BarRow("a subject with a name that is much too long for the column of the names", NAN, "–"),
    ),
    references=(Reference(0.25, "chance 25.0 %"),),
    largest=1.0,
    unit="accuracy",
    n_title="n",
    format_value=lambda value: f"{100 * value:.0f} %",
    title="Accuracy",
)
COLUMNS = ColumnFigure(
    np.array([0.5, 0.25, NAN, 0.25]),
    frozenset({0, 1}),
    np.array([0.1, 0.2, 0.3, 0.4]),
    frozenset({1, 3}),
    Reference(0.25, "no preference"),
    y_title="router probability",
)
STRIP = StripFigure((-1.0, -1.0, 2.0, NAN), -5.0, "this mask −5.0 points", "random masks", "points")
AFTER = (GateRow("0", np.array([3, 63]), np.array([0.5, 0.25])), GateRow("1", np.array([0, 1]), np.array([NAN, 0.1])))
GATES = GateFigure(
    AFTER, (GateRow("0", np.array([3, 7]), np.array([0.4, 0.3])), replace(AFTER[1], weights=np.array([0.2, 0.1])))
)
VALUES = np.array([0.0, 1.0, NAN, 0.5, 0.2, 2.0, 9.0])
TOKENS = TokenFigure(
    ("The", " answer", "\n", " is", " 答え", "\x1b", ""),
    VALUES,
    high=2.0,
    unit="nats",
    marked=np.arange(7) == 1,
    marked_name="changed",
    left_out="12 tokens are not shown",
)
TABLE = FigureTable(("id", "margin, nats"), [(f"q{n}", -n / 3 if n else None) for n in range(60)])
PLOTTED: dict[str, Plotted] = {
    "heat map": HEAT_MAP,
    "beside": BESIDE,
    "signed heat map": replace(HEAT_MAP, is_signed=True, values=HEAT_MAP.values - 1, note="nothing to see"),
    "curves": CURVES,
    "no curves": CurveFigure(),
    "points": POINTS,
    "named points": NAMED,
    "no points": PointFigure(),
    "bars": BARS,
    "dots": replace(BARS, is_dots=True, lowest=0.2),
    "no bars": BarFigure(()),
    "columns": COLUMNS,
    "columns alone": replace(COLUMNS, before=None),
    "no columns": ColumnFigure(np.zeros(0)),
    "strip": STRIP,
    "no strip": StripFigure(),
}
FIGURES: dict[str, AnyFigure] = {
    **PLOTTED,
    "gates": GATES,
    "gates alone": replace(GATES, before=()),
    "no gates": GateFigure(()),
    "tokens": TOKENS,
    "signed tokens": replace(TOKENS, is_signed=True, low=-2.0, values=VALUES - 1),
    "plain tokens": TokenFigure(("x",) * 9999, note="Nothing to colour by."),
    "no tokens": TokenFigure(()),
    "table": TABLE,
    "wide table": FigureTable(("a heading of some words",) * 40, [("text",) * 40]),
    "no table": FigureTable((), ()),
}


def texts(svg: str) -> list[str]:
    """What can be read, searched and edited in a drawing."""
    return ["".join(element.itertext()).replace("\u00a0", " ") for element in parsed(svg).iter(f"{SVG}text")]


def parsed(svg: str) -> ElementTree.Element:
    """The drawing's elements; fails where it is no well-formed XML."""
    return ElementTree.fromstring(svg)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("width_mm", [40.0, 85.0, 180.0])
def test_a_file_is_well_formed_and_as_wide_as_asked(name: str, width_mm: float) -> None:
    """Millimetres outside, points inside; no style sheet, script or other file is needed, and no number is NaN."""
    svg = standalone_svg(FIGURES[name], width_mm=width_mm, title="Title", caption="A caption of some words " * 9)
    root = parsed(svg)
    assert root.get("width") == f"{width_mm:g}mm"
    _, _, width, height = map(float, str(root.get("viewBox")).split())
    assert width == pytest.approx(width_mm * 72 / 25.4, abs=0.01)
    assert height == pytest.approx(float(str(root.get("height")).removesuffix("mm")) * 72 / 25.4, abs=0.02)
    assert not {element.tag for element in root.iter()} & {f"{SVG}style", f"{SVG}script", f"{SVG}image"}
    assert not re.search(r"\bnan\b|\binf\b|class=|var\(|href", svg)
    assert not [element for element in list(root)[1].iter() if element.tag == f"{SVG}title"]  # nothing to point at


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_as_large_as_asked_at_any_width(name: str) -> None:
    """One size in points, on the whole drawing."""
    for width_mm in (85.0, 180.0):
        root = parsed(standalone_svg(FIGURES[name], width_mm=width_mm, text_pt=7.0))
        assert root.get("font-size") == "7"
        assert not [element for element in list(root)[1:] if any("font-size" in each.attrib for each in element.iter())]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("width_mm", [85.0, 180.0])
def test_no_text_is_cut_at_the_edges(name: str, width_mm: float) -> None:
    """By the widths of the broadest usual font."""
    root = parsed(standalone_svg(FIGURES[name], width_mm=width_mm, title="A long title " * 9, caption="words " * 99))
    margin, room = 4.0, width_mm * 72 / 25.4
    for text in root.iter(f"{SVG}text"):
        if "transform" not in text.attrib:
            said = "".join(text.itertext())
            before = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor", "start")]
            left = margin + float(str(text.get("x"))) - before * text_width(said, 8.0)
            assert left >= -0.01, said
            assert left + text_width(said, 8.0) <= room + 0.01, said


@pytest.mark.parametrize(
    ("figure", "wanted"),
    [
        (
            HEAT_MAP,
            ["layer", "expert", "share of tokens, %", "even spread", "never used (1)", "masked (1)", "mean"],
        ),
        (
            CURVES,
            ["MoE layer", "entropy, nats", "right, n = 7", "wrong, n = 9", "maximum: ln 8 = 2.079", "far away (above)"],
        ),
        (POINTS, ["share of experts, %", "change of accuracy, percentage points", "by usage", "baseline", "−10"]),
        (BARS, ["✓ law", "50.0 %", "accuracy", "chance 25.0 %", "100 %", "n", "20"]),
        (COLUMNS, ["expert", "router probability", "chosen", "chosen in the what-if only", "before", "no preference"]),
        (STRIP, ["this mask −5.0 points", "random masks (3)", "points", "−4"]),
        (GATES, ["layer", "#2", "7", "+63", "full cell: gate weight 0.5"]),
        (TOKENS, ["The", "·answer", "↵", "0 to 2 nats", "answer position", "changed", "12 tokens are not shown"]),
        (TABLE, ["margin, nats", "q49", "−16.33", "… and 10 more rows: the data saved as CSV have them all"]),
    ],
    ids=["heat map", "curves", "points", "bars", "columns", "strip", "gates", "tokens", "table"],
)
def test_what_is_named_can_be_read(figure: AnyFigure, wanted: list[str]) -> None:
    """Axes and colour bar with their units, legend, title and caption: as text."""
    found = texts(standalone_svg(figure, title="The title", caption="n = 3"))
    assert {*wanted, "The title", "n = 3"} <= set(found)


def test_cells_have_the_colours_of_their_values() -> None:
    """Those of the colour map; blank ones the grey of the keys, never-used ones a dot."""
    cells = [box for box in parsed(standalone_svg(HEAT_MAP)).iter(f"{SVG}rect") if box.get("fill") != "#ffffff"][:6]
    expected = [hex_colour("cividis", share) for share in (0, 0.25, 0.5, 1)]
    assert [box.get("fill") for box in cells] == [*expected, paper_rules()["empty"]["fill"], hex_colour("cividis", 1)]
    (dot, key) = parsed(standalone_svg(HEAT_MAP)).iter(f"{SVG}circle")
    assert float(str(dot.get("cx"))) == pytest.approx(
        float(str(cells[4].get("x"))) + float(str(cells[4].get("width"))) / 2, abs=0.01
    )
    assert key.get("fill") == dot.get("fill")


def test_a_selection_is_shown_only_where_it_is_asked_for() -> None:
    """A file for a paper holds what was measured, not what somebody clicked."""
    for figure in (HEAT_MAP, CURVES):
        plain = replace(figure, selected=frozenset() if figure is HEAT_MAP else None)
        assert standalone_svg(figure) == standalone_svg(plain)
        assert standalone_svg(figure, with_selection=True) != standalone_svg(plain, with_selection=True)
    halo, mark = re.findall(r'd="([^"]+)" stroke-linecap="square"', standalone_svg(HEAT_MAP, with_selection=True))
    assert halo == mark
    assert mark.count("M") == 6  # two cells side by side: the edge between them is no outline


def test_a_line_breaks_where_there_is_no_value() -> None:
    """A gap in the means is a gap in the line, and a missing band no area."""
    lines = [each for each in parsed(standalone_svg(CURVES)).iter(f"{SVG}polyline") if each.get("stroke") == RIGHT]
    assert [str(each.get("points")).count(",") for each in lines] == [1, 1]
    bands = [each for each in parsed(standalone_svg(CURVES)).iter(f"{SVG}polygon") if each.get("fill") == RIGHT]
    assert [str(each.get("points")).count(",") for each in bands] == [2]


def test_the_legend_stands_above_the_data() -> None:
    """Nothing of it lies on the plot, however many rows it needs."""
    for width_mm in (60.0, 180.0):
        root = parsed(standalone_svg(CURVES, width_mm=width_mm))
        entries = [each for each in root.iter(f"{SVG}text") if each.text in ("right, n = 7", "published")]
        lines = [str(each.get("points")).replace(",", " ").split() for each in root.iter(f"{SVG}polyline")]
        highest = min(float(y) for line in lines for y in line[1::2])
        assert max(float(str(entry.get("y"))) for entry in entries) < highest


@pytest.mark.parametrize("name", PLOTTED)
def test_a_page_has_the_same_marks_with_the_colours_of_its_style(name: str) -> None:
    """One code path: what is inside a page differs in colours by role and in what is said on hover."""
    inline = inline_svg(PLOTTED[name])
    parsed(inline)
    roles = {role for found in re.findall(r'class="([^"]+)"', inline) for role in found.split()} - {"chart"}
    assert roles <= paper_rules().keys()
    assert all(f"svg.chart .{role} {{" in STYLE.read_text("utf-8") for role in roles)


def test_hover_says_the_exact_values() -> None:
    """Of each cell, each point of a curve, each point and each row."""
    assert inline_svg(HEAT_MAP).count("<title>cell ") == 6
    assert "<title>layer 2, right: 2</title>" in inline_svg(CURVES)
    assert all(f"<title>{text}</title>" in inline_svg(POINTS) for text in "abcd")
    assert "<title>law: 50.0 %</title>" in inline_svg(BARS)


def test_paper_has_the_light_colours_of_pages() -> None:
    """Read from the same style sheet."""
    assert paper_rules()["ground"] == {"fill": "#ffffff"}
    assert paper_rules()["line"] == {"fill": "none", "stroke": "#1b2025"}


def test_texts_of_strangers_stay_texts() -> None:
    """In titles, captions, names and labels."""
    row = BarRow(HOSTILE, 1.0, HOSTILE, tip=HOSTILE, sign=HOSTILE, n=HOSTILE)
    figure = BarFigure((row,), (Reference(1.0, HOSTILE),), unit=HOSTILE, n_title=HOSTILE, title=HOSTILE)
    for svg in (inline_svg(figure), standalone_svg(figure, title=HOSTILE, caption=HOSTILE)):
        assert not [each for each in parsed(svg).iter() if each.tag.endswith("script")]
        svg.encode("utf-8")


def test_bars_that_are_not_there_are_no_empty_axis() -> None:
    """Words say so."""
    assert texts(standalone_svg(BarFigure())) == ["nothing to show"]


def test_a_table_that_is_too_wide_says_what_is_missing() -> None:
    """Columns as far as they fit, and the number of those that do not."""
    (said,) = [text for text in texts(standalone_svg(FIGURES["wide table"])) if text.startswith("…")]
    shown = [text for text in texts(standalone_svg(FIGURES["wide table"])) if text == "a heading of some words"]
    assert said == f"… and {40 - len(shown)} more columns: the data saved as CSV have them all"


def test_a_prompt_that_is_too_long_says_how_much_is_missing() -> None:
    """No page is endless."""
    found = texts(standalone_svg(FIGURES["plain tokens"]))
    (said,) = [text for text in found if text.endswith("more tokens")]
    assert said == f"… and {9999 - found.count('x'):,} more tokens"


def test_experts_that_left_are_struck_through() -> None:
    """And those that came have a plus: not by colour alone."""
    svg = standalone_svg(GATES)
    assert svg.count("M") - standalone_svg(replace(GATES, before=())).count("M") == 1
    assert texts(svg).count("3") == 2


def test_the_ground_can_be_left_out() -> None:
    """Transparent, for slides."""
    assert standalone_svg(BARS, ground="").count("<rect") == standalone_svg(BARS).count("<rect") - 1


def test_bars_start_at_nothing() -> None:
    """From 0 to the value, to the left of it where that is negative."""
    rows = (BarRow("up", 1.0, "1"), BarRow("down", -0.5, "−0.5"))
    up, down = (
        box
        for box in parsed(standalone_svg(BarFigure(rows, lowest=-1.0))).iter(f"{SVG}rect")
        if box.get("fill") == BASELINE
    )
    x, width = (float(str(down.get(name))) for name in ("x", "width"))
    assert x + width == pytest.approx(float(str(up.get("x"))), abs=0.02)
    assert float(str(up.get("width"))) == pytest.approx(2 * width, abs=0.02)


def test_bars_start_where_they_are_told_to() -> None:
    """A log-probability's bar grows from the left end of its axis: the longest is the most probable."""
    rows = (BarRow("even", -5.0, "−5"), BarRow("sure", 0.0, "0"))
    figure = BarFigure(rows, lowest=-10.0, largest=0.0, base=-10.0)
    even, sure = (box for box in parsed(standalone_svg(figure)).iter(f"{SVG}rect") if box.get("fill") == BASELINE)
    assert even.get("x") == sure.get("x")
    assert float(str(sure.get("width"))) == pytest.approx(2 * float(str(even.get("width"))), abs=0.02)
