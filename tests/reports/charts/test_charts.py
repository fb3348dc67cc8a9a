"""The parts of the figures: axes, colours, escaping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_core.figures.axis import Axis, round_ticks
from moe_core.figures.colour_scale import hex_colour
from moe_core.reports.charts.markup import Markup, element


def test_an_axis_maps_its_ends() -> None:
    """Linear between the ends, clipped beyond, and safe when both ends are the same."""
    axis = Axis(1.0, 3.0, 100.0, 0.0)
    assert [axis.clipped(value) for value in (1, 2, 3, 9, -9)] == [100, 50, 0, 0, 100]
    assert [axis(value) for value in (1, 4)] == [100, -50]
    assert Axis(2.0, 2.0, 10.0, 20.0)(2.0) == 10


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_and_few(low: float, width: float) -> None:
    """Every axis gets at most eleven ticks, all of them inside it."""
    ticks = [value for value, _ in round_ticks(low, low + width)]
    assert len(ticks) <= 11
    slack = 1e-6 * max(abs(low), width)
    assert all(low - slack <= tick <= low + width + slack for tick in ticks)


def test_ticks_of_a_share() -> None:
    """0 to 1 in steps of 0.2."""
    assert [text for _, text in round_ticks(0, 1)] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [value for value, _ in round_ticks(0, 1)] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize(("share", "colour"), [(0, "#00204d"), (1, "#ffea46"), (-1, "#00204d"), (0.5, "#7d7c78")])
def test_cividis(share: float, colour: str) -> None:
    """Dark blue to yellow by way of grey; values outside are clipped."""
    assert hex_colour("cividis", share) == colour


def test_markup_is_escaped_once() -> None:
    """Text is escaped in bodies and attributes, markup is not escaped again."""
    inner = element("b", "1 < 2 & 3")
    assert inner == "<b>1 &lt; 2 &amp; 3</b>"
    assert element("p", inner, ["x", Markup("<i></i>")], class_='"q"') == (
        '<p class="&quot;q&quot;"><b>1 &lt; 2 &amp; 3</b>x<i></i></p>'
    )


def test_markup_keeps_every_script_and_no_control_character() -> None:
    """Other alphabets, joiners and fixed spaces stay; what XML forbids is replaced."""
    assert element("p", "नमस्ते 👩\u200d🔬 60\u00a0%\x00\x1b\ud800\uffff") == "<p>नमस्ते 👩\u200d🔬 60\u00a0%����</p>"


def test_attributes() -> None:
    """Underscores become hyphens, floats keep two decimals, None is left out."""
    assert element("path", stroke_width=1.5, x=2.0, y=1 / 3, fill=None) == (
        '<path stroke-width="1.5" x="2" y="0.33"></path>'
    )
