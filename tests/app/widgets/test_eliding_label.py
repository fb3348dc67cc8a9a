"""A label that shortens in the middle and never reads markup."""

from pytestqt.qtbot import QtBot

from app.widgets.eliding_label import ElidingLabel


def test_shortens_in_the_middle_and_keeps_the_whole(qtbot: QtBot) -> None:
    """Both ends of a long name stay."""
    name = "allenai/OLMoE-1B-7B-0125-Instruct"
    label = ElidingLabel(name)
    qtbot.addWidget(label)
    label.show()
    label.resize(label.fontMetrics().horizontalAdvance(name) // 2, 20)
    assert label.text().startswith("allen")
    assert label.text().endswith("ruct")
    assert "…" in label.text()
    assert label.whole_text == name


def test_markup_in_a_text_is_shown_not_obeyed(qtbot: QtBot) -> None:
    """Texts come from traces of strangers; a tooltip would load the picture."""
    label = ElidingLabel('<img src="file:///etc/hostname">')
    qtbot.addWidget(label)
    assert "<img" not in label.toolTip()
    assert "&lt;img" in label.toolTip()


def test_a_number_of_questions_is_never_shortened(qtbot: QtBot) -> None:
    """Whatever stands around it gives way."""
    said = "baseline 80.2 % [76.1, 83.9], n = 400 of 12,000: bars are 95 % intervals, a grey band is the range of draws"
    label = ElidingLabel(said)
    qtbot.addWidget(label)
    label.show()
    for share in (4, 3, 2):
        label.resize(label.fontMetrics().horizontalAdvance(said) // share, 20)
        assert "n = 400 of 12,000" in label.text()
        assert label.text().startswith("bas")
        assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()


def test_a_number_of_tokens_is_never_shortened(qtbot: QtBot) -> None:
    """A note behind it gives way."""
    said = "reading · 1,022 tokens · ★ looks at the name before the verb; see the table in the second appendix"
    label = ElidingLabel(said)
    qtbot.addWidget(label)
    label.show()
    label.resize(label.fontMetrics().horizontalAdvance(said) // 3, 20)
    assert label.text().startswith("reading · 1,022 tokens")
    assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()


def test_what_follows_a_number_fills_the_room(qtbot: QtBot) -> None:
    """As much of it as there is room for, where what stands before is whole."""
    said = "Layer 1, expert 25 · never used · n = 0 of 800 questions · rank 54 of 54 in the layer"
    label = ElidingLabel(said)
    qtbot.addWidget(label)
    label.show()
    label.resize(label.fontMetrics().horizontalAdvance(said) * 9 // 10, 20)
    assert label.text().startswith("Layer 1, expert 25 · never used · n = 0 of 800 questions · rank")
    assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()
