"""Prompts as long as MMLU's, made of random tokens: timings on a machine that has neither MMLU nor a tokenizer.

Axes: N questions.
"""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from moe_core.interventions.intervention import Intervention
from moe_core.jobs.runs.run_plan import BATCH_TOKENS, RunPlan, library_versions
from moe_core.models.loading.building import LoadedModel
from moe_core.quizzes.prompting import TokenisedQuiz
from moe_core.quizzes.question import Question
from moe_core.traces.specification import QuizSpecification, Specification

N_SUBJECTS = 57
N_QUESTIONS = 14_042
QUANTILES = {0.0: 30, 0.05: 52, 0.5: 90, 0.75: 122, 0.95: 310, 0.99: 486, 1.0: 1005}
"""Tokens of a zero-shot prompt with OLMo's tokenizer."""
HEAD = {0: 17, 5: 640}
"""Tokens that all prompts of a subject begin with, by the number of worked examples, in the mean."""
VOCABULARY = 50_000


def sized_quiz(shots: int, n_questions: int = N_QUESTIONS, seed: int = 0) -> TokenisedQuiz:
    """Prompts of the lengths of MMLU's, in as many subjects."""
    draw = np.random.default_rng(seed)
    heads = np.maximum(5, draw.normal(HEAD[shots], HEAD[shots] / 4, N_SUBJECTS)).astype(int)
    subject = np.sort(draw.choice(N_SUBJECTS, n_questions, p=_subject_shares()))
    whole = np.interp(draw.random(n_questions), list(QUANTILES), list(QUANTILES.values())).astype(int)
    own = np.maximum(10, whole - HEAD[0])
    used = np.unique(subject)
    return TokenisedQuiz(
        questions=tuple(
            Question(f"{s}/{n}", f"s{s}", "?", tuple("wxyz"), n % 4) for n, s in enumerate(subject.tolist())
        ),
        prefixes=tuple(draw.integers(5, VOCABULARY, int(heads[s])).astype(np.int32) for s in used),
        prefix_of=np.searchsorted(used, subject).astype(np.int32),
        segments=tuple(draw.integers(5, VOCABULARY, int(length)).astype(np.int32) for length in own),
        target_ids=np.tile(np.array([329, 378, 330, 399], np.int32), (n_questions, 1)),
    )


def plan_of(
    tokenised: TokenisedQuiz, loaded: LoadedModel, *, tokens: str = "all", batch_tokens: int = 0, batch_plan: int = 0
) -> RunPlan:
    """The plan for asking such prompts."""
    model = loaded.specification
    quiz = QuizSpecification("sized like MMLU", "random tokens", "", "", "all", len(tokenised.questions), "", ())
    specification = Specification(
        model=model,
        quiz=quiz,
        protocol="plain",
        shots=0,
        tokens=tokens,
        batch_tokens=batch_tokens or BATCH_TOKENS["cuda" if model.device.startswith("cuda") else "cpu"],
        intervention=None,
        versions=library_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        batch_plan=batch_plan or model.batch_plan,
    )
    ids = np.unique(np.concatenate([*tokenised.prefixes, *tokenised.segments])).tolist()
    return RunPlan(tokenised, {token: f"t{token}" for token in ids}, specification.under(Intervention()))


def first(tokenised: TokenisedQuiz, n: int, seed: int = 0) -> TokenisedQuiz:
    """`n` of the questions, drawn from all subjects."""
    chosen = np.sort(np.random.default_rng(seed).choice(len(tokenised.questions), n, replace=False))
    used = np.unique(tokenised.prefix_of[chosen])
    return replace(
        tokenised,
        questions=tuple(tokenised.questions[place] for place in chosen),
        prefixes=tuple(tokenised.prefixes[place] for place in used),
        prefix_of=np.searchsorted(used, tokenised.prefix_of[chosen]).astype(np.int32),
        segments=tuple(tokenised.segments[place] for place in chosen),
        target_ids=tokenised.target_ids[chosen],
    )


def _subject_shares() -> np.ndarray:
    """MMLU's subjects hold 100 to 1,534 questions, most of them few."""
    sizes = np.r_[1534, 895, 783, 612, 545, 390, np.linspace(378, 100, N_SUBJECTS - 6)]
    return sizes / sizes.sum()
