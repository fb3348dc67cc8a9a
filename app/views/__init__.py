"""The views, in menu order; a new one is one file and one line here. Those of other packages come after them."""

from app.state.session import Session
from app.view import View
from app.views.atlas.view import AtlasView
from app.views.console.view import ConsoleView
from app.views.effects.view import EffectsView
from app.views.entropy.view import EntropyView
from app.views.experiments.view import ExperimentsView
from app.views.expert.view import ExpertView
from app.views.experts.ranking_view import RankingView
from app.views.experts.view import ExpertsView
from app.views.jobs.view import JobsView
from app.views.log import LogView
from app.views.question.view import QuestionView
from app.views.questions.view import QuestionsView
from app.views.runs.view import RunsView
from app.views.traces.view import TracesView
from app.views.what_if.view import WhatIfView
from moe_core.errors import first_line
from moe_core.system.plugins import plugins, tell

_BUILT_IN: list[type[View]] = [
    QuestionsView,
    ExpertsView,
    WhatIfView,
    EffectsView,
    QuestionView,
    EntropyView,
    ExpertView,
    AtlasView,
    RankingView,
    RunsView,
    ExperimentsView,
    TracesView,
    JobsView,
    LogView,
    ConsoleView,
]
_OF_OTHERS = plugins(
    "views", lambda made: isinstance(made, type) and issubclass(made, View), [view.name for view in _BUILT_IN]
)
VIEWS: tuple[type[View], ...] = (*_BUILT_IN, *_OF_OTHERS)


def make_views(session: Session) -> dict[str, View]:
    """Every view, by its name; one of another package that cannot be made is told and left out."""
    made: dict[str, View] = {}
    for view in VIEWS:
        try:
            made[view.name] = view(session)
        except Exception as error:  # code of strangers; our own fails loudly
            if view not in _OF_OTHERS:
                raise
            tell(view.name, f"the view cannot be made ({first_line(error)})")
    return made
