"""The views, in menu order; a new one is one file and one line here."""

from app.view import View
from app.views.entropy import EntropyView
from app.views.expert import ExpertView
from app.views.experts import ExpertsView
from app.views.log import LogView
from app.views.question import QuestionView
from app.views.questions import QuestionsView
from app.views.traces import TracesView
from app.views.what_if import WhatIfView

VIEWS: tuple[type[View], ...] = (
    QuestionsView,
    ExpertsView,
    WhatIfView,
    QuestionView,
    EntropyView,
    ExpertView,
    TracesView,
    LogView,
)
