"""Elements of pages and drawings: no text becomes markup."""

from moe_core.reports.svg.markup import Markup, element


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
