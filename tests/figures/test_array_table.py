"""A table over arrays: sorted as Python sorts, and exported as it is shown."""

from dataclasses import replace
from math import isnan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moe_core.figures.array_table import ArrayTable, ColumnStyle, ExportedRows
from moe_core.figures.table import FigureTable

WORD = ColumnStyle("word", "Word", "Word", "A word.", width=8)
NUMBER = ColumnStyle("number", "Number", "Number (nats)", "A number.", width=8, exported=float, is_number=True)
values = st.lists(st.floats(-5, 5) | st.just(np.nan), max_size=30)


def table_of(words: list[str], numbers: list[float], nothing: float | None = None) -> ArrayTable:
    """A table of two columns."""
    styles = (WORD, replace(NUMBER, nothing=nothing))
    return ArrayTable(styles, (tuple(words), np.array(numbers)), np.zeros(len(words), bool))


@given(numbers=values, descending=st.booleans())
def test_rows_are_sorted_with_those_without_a_value_last(numbers: list[float], descending: bool) -> None:
    """Equal ones keep their order, whichever way it goes."""
    table = table_of([str(n) for n in range(len(numbers))], numbers)
    rows = table.sorted_rows(np.arange(len(numbers)), 1, descending=descending).tolist()
    known = [n for n, number in enumerate(numbers) if not isnan(number)]
    missing = [n for n, number in enumerate(numbers) if isnan(number)]
    expected = sorted(known, key=lambda n: -numbers[n] if descending else numbers[n])
    assert rows == expected + missing


@given(words=st.lists(st.text(max_size=5), max_size=20), descending=st.booleans())
def test_texts_are_sorted_whatever_their_case_with_empty_ones_last(words: list[str], descending: bool) -> None:
    """As Python sorts them."""
    table = table_of(words, [0.0] * len(words))
    rows = table.sorted_rows(np.arange(len(words)), 0, descending=descending)
    folded = [words[row].casefold() for row in rows]
    known = sorted([word.casefold() for word in words if word], reverse=descending)
    assert folded == known + [""] * (len(words) - len(known))


def test_a_part_of_the_rows_is_sorted_and_a_value_can_stand_for_none() -> None:
    """Rows are those of the whole table."""
    table = table_of(["d", "c", "b", "a"], [-1, 7, 3, 5], nothing=-1)
    assert table.sorted_rows(np.array([0, 1, 3]), 1, descending=False).tolist() == [3, 1, 0]
    assert table.sorted_rows(np.array([0, 1, 3]), 1, descending=True).tolist() == [1, 3, 0]
    assert table.sorted_rows(np.array([], np.intp), 0, descending=True).tolist() == []


def test_what_is_exported_are_the_chosen_columns_in_the_order_of_the_rows() -> None:
    """Numbers in full; texts on one line for the clipboard alone."""
    table = table_of(["two\n\tlines", "b"], [1 / 3, 2.0])
    rows = ExportedRows(table, np.array([1, 0]), [1, 0])
    assert list(rows) == [(2.0, "b"), (1 / 3, "two\n\tlines")]
    assert rows[1:] == [(1 / 3, "two\n\tlines")]
    assert len(rows) == 2
    on_one_line = ExportedRows(table, np.array([0]), [0], one_line=True)
    assert FigureTable(("Word",), on_one_line).as_text() == "Word\ntwo lines"
