"""A table as one array a column and an order of rows: sorted, shown cell by cell, and exported as it stands.

Axes: N rows of the arrays. Sorting and filtering are index arrays made with numpy: 14,042 rows take a millisecond or
two, where asking Python twice for each of 200,000 comparisons, as Qt's sorting proxy does, takes seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Cell = str | float | int | None
IndexArray = NDArray[np.intp]

_SORTED_LENGTH = 120


@dataclass(frozen=True)
class ColumnStyle:
    """How one column is headed and how its values are written.

    `name` stays the same over releases: settings are kept under it. `heading` names column and unit in an export.
    `shown` writes a value for the cell, `meaning` for its tooltip and for a screen reader, `exported` for a file.
    `nothing` is the value that stands for none and sorts last, as NaN does. `width` counts digits, and so does
    `wide_width`, for a table with room for all columns. `colours` are those of single values. `ends` names the columns
    of its interval's ends: files and the clipboard hold them wherever the value itself is shown.
    """

    name: str
    title: str
    heading: str
    tip: str
    width: int
    shown: Callable[[Any], str] = str
    meaning: Callable[[Any], str] = str
    exported: Callable[[Any], Cell] = str
    wide_width: int = 0
    is_number: bool = False
    is_hidden: bool = False
    nothing: float | None = None
    colours: Mapping[Any, str] = field(default_factory=dict)
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArrayTable:
    """`columns` [N each], one for each style; `is_faded` [N] are rows that hold nothing yet."""

    styles: tuple[ColumnStyle, ...]
    columns: tuple[Sequence[Any] | NDArray[Any], ...]
    is_faded: NDArray[np.bool_]

    def __post_init__(self) -> None:
        assert all(len(column) == len(self.is_faded) for column in self.columns)
        assert len(self.columns) == len(self.styles)

    def sorted_rows(self, rows: IndexArray, column: int, *, descending: bool) -> IndexArray:
        """The rows sorted by a column; equal ones keep their order, and those without a value (NaN) stand last."""
        keys = self._keys(column)[rows]
        return rows[np.argsort(-keys if descending else keys, kind="stable")]

    def _keys(self, column: int) -> NDArray[np.float64]:
        if column not in self._known_keys:
            self._known_keys[column] = sort_keys(self.columns[column], self.styles[column].nothing)
        return self._known_keys[column]

    @cached_property
    def _known_keys(self) -> dict[int, NDArray[np.float64]]:
        return {}


def sort_keys(values: Sequence[Any] | NDArray[Any], nothing: float | None) -> NDArray[np.float64]:
    """A number for each value [N] that sorts as it does; NaN where it is nothing."""
    if len(values) and isinstance(values[0], str):
        return text_ranks(values)
    keys = np.array(values, np.float64)
    if nothing is not None:
        keys[keys == nothing] = np.nan
    return keys


def text_ranks(texts: Sequence[str] | NDArray[Any]) -> NDArray[np.float64]:
    """Place of each text [N] among the different ones in alphabetical order; empty ones are NaN.

    Ignores case, and what follows the first line or two.
    """
    # Not numpy's own sort: an array of texts gives every one of them the width of the longest prompt.
    folded = [text[:_SORTED_LENGTH].casefold() for text in (texts.tolist() if isinstance(texts, np.ndarray) else texts)]
    places: dict[str, float] = {text: place for place, text in enumerate(sorted(set(folded)))}
    places[""] = np.nan
    return np.fromiter((places[text] for text in folded), np.float64, len(folded))


class ExportedRows(Sequence[tuple[Cell, ...]]):
    """The chosen columns of the chosen rows as an export holds them; written out only when someone asks."""

    def __init__(self, table: ArrayTable, rows: IndexArray, columns: Sequence[int], *, one_line: bool = False) -> None:
        """`one_line`: texts without line breaks and tabs, as the clipboard needs them."""
        self._table, self._rows, self._columns, self._one_line = table, rows, tuple(columns), one_line

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> tuple[Cell, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[Cell, ...]]: ...
    def __getitem__(self, place: int | slice) -> tuple[Cell, ...] | list[tuple[Cell, ...]]:
        if isinstance(place, slice):
            return [self._row(int(row)) for row in self._rows[place]]
        return self._row(int(self._rows[place]))

    def _row(self, row: int) -> tuple[Cell, ...]:
        return tuple(self._cell(row, column) for column in self._columns)

    def _cell(self, row: int, column: int) -> Cell:
        value = self._table.styles[column].exported(self._table.columns[column][row])
        return one_line(value) if self._one_line and isinstance(value, str) else value


def one_line(text: str) -> str:
    """The text with every run of blanks and line breaks as one blank."""
    return " ".join(text.split())
