"""The menu of quick picks: which experts of what is on screen go into the mask."""

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from app.content.effects import shown_effects
from app.content.grids.effect_grid import expert_grid
from app.content.grids.expert_grid import grid_metric
from app.content.mask_editing import with_experts, with_more
from app.state.session import Session
from app.state.state import State
from app.views.what_if import quick_picks
from moe_core.interventions.intervention import Expert

Pick = Callable[[State], frozenset[Expert]]
PickN = Callable[[State, int], frozenset[Expert]]


class PickMenu(QMenu):
    """Made anew for every state that it is opened on; a pick replaces the mask unless `adds` is ticked."""

    def __init__(self, session: Session, parent: QWidget, *, adds: bool) -> None:
        super().__init__(parent)
        self._session = session
        self.setToolTipsVisible(True)
        self.adds = self.addAction("Add to the mask, not replace it")
        self.adds.setCheckable(True)
        self.adds.setChecked(adds)
        self.addSeparator()
        self._fill()

    def _fill(self) -> None:
        state = self._session.state
        assert state.trace is not None
        size, metric = state.trace.trace.dimensions, grid_metric(state.metric).title
        cells, layer = len(state.experts), state.layer
        selected = self._add(self, f"The selected cells ({cells})", "Also with M, in the grid", _selected)
        selected.setEnabled(bool(cells))
        never = f"Experts that no token of the scope “{state.scope}” chose, in the questions shown"
        self._add(self, "Never used in this scope", never, _never_used)
        self._add(self, f"All of layer {state.layers[layer]}", "The row of the layer looked at", _layer_row)
        self.addSeparator()
        by = f"by what the grid shows: {metric}"
        self._add_counts("Lowest per layer", by, size.n_experts - 1, _lowest)
        self._add_counts("Highest per layer", by, size.n_experts - 1, _highest)
        self._add_counts("All but the highest per layer", by, size.n_experts - 1, _all_but_highest, size.top_k)
        if shown_effects(state) is not None:
            most = size.n_layers * size.n_experts
            about = "by effect, over all layers; no layer keeps fewer experts than a token chooses"
            self._add_counts("Most harmful when masked", about, most, _most_harmful)
            self._add_counts("Least harmful when masked", about, most, _least_harmful)
        self._add_counts("Random per layer", f"drawn with seed {state.rerun.seed}", size.n_experts - 1, _random)
        self.addSeparator()
        invert = self._add(self, "Invert", "Every expert that is not in the mask", _inverted, replaces=True)
        clear = self._add(self, "Clear", "No expert at all (Shift+M)", _none, replaces=True)
        for action in (invert, clear):
            action.setEnabled(not state.intervention.is_empty())

    def _add(self, menu: QMenu, text: str, tip: str, pick: Pick, *, replaces: bool = False) -> QAction:
        action = menu.addAction(text, partial(self._take, pick, replaces=replaces))
        action.setToolTip(tip)
        return action

    def _add_counts(self, text: str, tip: str, most: int, pick: PickN, least: int = 1) -> None:
        menu = self.addMenu(text)
        menu.setToolTipsVisible(True)
        menu.menuAction().setToolTip(tip)
        counts = [n for n in (1, 2, 4, 8, 16, 32, 64) if least <= n < most]
        for n in counts:
            self._add(menu, f"{n}", f"{text}: {n}, {tip}", partial(_with_n, pick, n))
        menu.addAction("Other…", partial(self._ask, text, least, most, pick))

    def _ask(self, text: str, least: int, most: int, pick: PickN) -> None:
        n, is_given = QInputDialog.getInt(self.parentWidget(), "Quick pick", f"{text}: how many?", least, least, most)
        if is_given:
            self._take(partial(_with_n, pick, n))

    def _take(self, pick: Pick, *, replaces: bool = False) -> None:
        state = self._session.state
        put = with_more if self.adds.isChecked() and not replaces else with_experts
        self._session.set(put(state, state.layers.experts(pick(state))))


def _with_n(pick: PickN, n: int, state: State) -> frozenset[Expert]:
    return pick(state, n)


def _selected(state: State) -> frozenset[Expert]:
    return state.experts


def _none(state: State) -> frozenset[Expert]:
    return frozenset()


def _never_used(state: State) -> frozenset[Expert]:
    assert state.trace is not None
    return quick_picks.never_used(state.trace.sample(state.scope, state.filter).counts.tokens)


def _layer_row(state: State) -> frozenset[Expert]:
    assert state.trace is not None
    return quick_picks.layer_row(state.layer, state.trace.trace.dimensions.n_experts)


def _inverted(state: State) -> frozenset[Expert]:
    assert state.trace is not None
    size = state.trace.trace.dimensions
    return quick_picks.inverted(state.layers.cells(state.intervention.experts), size.n_layers, size.n_experts)


def _random(state: State, n: int) -> frozenset[Expert]:
    assert state.trace is not None
    size = state.trace.trace.dimensions
    return quick_picks.at_random(n, size.n_layers, size.n_experts, state.rerun.seed)


def _lowest(state: State, n: int) -> frozenset[Expert]:
    return quick_picks.lowest(_values(state), n)


def _highest(state: State, n: int) -> frozenset[Expert]:
    return quick_picks.highest(_values(state), n)


def _all_but_highest(state: State, n: int) -> frozenset[Expert]:
    return quick_picks.all_but_highest(_values(state), n)


def _most_harmful(state: State, n: int) -> frozenset[Expert]:
    return _by_effect(state, n, most_harmful=True)


def _least_harmful(state: State, n: int) -> frozenset[Expert]:
    return _by_effect(state, n, most_harmful=False)


def _by_effect(state: State, n: int, *, most_harmful: bool) -> frozenset[Expert]:
    shown = shown_effects(state)
    assert shown is not None
    assert state.trace is not None
    ranked = shown.ranked()
    size = state.trace.trace.dimensions
    return quick_picks.first_that_leave_enough(ranked if most_harmful else ranked[::-1], n, size.n_experts - size.top_k)


def _values(state: State) -> quick_picks.FloatArray:
    grid = expert_grid(state)
    assert grid is not None
    return np.asarray(grid.values.values)
