"""How the next what-if is run: what is done to the experts, which questions, which controls."""

from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QGridLayout, QLabel, QSizePolicy, QWidget

from app.content.mask_editing import KINDS, effect_of, factor_of, with_effect, with_place
from app.content.workers import TIP, address_problem
from app.state.session import Session
from app.state.state import State
from app.state.what_if_state import CONTROLS, SubsetKind
from app.widgets.fields.address_field import AddressField
from app.widgets.fields.eliding_combo_box import ElidingComboBox
from app.widgets.fields.number_boxes import DecimalBox, WholeBox
from app.widgets.parts import in_row, named
from moe_core.numbers.formatting import count

_EFFECTS = {
    "reroute": ("reroute", "The router may not choose these experts, the next best step in: the same as pruning them"),
    "drop": ("drop", "Chosen as usual, but their output counts nothing"),
    "boost": ("boost ×", "Their gate weight is multiplied by the factor; below 1 weakens them"),
}


class WhatIfChoices(QWidget):
    """A form that draws `state.rerun` and sets it; the effect is that of the whole mask."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._make_effect()
        self._make_subset()
        self.both = QCheckBox("Re-run the baseline too")
        self.both.setToolTip(
            "Ask the questions without the mask as well, and compare with that: needed where this machine "
            "does not give the baseline's very numbers"
        )
        self.workers = named(AddressField(address_problem, TIP), "Workers")
        self._lay_out()
        self.workers.chosen.connect(self._on_workers)
        for box in (self.subset, self.controls):
            box.activated.connect(self._on_choice)
        for spin in (self.sample, self.seed):
            spin.valueChanged.connect(self._on_choice)
        self.both.toggled.connect(self._on_choice)
        self.effect.activated.connect(self._on_effect)
        self.factor.valueChanged.connect(self._on_effect)
        self.place.activated.connect(self._on_place)

    def draw(self, state: State) -> None:
        boxes = (self.effect, self.factor, self.place, self.subset, self.sample, self.seed, self.controls, self.both)
        blockers = [QSignalBlocker(box) for box in boxes]
        effect, rerun = effect_of(state), state.rerun
        self.effect.setCurrentIndex(KINDS.index(effect) if effect in KINDS else -1)
        self.factor.setValue(factor_of(state))
        self.factor.setVisible(effect == "boost")
        self.place.setCurrentIndex(int(state.intervention.at_answer))
        self._draw_subset(state)
        self.seed.setValue(rerun.seed)
        self.controls.setCurrentIndex(CONTROLS.index(rerun.controls) if rerun.controls in CONTROLS else 0)
        self.both.setChecked(rerun.asks_baseline)
        for widget in (self._seed_label, self.seed):
            widget.setVisible(rerun.subset is SubsetKind.SAMPLE or bool(rerun.controls))
        self.workers.show_address(state.workers)
        del blockers

    def _draw_subset(self, state: State) -> None:
        assert state.trace is not None
        n_all, n_shown = int(state.trace.trace.recorded.sum()), len(state.trace.rows(state.scope, state.filter))
        texts = (f"all ({count(n_all)})", f"those shown ({count(n_shown)})", "a sample of all subjects")
        for at, text in enumerate(texts):
            self.subset.setItemText(at, text)
        self.subset.setCurrentIndex(list(SubsetKind).index(state.rerun.subset))
        self.sample.setMaximum(max(n_all, 1))
        self.sample.setValue(state.rerun.sample)
        self.sample.setVisible(state.rerun.subset is SubsetKind.SAMPLE)

    def _make_effect(self) -> None:
        self.effect = ElidingComboBox()
        for name, (text, tip) in _EFFECTS.items():
            self.effect.addItem(text, name)
            self.effect.setItemData(self.effect.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.effect.setPlaceholderText("mixed")
        self.effect.setToolTip("What is done to every expert of the mask")
        self.place = ElidingComboBox()
        self.place.addItems(["every token", "the answer alone"])
        self.place.setToolTip(
            "At which tokens the mask acts. At the answer alone, all tokens before it are routed as ever, and only the "
            "last one is asked again"
        )
        self.factor = named(DecimalBox(), "Factor of the boost", "By what the gate weights are multiplied")
        self.factor.setRange(0, 100)
        self.factor.setDecimals(2)
        self.factor.setSingleStep(0.25)
        self.factor.setKeyboardTracking(False)

    def _make_subset(self) -> None:
        self.subset = ElidingComboBox()
        self.subset.addItems([kind.value for kind in SubsetKind])
        self.subset.setToolTip("Which questions are asked again: fewer are quicker, and tell less")
        self.sample = _spin_box("Questions in the sample", "How many questions are drawn, from all subjects alike", 1)
        self.seed = _spin_box("Seed", "Draws the sample and the random masks: the same seed gives the same ones", 0)
        self.seed.setMaximum(2**31 - 1)
        self.controls = ElidingComboBox()
        for n in CONTROLS:
            self.controls.addItem(f"{n} random masks" if n else "none", n)
        self.controls.setToolTip(
            "Random masks of the same size among experts of similar load, run beside yours: "
            "what they do tells whether yours means anything"
        )

    def _lay_out(self) -> None:
        fields: tuple[tuple[str, QWidget, QWidget], ...] = (
            ("Effect", self.effect, _line(self.effect, self.factor)),
            ("At", self.place, self.place),
            ("Questions", self.subset, _line(self.subset, self.sample)),
            ("Controls", self.controls, self.controls),
            ("Seed", self.seed, self.seed),
            ("Workers", self.workers, self.workers),
        )
        for name, box in (
            ("Effect", self.effect),
            ("At", self.place),
            ("Questions", self.subset),
            ("Controls", self.controls),
        ):
            box.setAccessibleName(name)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            box.setMinimumContentsLength(8)
        self._fields = [(QLabel(name), field) for name, _, field in fields]
        for (label, _), (_, buddy, _) in zip(self._fields, fields, strict=True):
            label.setBuddy(buddy)
        self._seed_label = self._fields[4][0]
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(4)
        self._beside = 0
        self.arrange(1)

    def arrange(self, beside: int) -> None:
        """Put so many choices beside each other."""
        if beside == self._beside:
            return
        self._beside = beside
        for place, (label, field) in enumerate(self._fields):
            row, column = divmod(place, beside)
            self._grid.addWidget(label, row, 2 * column)
            self._grid.addWidget(field, row, 2 * column + 1)
        self._grid.addWidget(self.both, len(self._fields), 0, 1, 4)
        for column in (1, 3):
            self._grid.setColumnStretch(column, int(column < 2 * beside))

    def _on_effect(self) -> None:
        if (effect := self.effect.currentData()) is not None:
            self._session.set(with_effect(self._session.state, effect, self.factor.value()))

    def _on_place(self) -> None:
        self._session.set(with_place(self._session.state, at_answer=self.place.currentIndex() == 1))

    def _on_workers(self, address: str) -> None:
        self._session.set(replace(self._session.state, workers=address))

    def _on_choice(self) -> None:
        state = self._session.state
        rerun = replace(
            state.rerun,
            subset=list(SubsetKind)[self.subset.currentIndex()],
            sample=self.sample.value(),
            seed=self.seed.value(),
            controls=self.controls.currentData(),
            asks_baseline=self.both.isChecked(),
        )
        self._session.set(replace(state, rerun=rerun))


def _line(box: ElidingComboBox, spin: QAbstractSpinBox) -> QWidget:
    """A choice, and the number that belongs to one of its entries."""
    whole = QWidget()
    in_row(whole, box, spin, spacing=4)
    return whole


def _spin_box(name: str, tip: str, least: int) -> WholeBox:
    box = named(WholeBox(), name, tip)
    box.setMinimum(least)
    box.setKeyboardTracking(False)
    return box
