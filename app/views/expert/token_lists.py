"""What the Expert view shows of single tokens: those that an expert serves, and the experts chosen beside it."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from math import nan

import numpy as np

from app.views.expert.lists import share_text
from app.widgets.bars.section import BarContent
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.table import FigureTable
from moe_core.figures.visible import BLANK, visible
from moe_core.measures.coactivation import Partners
from moe_core.measures.metric import ratio
from moe_core.measures.routing_sample import RoutingSample
from moe_core.measures.sampled_tokens import TokenSample
from moe_core.measures.scope import Scope, last_position
from moe_core.measures.served_tokens import ServedTokens
from moe_core.numbers.formatting import NOTHING, count, counted, finite, number_with_interval, percent_tick, significant
from moe_core.numbers.intervals import Interval

_FEWEST_OCCURRENCES = 5


class TokenOrder(StrEnum):
    """By what the tokens are sorted; the value stands in the control and in the settings."""

    COUNT = "most often"
    SHARE = "most exclusively"
    WEIGHT = "most weight"


def token_content(
    served: ServedTokens, texts_of: Callable[[list[int]], list[str]], order: TokenOrder, most: int
) -> BarContent:
    """The tokens that the expert serves most; `texts_of` gives the texts of token ids."""
    quantities = {TokenOrder.COUNT: served.served, TokenOrder.SHARE: served.share, TokenOrder.WEIGHT: served.weight}
    places = np.lexsort((-served.served, -quantities[order]))
    if order is TokenOrder.SHARE:
        places = places[served.occurrences[places] >= _FEWEST_OCCURRENCES]
    places = places[:most]
    texts = texts_of(served.ids[places].tolist())
    rows = tuple(_token_row(served, text, int(place), order) for text, place in zip(texts, places, strict=True))
    table = FigureTable(
        ("token", "token id", "times served", "occurrences", "share served", "summed gate weight"),
        [
            (
                text,
                int(served.ids[place]),
                int(served.served[place]),
                int(served.occurrences[place]),
                float(served.share[place]),
                float(served.weight[place]),
            )
            for text, place in zip(texts, places, strict=True)
        ],
    )
    largest, tick = (1.0, percent_tick) if order is TokenOrder.SHARE else (nan, significant)
    figure = BarFigure(rows, largest=largest, unit=_ORDER_UNITS[order], format_value=tick)
    return BarContent(figure, table, _ORDER_NOTES[order])


def _token_row(served: ServedTokens, text: str, place: int, order: TokenOrder) -> BarRow:
    times, of, weight = (float(array[place]) for array in (served.served, served.occurrences, served.weight))
    value = {TokenOrder.COUNT: times, TokenOrder.SHARE: times / of, TokenOrder.WEIGHT: weight}[order]
    shown = significant(weight) if order is TokenOrder.WEIGHT else count(times)
    return BarRow(
        token_label(text),
        value,
        f"{shown} · {share_text(times / of)}",
        f"“{visible(text)}”: served {count(times)} times of {count(of)} ({share_text(times / of)}), "
        f"summed gate weight {significant(weight)}.",
    )


def token_label(text: str) -> str:
    """A token with its blanks and line ends visible at both ends."""
    stripped = text.strip(" ")
    if not stripped:
        return BLANK * len(text) or visible("")
    start = text.index(stripped)
    return BLANK * start + visible(stripped) + BLANK * (len(text) - start - len(stripped))


def closest(found: Partners, most: int) -> list[int]:
    """Places of the partners that are chosen beside the expert most often, the closest first."""
    order = np.argsort(-found.share, kind="stable")[:most].tolist()
    return [place for place in order if found.together[place] > 0]


def partner_content(
    found: Partners, times_chance: Interval, layer: int, top_k: int, places: Sequence[int]
) -> BarContent:
    """The partners at these places against chance, with the interval of share / chance at each of them."""
    if top_k == 1:
        return BarContent(
            BarFigure(), FigureTable((), ()), "Each token chooses a single expert: there are no partners."
        )
    bounds = list(zip(times_chance.lower.tolist(), times_chance.upper.tolist(), strict=True))
    ratios = ratio(found.share, found.chance)
    rows = tuple(_partner_row(found, layer, place, *ends) for place, ends in zip(places, bounds, strict=True))
    table = FigureTable(
        (
            "partner",
            "tokens that chose both",
            "share of the expert's tokens",
            "share by chance",
            "times chance",
            "lower 95 %",
            "upper 95 %",
            "share of all tokens",
            "tokens of the expert",
            "tokens",
        ),
        [
            (
                f"{layer}:{found.experts[place]}",
                int(found.together[place]),
                float(found.share[place]),
                float(found.chance[place]),
                *map(finite, (float(ratios[place]), *ends)),
                float(found.used_share[place]),
                int(found.n_served),
                found.n_tokens,
            )
            for place, ends in zip(places, bounds, strict=True)
        ],
    )
    if not rows:
        return BarContent(BarFigure(), table, "None: no token chose it.")
    note = (
        "Share of its tokens that choose the partner too, and how often more than by chance (the grey mark), with the "
        "95 % interval over questions: pale where that covers 1."
    )
    unit = "share of the expert's tokens that choose the partner too; mark: by chance"
    return BarContent(BarFigure(rows, unit=unit, format_value=percent_tick), table, note)


def _partner_row(found: Partners, layer: int, place: int, lower: float, upper: float) -> BarRow:
    share, chance, both = (float(array[place]) for array in (found.share, found.chance, found.together))
    name = f"{layer}:{found.experts[place]}"
    times = f"{number_with_interval(share / chance, lower, upper)} ×" if chance > 0 else NOTHING
    return BarRow(
        name,
        share,
        f"{share_text(share)} · {times}",
        f"{name} is chosen by {share_text(share)} of the {count(found.n_served)} tokens of the expert ({count(both)}), "
        f"{times} what chance gives ({share_text(chance)}): the other places of the top-k shared out by how often each "
        f"expert is used. It is used by {share_text(float(found.used_share[place]))} of all tokens.\n"
        "Click or Enter selects it, Ctrl+click or Ctrl+Space both.",
        lower=chance * lower,  # where the chance mark lies outside, the ratio's interval does not cover 1
        upper=min(chance * upper, 1.0),
        reference=chance,
        is_faded=not (lower > 1 or upper < 1),
    )


def sample_text(sample: TokenSample, selection: RoutingSample) -> str:
    """Whose tokens were read."""
    n, items = count(len(sample.questions)), counted(len(sample.questions), selection.item)
    if sample.scope is not selection.scope:
        text = f"The trace keeps the answer position only: counted at that of {items}."
    elif sample.scope is Scope.ANSWER:
        text = f"At the {last_position(has_choices=selection.has_choices)} of {items}."
    elif sample.is_whole:
        text = f"All {count(sample.n_tokens)} tokens of {items}."
    else:
        text = (
            f"{count(sample.n_tokens)} of {count(selection.n_tokens)} tokens: "
            f"{n} of {counted(sample.n_selected, selection.item)}, evenly spread."
        )
    return text + (f" Left out: {count(sample.n_unreadable)} damaged segments." if sample.n_unreadable else "")


_ORDER_NOTES = {
    TokenOrder.COUNT: "Times served · share of the token's occurrences.",
    TokenOrder.SHARE: f"Times served · share of the token's occurrences ({_FEWEST_OCCURRENCES} or more).",
    TokenOrder.WEIGHT: "Summed gate weight · share of the token's occurrences.",
}
_ORDER_UNITS = {
    TokenOrder.COUNT: "times served",
    TokenOrder.SHARE: "share of the token's occurrences",
    TokenOrder.WEIGHT: "summed gate weight",
}
