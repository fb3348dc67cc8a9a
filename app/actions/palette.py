"""What the palette finds besides the actions: metrics, subjects, experts by `3:17` or their name, and questions."""

import re
from dataclasses import replace
from functools import partial
from itertools import islice

from app.actions.action import change_state
from app.content.grids.expert_grid import GRID_METRICS
from app.content.note_editing import name_text
from app.dialogs.command_palette import CommandPalette, PaletteChoice, choice_of
from app.state.session import is_within
from app.window.main_window import MainWindow
from moe_core.measures.question_filter import EVERYTHING, Expert
from moe_core.measures.question_table import folded_line

_MOST_QUESTIONS = 20
_EXPERT = re.compile(r"\s*l?(\d{1,5})\s*[:/]\s*e?(\d{1,5})\s*", re.IGNORECASE)


def open_palette(window: MainWindow) -> None:
    """Ask what to do, or where to go."""
    actions = [action for action in window.actions() if action.objectName() != "action-palette"]
    choices = [*map(choice_of, actions), *_metrics(window), *_subjects(window)]
    CommandPalette(choices, window, partial(_look_up, window)).open()


def _metrics(window: MainWindow) -> list[PaletteChoice]:
    is_enabled = window.session.state.trace is not None

    def show(name: str) -> None:
        change_state(window, metric=name)
        window.enter_view("experts")

    return [
        PaletteChoice(f"Metric: {metric.title}", metric.meaning, partial(show, metric.name), is_enabled=is_enabled)
        for metric in GRID_METRICS
    ]


def _subjects(window: MainWindow) -> list[PaletteChoice]:
    shown = window.session.state.trace

    def choose(name: str) -> None:
        change_state(window, filter=replace(EVERYTHING, subjects=(name,)))
        window.enter_view("questions")

    tip = "Filter the questions to this subject"
    return [
        PaletteChoice(f"Subject: {name}", tip, partial(choose, name))
        for name in ([] if shown is None else shown.table.subject_names)
    ]


def _look_up(window: MainWindow, typed: str) -> list[PaletteChoice]:
    return [*_experts(window, typed), *_questions(window, typed)]


def _experts(window: MainWindow, typed: str) -> list[PaletteChoice]:
    """The expert that `3:17`, `3/17` or `L3/E17` means, where the model has it; those whose name holds all words."""
    state, number, words = window.session.state, _EXPERT.fullmatch(typed), folded_line(typed).split()
    if state.trace is None:
        return []
    sizes = state.trace.trace.dimensions
    numbered = None if number is None else state.layers.cell((int(number[1]), int(number[2])))
    cells = [] if numbered is None else [numbered]
    called = (cell for cell, name in sorted(state.names.items()) if words and _holds(name, words))
    cells += [cell for cell in called if cell not in cells]
    return [_expert(window, cell) for cell in cells if is_within(cell, sizes.n_layers, sizes.n_experts)]


def _holds(name: str, words: list[str]) -> bool:
    return all(word in folded_line(name) for word in words)


def _expert(window: MainWindow, cell: Expert) -> PaletteChoice:
    state = window.session.state
    title = f"Expert {state.layers.name(cell)} {name_text(state, cell)}".rstrip()
    return PaletteChoice(title, "Select this expert, in every view", partial(_select, window, cell))


def _select(window: MainWindow, cell: Expert) -> None:
    change_state(window, experts=frozenset({cell}), layer=cell[0])
    window.enter_view("experts")


def _questions(window: MainWindow, typed: str) -> list[PaletteChoice]:
    """The first questions of the quiz whose id or text holds every word."""
    shown, words = window.session.state.trace, folded_line(typed).split()
    if shown is None or not words:
        return []
    table = shown.table
    rows = (row for row, text in enumerate(table.folded_texts) if all(word in text for word in words))

    def choose(row: int) -> None:
        change_state(window, question=row, token=None)
        window.enter_view("question")

    return [
        PaletteChoice(f"Question {table.ids[row]}: {_line(table.texts[row])}", table.texts[row], partial(choose, row))
        for row in islice(rows, _MOST_QUESTIONS)
    ]


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:79]}…"
