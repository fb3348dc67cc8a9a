"""The left half of the What if view: the mask, how it is run, and what that would touch."""

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QAction, QPalette, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QMenu, QSizePolicy, QToolButton, QWidget

from app import theme
from app.content.mask_editing import with_mask, without
from app.content.what_if_preview import Preview
from app.state.session import Session
from app.state.state import State
from app.views.what_if.choices import WhatIfChoices
from app.views.what_if.pick_menu import PickMenu
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.mask_chips import MaskChips
from app.widgets.parts import button, in_column, in_row, named, plain_text, pop_up, scrolling, tool_button
from moe_core.interventions.intervention import Expert

_MASK_ACTIONS = (
    {"Keep under a name…": "keep_mask", "Keep no more": "delete_mask"},
    {"Read from a file…": "read_mask", "Share as a file…": "write_mask"},
    {"Neurons…": "mask_neurons", "Clear": "clear_mask", "Undo": "undo", "Redo": "redo"},
)
_WARNING = f"QLabel {{ border: 0; border-left: 3px solid {theme.WRONG}; padding-left: 6px; }}"
_NEED_A_MASK = ("keep_mask", "write_mask", "clear_mask")


class WhatIfEditor(QWidget):
    """Draws the state and sets it; `adds` is whether a quick pick adds to the mask."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.adds = False
        self.choices = WhatIfChoices(session)
        self._make_mask_row()
        self._make_run_row()
        self._lay_out()
        self.chips.removed.connect(self._on_removed)
        self.masks.activated.connect(self._on_mask_activated)
        self.pick.clicked.connect(self._on_pick)
        self.more.clicked.connect(self._on_more)
        self.run.clicked.connect(self._on_run)
        self.cancel.clicked.connect(self._on_cancel)
        self.automatic.toggled.connect(self._on_automatic)
        self.rerun_both.clicked.connect(self._on_rerun_both)

    def draw(self, state: State, preview: Preview) -> None:
        mask = state.intervention
        self.chips.set_experts({expert: mask.action(expert) for expert in mask.experts}, _usual_action(state))
        self._fit_chips()
        self._draw_masks(state)
        self.choices.draw(state)
        self.preview.setText(" ".join(preview.sentences()))
        for label, sentence in ((self.problem, preview.problem), (self.mismatch, state.mismatch)):
            label.setText(sentence)
            label.setVisible(bool(sentence))
        self.rerun_both.setVisible(bool(state.mismatch))
        self.run.setEnabled(preview.can_run)
        self.cancel.setEnabled(bool(state.running))
        with QSignalBlocker(self.automatic):
            self.automatic.setChecked(state.rerun.is_automatic)

    def _fit_chips(self) -> None:
        """No higher than they are, and not hidden without any: the keyboard may be there, and would jump away."""
        needed = self.chips.heightForWidth(max(self._chips_area.viewport().width(), 1))
        needed = needed if self._session.state.intervention.experts else 0
        self._chips_area.setMinimumHeight(min(needed, 2 * self.fontMetrics().height() + 14))
        self._chips_area.setMaximumHeight(needed)

    def _draw_masks(self, state: State) -> None:
        names = [mask.name for mask in state.masks]
        with QSignalBlocker(self.masks):
            if [self.masks.itemText(at) for at in range(1, self.masks.count())] != names:
                self.masks.clear()
                self.masks.addItems(["", *names])
            empty = "Choose a kept mask" if names else "No mask is kept yet"
            self.masks.setItemText(0, empty if state.intervention.is_empty() or not names else "Not kept")
            is_kept = state.intervention in state.masks
            self.masks.setCurrentIndex(state.masks.index(state.intervention) + 1 if is_kept else 0)
        self.masks.setEnabled(bool(names))

    def _make_mask_row(self) -> None:
        self.masks = ElidingComboBox()
        self.masks.addItem("")
        self.masks.setAccessibleName("Kept masks")
        self.masks.setToolTip("Switch between the masks that are kept; undo (Ctrl+Z) goes back")
        self.masks.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.pick = _menu_button("Pick", "Quick picks: put experts into the mask by what is on screen")
        self.more = _menu_button("Mask", "Keep the mask under a name, share it as a file, undo and redo")
        self.chips = MaskChips()
        self._chips_area = scrolling(self.chips)

    def _make_run_row(self) -> None:
        self.preview, self.problem, self.mismatch = plain_text(), plain_text(), plain_text()
        self.preview.setAccessibleName("What this would do")
        self.preview.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        for label in (self.problem, self.mismatch):
            label.setStyleSheet(_WARNING)
        self.problem.setAccessibleName("Why this cannot run")
        self.mismatch.setAccessibleName("Why the baseline cannot be compared with")
        self.rerun_both = button(
            "Re-run the baseline subset too", "Ask the same questions here without the mask as well, and compare"
        )
        self.run = button("Run", "Ask the questions again with the mask, and compare (F5)")
        self.cancel = button("Cancel", "Ask whether to stop after the batch in flight (Esc)")
        self.automatic = named(QCheckBox("automatically"), "Re-run automatically")
        self.automatic.setToolTip(
            "Re-run automatically, as soon as the mask stays as it is for a moment; each run leaves a trace"
        )

    def _lay_out(self) -> None:
        content = QWidget()
        masks = in_row(None, self.masks, self.pick, self.more, spacing=4)
        mask = masks, (self._chips_area, 1), self.preview
        in_column(content, *mask, self.choices, self.problem, self.mismatch, 0, margins=(8, 6, 8, 4), spacing=4)
        run = in_row(None, self.run, self.cancel, self.automatic, 0, spacing=4)
        both = self.rerun_both, Qt.AlignmentFlag.AlignLeft
        below = in_column(None, both, run, margins=(8, 2, 8, 6), spacing=4)
        in_column(self, (scrolling(content), 1), below, spacing=0)

    def open_picks(self) -> PickMenu:
        menu = PickMenu(self._session, self, adds=self.adds)
        menu.adds.toggled.connect(self._on_adds)
        pop_up(menu, self.pick)
        return menu

    def _on_removed(self, experts: frozenset[Expert]) -> None:
        self._session.set(without(self._session.state, experts))

    def _on_mask_activated(self, at: int) -> None:
        state = self._session.state
        if at > 0:
            self._session.set(with_mask(state, state.masks[at - 1]))

    def _on_automatic(self, checked: bool) -> None:
        state = self._session.state
        self._session.set(replace(state, rerun=replace(state.rerun, is_automatic=checked)))

    def _on_run(self) -> None:
        self._session.request("run_what_if")

    def _on_cancel(self) -> None:
        self._session.request("stop")

    def _on_rerun_both(self) -> None:
        state = self._session.state
        self._session.set(replace(state, mismatch="", rerun=replace(state.rerun, asks_baseline=True)))
        self._session.request("run_what_if")

    def _on_pick(self) -> None:
        self.open_picks()

    def _on_adds(self, checked: bool) -> None:
        self.adds = checked

    def _on_more(self) -> None:
        menu = QMenu(self)
        mask, is_kept = self._session.state.intervention, self._session.state.intervention in self._session.state.masks
        for group in _MASK_ACTIONS:
            menu.addSeparator()
            for text, name in group.items():
                action = menu.addAction(text)
                action.setData(name)
                action.setEnabled(not (name in _NEED_A_MASK and mask.is_empty()) and (name != "delete_mask" or is_kept))
        menu.triggered.connect(self._on_mask_action)
        pop_up(menu, self.more)

    def _on_mask_action(self, action: QAction) -> None:
        self._session.request(action.data())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_chips()


def _usual_action(state: State) -> str:
    """What is done to every expert of the mask; empty where not the same to all."""
    mask = state.intervention
    actions = {mask.action(expert) for expert in mask.experts}
    return actions.pop() if len(actions) == 1 else ""


def _menu_button(text: str, tip: str) -> QToolButton:
    made = tool_button(f"{text} ▾", text, tip)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made
