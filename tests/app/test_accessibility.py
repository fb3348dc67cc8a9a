"""Every control can be named by a screen reader and explains itself; walks the whole window and every dialog."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QMainWindow,
    QTabBar,
    QWidget,
)

from app.actions import MENUS
from app.state.session import Session
from app.window.main_window import MainWindow
from moe_core.experiments import EXPERIMENTS

DIALOGS = ("record", "palette", "shortcuts", "about")


@pytest.fixture
def browsed(window: MainWindow, opened: Session) -> MainWindow:
    """The window on a trace, everything selected, every view drawn."""
    assert opened.state.trace is not None
    window.open_trace(opened.state.trace.path)
    state = window.session.state
    window.session.set(replace(state, experts=frozenset({(0, 1), (2, 3)}), layer=2, question=5, token=1))
    for dock in window.docks.values():
        dock.raise_()
        QApplication.processEvents()
    return window


def controls(top: QWidget) -> Iterator[QWidget]:
    """Every widget that takes the focus, save those that others are made of; a label's text is its name."""
    for widget in top.findChildren(QWidget):
        is_unused = isinstance(widget, QAbstractButton) and widget.isHidden() and not widget.text()
        takes_focus = widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        if takes_focus and not (is_part(widget) or is_unused or isinstance(widget, QLabel)):
            yield widget


def is_part(widget: QWidget) -> bool:
    """Whether it is the inside of another control: Qt speaks of that one, and its tooltip is shown."""
    parent = widget.parentWidget()
    if parent is None or widget.objectName().startswith("qt_"):
        return True
    if isinstance(parent, QMainWindow):
        return True  # the tab bars of docks: each tab has its view's title
    return isinstance(parent, QComboBox | QAbstractSpinBox | QTabBar) or parent.inherits("QComboBoxPrivateContainer")


def test_tab_bars_of_docks_have_a_name(browsed: MainWindow) -> None:
    """A screen reader says it before the tab's own title."""
    bars = browsed.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    assert {bar.accessibleName() for bar in bars} == {"Views in one place"}


def name_of(widget: QWidget) -> str:
    """What a screen reader would call it: its own name, its text, or that of the label beside it."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton) and widget.text():
        return widget.text()
    buddies = [label for label in widget.window().findChildren(QLabel) if label.buddy() is widget]
    return buddies[0].text() if buddies else ""


def described(widget: QWidget) -> str:
    """The widget with its way from the window, for whoever has to name it."""
    way = []
    at: QWidget | None = widget
    while at is not None:
        way.append(at.objectName() or type(at).__name__)
        at = at.parentWidget()
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return f"{' < '.join(way[:6])} {text!r}"


def nameless(top: QWidget) -> str:
    """Controls without a name, one a line."""
    return "\n".join(described(widget) for widget in controls(top) if not name_of(widget).strip(" …✕⋯×"))


def unexplained(top: QWidget, *, visible_only: bool = False) -> str:
    """Buttons, combo boxes and text fields without a tooltip, one a line; a dialog's OK and Cancel need none."""
    kinds = (QAbstractButton, QComboBox, QLineEdit)
    return "\n".join(
        described(widget)
        for widget in controls(top)
        if isinstance(widget, kinds)
        and not widget.toolTip()
        and (widget.isVisible() or not visible_only)
        and not isinstance(widget.parentWidget(), QDialogButtonBox)
    )


@pytest.fixture(params=DIALOGS)
def dialog(window: MainWindow, request: pytest.FixtureRequest) -> Iterator[QDialog]:
    """Each dialog, as its action opens it."""
    window.session.request(request.param)
    found = next(found for found in window.findChildren(QDialog) if found.isVisible())
    yield found
    found.close()


def test_every_control_of_the_window_has_a_name(browsed: MainWindow) -> None:
    """Its own, its text, or the label's beside it."""
    assert nameless(browsed) == ""


def test_every_control_of_the_window_explains_itself(browsed: MainWindow) -> None:
    """In a tooltip."""
    assert unexplained(browsed) == ""


def test_every_control_of_an_empty_window_has_a_name_and_a_tooltip(window: MainWindow) -> None:
    """Also the buttons that would fill the views; what waits behind them may explain itself once it is filled."""
    for dock in window.docks.values():
        dock.raise_()
        QApplication.processEvents()
        assert unexplained(window, visible_only=True) == ""
    assert nameless(window) == ""


def letters(view: QWidget) -> list[str]:
    """Which letters with Alt lead to controls of a view: those of covered docks count, too."""
    found = [*view.findChildren(QLabel), *view.findChildren(QAbstractButton)]
    texts = [each.text() for each in found if not each.isHidden()]
    return [match.group(1).casefold() for text in texts if (match := re.search(r"(?<!&)&(\w)", text))]


def test_a_letter_with_alt_opens_the_menu_and_nothing_else(browsed: MainWindow) -> None:
    """Two controls of one letter would only be walked through; whatever experiment is chosen."""
    of_menus = [action.text()[action.text().index("&") + 1].casefold() for action in browsed.menuBar().actions()]
    for experiment in EXPERIMENTS:
        shown = replace(browsed.session.state.experiments, name=experiment.name)
        browsed.show_view("experiments")
        browsed.session.set(replace(browsed.session.state, experiments=shown))
        taken = Counter([*of_menus, *(letter for view in browsed.views.values() for letter in letters(view))])
        assert [letter for letter, n in taken.items() if n > 1] == [], experiment.name


def test_every_control_of_a_dialog_has_a_name(dialog: QDialog) -> None:
    """And the dialog a title."""
    assert dialog.windowTitle()
    assert nameless(dialog) == ""


def test_every_control_of_a_dialog_explains_itself(dialog: QDialog) -> None:
    """In a tooltip."""
    assert unexplained(dialog) == ""


def test_every_action_has_a_tip_and_no_keys_are_taken_twice(window: MainWindow) -> None:
    """Tips teach in a sentence; a shortcut that two actions have works for neither."""
    keys: dict[str, str] = {}
    assert len(window.actions()) == sum(len(menu.actions) for menu in MENUS)
    for action in window.actions():
        name = action.objectName()
        assert action.toolTip(), name
        assert action.text(), name
        for sequence in action.shortcuts():
            assert sequence.toString() not in keys, (name, keys.get(sequence.toString()))
            keys[sequence.toString()] = name


def test_every_view_has_a_title_for_the_eye_and_for_the_ear(window: MainWindow) -> None:
    """It stands in the View menu, and is what a screen reader calls the region."""
    for name, dock in window.docks.items():
        assert dock.windowTitle()
        assert window.views[name].accessibleName() == dock.windowTitle()
