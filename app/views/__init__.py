"""The views, in menu order; a new one is one file and one line here."""

from app.view import View
from app.views.entropy.view import EntropyView
from app.views.expert.view import ExpertView
from app.views.experts.ranking_view import RankingView
from app.views.experts.view import ExpertsView
from app.views.log import LogView
from app.views.question.view import QuestionView
from app.views.questions.view import QuestionsView
from app.views.traces.view import TracesView
from app.views.what_if.view import WhatIfView

VIEWS: tuple[type[View], ...] = (
    QuestionsView,
    ExpertsView,
    WhatIfView,
    QuestionView,
    EntropyView,
    ExpertView,
    RankingView,
    TracesView,
    LogView,
)
