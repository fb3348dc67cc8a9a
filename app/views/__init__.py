"""The views, in menu order; a new one is one file and one line here. Those of other packages come after them.

A view is imported and made when it is first seen, or asked for: most of them stand behind others.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from app.state.session import Session
from app.widgets.figures.figure import Figure
from moe_core.errors import first_line
from moe_core.system.plugins import plugins, tell

if TYPE_CHECKING:
    from app.view import DockArea, View


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A view as it is known before it is made: its name, as its class has it, its title, and the area of its dock."""

    name: str
    title: str
    area: "DockArea"
    home: "str | type[View]"
    """Its class, or the module of that within this folder, and the class."""

    def load(self) -> "type[View]":
        """Its class, for which the module is imported."""
        return resolve_name(f"{__name__}.{self.home}") if isinstance(self.home, str) else self.home


_BUILT_IN: tuple[Place, ...] = (
    Place("questions", "Questions", "left", "questions.view:QuestionsView"),
    Place("experts", "Experts", "centre", "experts.view:ExpertsView"),
    Place("what_if", "What if", "bottom-tab", "what_if.view:WhatIfView"),
    Place("effects", "Effects", "bottom-tab", "effects.view:EffectsView"),
    Place("question", "Question", "right", "question.view:QuestionView"),
    Place("entropy", "Entropy", "centre-bottom", "entropy.view:EntropyView"),
    Place("expert", "Expert", "right-tab", "expert.view:ExpertView"),
    Place("atlas", "Atlas", "bottom-tab", "atlas.view:AtlasView"),
    Place("ranking", "Ranking", "centre-tab", "experts.ranking_view:RankingView"),
    Place("runs", "Runs", "centre-tab", "runs.view:RunsView"),
    Place("experiments", "Experiments", "bottom-tab", "experiments.view:ExperimentsView"),
    Place("traces", "Traces", "left-tab", "traces.view:TracesView"),
    Place("jobs", "Jobs", "bottom-tab", "jobs.view:JobsView"),
    Place("log", "Log", "bottom-tab", "log:LogView"),
    Place("console", "Console", "bottom-tab", "console.view:ConsoleView"),
)


def _is_view(made: object) -> bool:
    from app.view import View

    return isinstance(made, type) and issubclass(made, View)


_OF_OTHERS = plugins("views", _is_view, [place.name for place in _BUILT_IN])
VIEWS: tuple[Place, ...] = (*_BUILT_IN, *(Place(view.name, view.title, view.area, view) for view in _OF_OTHERS))


class Views(Mapping[str, "View"]):
    """Every view by its name, in menu order, made when it is first asked for.

    One of another package is made at once: where that fails, it is told and left out.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: dict[str, View] = {}
        self._welcomes: list[Callable[[View], None]] = []
        self.places = tuple(place for place in VIEWS if isinstance(place.home, str) or self._can_make(place))

    @property
    def made(self) -> "list[View]":
        """Those that were made, in menu order."""
        return [self._made[name] for name in self if name in self._made]

    def welcome(self, welcome: "Callable[[View], None]") -> None:
        """Have every view given to `welcome`, as soon as it is made."""
        self._welcomes.append(welcome)
        for view in self.made:
            welcome(view)

    def figures(self) -> list[Figure]:
        """The figures of all views that have something to show, seen or not, in menu order."""
        for view in self.values():
            view.draw_unseen()
        shown = (figure for view in self.values() if view.shows_body for figure in view.findChildren(Figure))
        return [figure for figure in shown if not figure.isHidden()]

    def __getitem__(self, name: str) -> "View":
        if name not in self._made:
            place = next((place for place in self.places if place.name == name), None)
            if place is None:
                raise KeyError(name)
            view = self._made[name] = place.load()(self._session)
            for welcome in self._welcomes:
                welcome(view)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return any(place.name == name for place in self.places)

    def __iter__(self) -> Iterator[str]:
        return (place.name for place in self.places)

    def __len__(self) -> int:
        return len(self.places)

    def _can_make(self, place: Place) -> bool:
        try:
            self._made[place.name] = place.load()(self._session)
        except Exception as error:  # code of strangers
            log.debug("The view %s", place.name, exc_info=error)
            tell(place.name, f"the view cannot be made ({first_line(error)})")
            return False
        return True
