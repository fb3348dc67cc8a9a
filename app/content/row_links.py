"""What a row of a figure's table is about, told by the columns it has: an expert, a layer, a question or a token.

Columns called `layer`, by the model's own number, and `expert` name an expert, `layer` alone a layer; `id` is a
question's, `position` a token's of the question looked at; `subject` alone a subject. Rows of other tables are about
nothing that can be selected.
"""

from dataclasses import replace

from app.state.state import State
from moe_core.figures.table import FigureTable

LINKED = frozenset({"trace", "experts", "layer", "question", "token"})
"""Fields that rows follow."""
OFFERED = {
    "expert": (
        "toggle_mask",
        "filter_by_experts",
        "open_expert",
        "measure_selected",
        "copy_experts",
        "bookmark_experts",
        "name_expert",
        "note_expert",
    ),
    "question": (
        "open_question",
        "filter_by_subject",
        "select_token_experts",
        "mask_token_experts",
        "copy_question",
        "bookmark_question",
        "note_question",
        "filter_right_to_wrong",
        "filter_wrong_to_right",
    ),
    "token": ("select_token_experts", "mask_token_experts", "copy_token", "answer_position", "filter_by_subject"),
    "subject": (
        "filter_chosen_subject",
        "filter_subject_wrong",
        "open_subject",
        "select_subject_experts",
        "mask_subject_experts",
        "copy_subject",
    ),
    "what_if": (
        "mode_difference",
        "filter_changed",
        "open_flip",
        "copy_flips",
        "pin_shown",
        "save_what_ifs",
    ),
    "flips": ("filter_right_to_wrong", "filter_wrong_to_right", "filter_changed", "open_flip", "copy_flips"),
}
"""What a right click offers on each kind of thing: names of actions of the window."""


def kind_of(table: FigureTable) -> str:
    """What rows of the table are about; empty where they are about nothing that can be selected."""
    columns = set(table.columns)
    if {"layer", "expert"} <= columns:
        return "expert"
    kinds = {"layer": "layer", "id": "question", "position": "token", "subject": "subject"}
    return next((kind for column, kind in kinds.items() if column in columns), "")


def chosen_in(state: State, table: FigureTable, row: int) -> State:
    """The state with what the row is about selected."""
    if state.trace is None:
        return state
    values = dict(zip(table.columns, table.rows[row], strict=True))
    layer, expert, name, position = (values.get(column) for column in ("layer", "expert", "id", "position"))
    if isinstance(layer, int) and layer in state.layers:
        place = state.layers.index(layer)
        experts = frozenset({(place, expert)}) if isinstance(expert, int) else state.experts
        return replace(state, experts=experts, layer=place)
    if isinstance(name, str) and name in state.trace.table.ids:
        return replace(state, question=state.trace.table.ids.index(name), token=None)
    if isinstance(position, int):
        return replace(state, token=position)
    if isinstance(subject := values.get("subject"), str):
        return replace(state, subject=subject)
    return state


def row_of(state: State, table: FigureTable, current: int | None) -> int | None:
    """The row of what is selected: the current one where it is about that, else the first; None where none is."""
    place = {column: at for at, column in enumerate(table.columns)}
    if state.trace is None or not place.keys() & {"layer", "id", "position"}:
        return current
    name = None if state.question is None else state.trace.table.ids[state.question]
    experts, layer = state.layers.experts(state.experts), state.layers[state.layer]

    def is_selected(row: int) -> bool:
        values = table.rows[row]
        if "layer" in place and "expert" in place:
            return (values[place["layer"]], values[place["expert"]]) in experts
        if "layer" in place:
            return values[place["layer"]] == layer
        if "id" in place:
            return values[place["id"]] == name
        return values[place["position"]] == state.token

    if current is not None and current < len(table.rows) and is_selected(current):
        return current
    return next(filter(is_selected, range(len(table.rows))), None)
