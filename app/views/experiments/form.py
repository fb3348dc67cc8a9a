"""The options of an experiment as a form; only those that the experiment reads can be seen."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from app.content.workers import TIP, address_problem
from app.state.what_if_state import SubsetKind
from app.views.experiments.choices import ExperimentChoices
from app.widgets.fields.address_field import AddressField
from app.widgets.fields.form_parts import choice
from app.widgets.fields.number_boxes import DecimalBox, WholeBox
from moe_core.experiments.design import MOST_REPEATS
from moe_core.experiments.experiment import Experiment
from moe_core.measures.scope import Scope

_SUBSETS = (
    (SubsetKind.ALL.value, "All recorded ones"),
    (SubsetKind.SELECTION.value, "Those that pass the filter"),
    (SubsetKind.SAMPLE.value, "A sample"),
)
_MOST, _FEWEST_LETTERS = 1_000_000, 8


class ExperimentForm(QWidget):
    """`changed`: something was edited."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        start = ExperimentChoices()
        self.subset = choice(_SUBSETS)
        self.sample = _whole(start.sample, least=1)
        self.seed = _whole(start.seed)
        self.scope = QComboBox()
        self.factors = QLineEdit(start.factors)
        self.best = _whole(start.best)
        self.best.setSpecialValueText("top-k")
        self.shares = QLineEdit(start.shares)
        for text in (self.factors, self.shares):
            text.setCursorPosition(0)  # a narrow field shows the first ones
        self.repeats = _whole(start.repeats, most=MOST_REPEATS)
        self.keep = QLineEdit(start.keep)
        self.loss = DecimalBox()
        self.loss.setRange(0.1, 99.0)
        self.loss.setSingleStep(0.5)
        self.loss.setDecimals(1)
        self.loss.setValue(start.loss)
        self.step = _whole(start.step)
        self.step.setSpecialValueText("a sixteenth")
        self.sizes = QLineEdit(start.sizes)
        self.experts = QLineEdit(start.experts, placeholderText="the most used of each layer")
        self.workers = AddressField(address_problem, TIP)
        self.asks_baseline = QCheckBox("Re-run the base&line too")
        self.asks_baseline.setToolTip(
            "Ask the same questions without an intervention first, and compare with that: needed where model, device "
            "or precision are not those of the trace"
        )
        self.begins_anew = QCheckBox("Begin anew")
        self.begins_anew.setToolTip(
            "Ask everything again, into a file of its own; else what the same experiment finished before is taken over"
        )
        for choices in (self.subset, self.scope):  # as narrow as the form may be
            choices.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choices.setMinimumContentsLength(_FEWEST_LETTERS)
        self._add_rows()
        self._connect()

    @property
    def choices(self) -> ExperimentChoices:
        scope = self.scope.currentData()
        return ExperimentChoices(
            subset=SubsetKind(self.subset.currentData()),
            sample=self.sample.value(),
            seed=self.seed.value(),
            scope=Scope(scope) if scope else None,
            factors=self.factors.text(),
            best=self.best.value(),
            shares=self.shares.text(),
            repeats=self.repeats.value(),
            keep=self.keep.text(),
            loss=self.loss.value(),
            step=self.step.value(),
            experts=self.experts.text(),
            sizes=self.sizes.text(),
            asks_baseline=self.asks_baseline.isChecked(),
            begins_anew=self.begins_anew.isChecked(),
        )

    def show_experiment(self, experiment: Experiment) -> None:
        chosen = self.scope.currentData()
        self.scope.blockSignals(True)
        self.scope.clear()
        self.scope.addItem(f"{experiment.scope} (usual)", "")
        for scope in Scope:
            if scope is not experiment.scope:
                self.scope.addItem(scope.value, scope.value)
        self.scope.setCurrentIndex(max(self.scope.findData(chosen), 0))
        self.scope.blockSignals(False)
        for name in ("scope", "factors", "best", "shares", "repeats", "keep", "loss", "step", "experts", "sizes"):
            self._layout.setRowVisible(getattr(self, name), name in experiment.reads)
        self._on_edited()

    def _add_rows(self) -> None:
        self._add("&Questions", self.subset, "Which recorded questions take part")
        self._add("Sam&ple of", self.sample, "How many are drawn, each subject in proportion")
        self._add("See&d", self.seed, "Draws the sample, the halves and the random masks: the same seed, the same ones")
        self._add("Sc&ope", self.scope, "Which tokens count when experts are chosen")
        self._add("Fac&tors", self.factors, "Gate weights of the chosen experts are multiplied by these")
        self._add(
            "Experts per la&yer", self.best, "How many of each layer are boosted; top-k: as many as a token chooses"
        )
        self._add(
            "Sh&ares, %",
            self.shares,
            "How much is removed: experts of every layer, of which top-k stay, or neurons of an expert",
        )
        self._add("Rando&m draws", self.repeats, "Random masks of the same size beside the chosen ones")
        self._add(
            "Si&ze",
            self.keep,
            "What is to stay: 50% of the experts, 16 for so many of each layer, 6GB for its weights, or smallest",
        )
        self._add("Loss, po&ints", self.loss, "Accuracy that may be lost, with 95 % confidence, on held-out questions")
        self._add("S&tep", self.step, "Experts of each layer that go at once, before effects are predicted anew")
        self._add("Exper&ts", self.experts, "Whose neurons are switched off: LAYER:EXPERT, as in 3:17, 5:0")
        self._add("Wor&kers", self.workers, TIP)
        self._add("No&ise", self.sizes, "Sizes of the noise, times the root mean square of what it is added to")
        self._layout.addRow(self.asks_baseline)
        self._layout.addRow(self.begins_anew)

    def _add(self, label: str, field: QWidget, tip: str) -> None:
        buddy = QLabel(label)
        buddy.setBuddy(field)
        buddy.setToolTip(tip)
        field.setToolTip(tip)
        field.setAccessibleName(label.replace("&", ""))
        for inner in field.findChildren(QLineEdit):
            inner.setAccessibleName(field.accessibleName())
        self._layout.addRow(buddy, field)

    def _connect(self) -> None:
        for choices in (self.subset, self.scope):
            choices.currentIndexChanged.connect(self._on_edited)
        for number in (self.sample, self.seed, self.best, self.repeats, self.loss, self.step):
            number.valueChanged.connect(self._on_edited)
        for text in (self.factors, self.shares, self.keep, self.experts, self.sizes):
            text.textChanged.connect(self._on_edited)
        for box in (self.asks_baseline, self.begins_anew):
            box.toggled.connect(self._on_edited)

    def _on_edited(self) -> None:
        is_sample = self.subset.currentData() == SubsetKind.SAMPLE.value
        self._layout.setRowVisible(self.sample, is_sample)
        self.changed.emit()


def _whole(value: int, *, least: int = 0, most: int = _MOST) -> WholeBox:
    box = WholeBox()
    box.setRange(least, most)
    box.setGroupSeparatorShown(True)
    box.setValue(value)
    return box
