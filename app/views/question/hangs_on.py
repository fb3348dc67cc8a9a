"""The experts that the answer hangs on, by the effect map: a line of links, strongest first."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QPalette
from PySide6.QtWidgets import QLabel, QMenu, QToolButton, QWidget

from app.content.effects import answer_effects, strongest
from app.state.state import State
from app.widgets.layouts.flow_layout import FlowLayout
from app.widgets.parts import in_row, pop_up, tool_button
from app.widgets.safe_text import as_tooltip
from moe_core.effects.effect_map import CellEffects
from moe_core.effects.text import nats
from moe_core.measures.question_filter import Expert

_MOST = 4


class HangsOn(QWidget):
    """`expert_chosen` carries layer, expert, and whether it is added to the selection. Hidden without a map."""

    expert_chosen = Signal(int, int, bool)

    def __init__(self) -> None:
        super().__init__()
        self.offers: Callable[[], list[QAction]] = list
        """What a right click on one of them offers."""
        self.setAccessibleName("Experts that this answer hangs on")
        self._experts: list[Expert] = []
        self.heading = QLabel()
        self.heading.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.links: list[QToolButton] = []
        self._flow = FlowLayout(self.heading, spacing=2)
        in_row(self, self._flow, margins=(8, 0, 8, 2))

    def draw(self, state: State) -> None:
        """Show the experts of the question looked at, the selected ones pressed."""
        effects = answer_effects(state)
        self.setVisible(effects is not None)
        if effects is None:
            return
        self._experts = strongest(effects, _MOST)
        self.heading.setText("Hangs on, nats" if self._experts else "Hangs on no single expert.")
        while len(self.links) < len(self._experts):
            self._add_link()
        for link in self.links[len(self._experts) :]:
            link.hide()
        for link, expert in zip(self.links, self._experts, strict=False):
            _describe(link, effects, expert, state.layers.name(expert))
            link.setChecked(expert in state.experts)
            link.show()

    def _add_link(self) -> None:
        link = tool_button("", "", "")
        link.setCheckable(True)
        link.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        link.clicked.connect(self._on_clicked)
        link.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        link.customContextMenuRequested.connect(partial(self._on_menu_requested, len(self.links)))
        self.heading.setMinimumHeight(link.sizeHint().height())  # both stand in the middle of a line
        self.links.append(link)
        self._flow.addWidget(link)

    def _on_clicked(self) -> None:
        place = next(n for n, link in enumerate(self.links) if link is self.sender())
        self.links[place].setChecked(True)  # the state may be so already, and nothing be drawn again
        adds = bool(QGuiApplication.keyboardModifiers() & Qt.KeyboardModifier.ControlModifier)
        self.expert_chosen.emit(*self._experts[place], adds)

    def _on_menu_requested(self, at: int, place: QPoint) -> None:
        if not self.links[at].isChecked():
            self.expert_chosen.emit(*self._experts[at], False)
        menu = QMenu(self)
        menu.addActions(self.offers())
        pop_up(menu, self.links[at], place)


def _describe(link: QToolButton, effects: CellEffects, expert: Expert, name: str) -> None:
    value, is_exact = nats(float(effects.effects[0][expert])), bool(effects.is_exact[0][expert])
    tip = (
        f"Expert {name}: masked alone, it changes the right answer’s log-probability by {value} nats, "
        f"{'measured' if is_exact else 'predicted'}.\nA click selects it; with Ctrl, beside others."
    )
    link.setText(f"{name} {'' if is_exact else '≈'}{value}")
    link.setAccessibleName(f"Expert {name}: {value} nats")
    link.setToolTip(as_tooltip(tip))
