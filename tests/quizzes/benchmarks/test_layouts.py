"""Public quizzes are read as their sources write them; rows here are made up in that form."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.question import Question
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.reading.layouts import LAYOUTS

ROCKS = ("igneous", "granular", "sedimentary", "metamorphic")
TEN = tuple(f"option {n}" for n in range(10))

ROWS: dict[str, tuple[list[dict[str, Any]], list[Question]]] = {
    "arc": (
        [
            {
                "id": "M1",
                "question": "Which rock?",
                "choices": {"text": list(ROCKS), "label": ["1", "2", "3", "4"]},
                "answerKey": "1",
            },
            {
                "id": "M2",
                "question": "And which?",
                "choices": {"text": list(ROCKS[:3]), "label": ["A", "B", "C"]},
                "answerKey": "C",
            },
        ],
        [Question("M1", "arc", "Which rock?", ROCKS, 0), Question("M2", "arc", "And which?", ROCKS[:3], 2)],
    ),
    "arc_release": (
        [
            {
                "id": "M1",
                "question": {
                    "stem": "Which rock?",
                    "choices": [{"text": text, "label": label} for text, label in zip(ROCKS, "1234", strict=True)],
                },
                "answerKey": "4",
            }
        ],
        [Question("M1", "arc_release", "Which rock?", ROCKS, 3)],
    ),
    "commonsense": (
        [
            {
                "id": "c1",
                "question": "Where?",
                "question_concept": "place",
                "choices": {"label": ["A", "B", "C", "D", "E"], "text": ["a1", "b1", "c1", "d1", "e1"]},
                "answerKey": "E",
            }
        ],
        [Question("c1", "commonsense", "Where?", ("a1", "b1", "c1", "d1", "e1"), 4)],
    ),
    "openbook": (
        [
            {
                "id": "7-980",
                "question_stem": "The sun",
                "choices": {"text": list(ROCKS), "label": ["A", "B", "C", "D"]},
                "answerKey": "D",
            }
        ],
        [Question("7-980", "openbook", "The sun", ROCKS, 3)],
    ),
    "mmlu_pro": (
        [
            {
                "question_id": 70,
                "question": "Which option?",
                "options": list(TEN),
                "answer": "I",
                "answer_index": 8,
                "cot_content": "",
                "category": "business",
                "src": "ori_mmlu",
            }
        ],
        [Question("70", "business", "Which option?", TEN, 8)],
    ),
    "hellaswag": (
        [
            {
                "ind": 24,
                "activity_label": "Roof",
                "ctx_a": "A man",
                "ctx_b": "he",
                "ctx": "A man sits. he",
                "endings": list(ROCKS),
                "source_id": "x",
                "split": "val",
                "split_type": "indomain",
                "label": label,
            }
            for label in ("3", "0")
        ],
        [
            Question("hellaswag/0", "Roof", "A man sits. he", ROCKS, 3),
            Question("hellaswag/1", "Roof", "A man sits. he", ROCKS, 0),
        ],
    ),
    "medmcqa": (
        [
            {
                "id": name,
                "question": "Which nerve?",
                "opa": ROCKS[0],
                "opb": ROCKS[1],
                "opc": ROCKS[2],
                "opd": ROCKS[3],
                "cop": cop,
                "choice_type": "single",
                "exp": None,
                "subject_name": "Anatomy",
                "topic_name": None,
            }
            for name, cop in (("e9", 2), ("e8", 0))
        ],
        [Question("e9", "Anatomy", "Which nerve?", ROCKS, 2), Question("e8", "Anatomy", "Which nerve?", ROCKS, 0)],
    ),
    "truthful": (
        [
            {
                "question": "Is it so?",
                "mc1_targets": {"choices": [f"answer {n}" for n in range(13)], "labels": [1, *[0] * 12]},
                "mc2_targets": {"choices": ["a", "b"], "labels": [1, 1]},
            }
        ],
        [Question("truthful/0", "truthful", "Is it so?", tuple(f"answer {n}" for n in range(13)), 0)],
    ),
    "ceval": (
        [
            {
                "id": 0,
                "question": "\u95ee\u9898",
                "A": "a1",
                "B": "b1",
                "C": "c1",
                "D": "d1",
                "answer": "C",
                "explanation": "",
            }
        ],
        [Question("0", "ceval", "\u95ee\u9898", ("a1", "b1", "c1", "d1"), 2)],
    ),
}


def load(path: Path) -> Quiz:
    """The quiz of one file."""
    return load_quiz(str(path), offline=True)


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """A file of one object a line."""
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ROWS)
def test_a_public_quiz_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    """Question, choices, right choice, id and subject, from JSONL and from parquet alike."""
    rows, questions = ROWS[name]
    assert list(load(write(tmp_path, name, rows)).questions) == questions
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
    quiz = load(tmp_path / f"{name}.parquet")
    assert list(quiz.questions) == questions
    assert quiz.remarks == (), "no column that looks like answers is left over"


def test_every_layout_names_its_source() -> None:
    """A public address, or the README for the plain ones."""
    assert all(layout.source.startswith("https://") or layout.source == "README" for layout in LAYOUTS)


def test_cmmlu_has_a_column_without_a_name(tmp_path: Path) -> None:
    """Its CSV files begin with an index."""
    path = tmp_path / "anatomy.csv"
    path.write_text(",Question,A,B,C,D,Answer\n0,q,a1,b1,c1,d1,B\n1,r,a1,b1,c1,d1,D\n", encoding="utf-8")
    assert [(q.text, q.gold) for q in load(path).questions] == [("q", 1), ("r", 3)]


def test_medmcqa_as_first_released_counts_from_one(tmp_path: Path) -> None:
    """1 to 4, where the hub's copy has 0 to 3: refused until somebody says which it is."""
    rows = [ROWS["medmcqa"][0][0] | {"id": str(cop), "cop": cop} for cop in (1, 2, 3, 4)]
    path = write(tmp_path, "medmcqa", rows)
    with pytest.raises(QuizError, match="look counted from 1"):
        load(path)
    quiz = load_quiz(str(path), offline=True, answers_from=AnswersFrom.ONE)
    assert [question.gold for question in quiz.questions] == [0, 1, 2, 3]


def test_hidden_splits_are_told_in_one_sentence(tmp_path: Path) -> None:
    """HellaSwag's test labels are empty texts, MedMCQA's are -1."""
    rows = [row | {"label": ""} for row in ROWS["hellaswag"][0]]
    assert not load(write(tmp_path, "hellaswag", rows)).has_answers
    rows = [row | {"cop": -1} for row in ROWS["medmcqa"][0]]
    with pytest.raises(QuizError, match="every answer is -1"):
        load(write(tmp_path, "medmcqa", rows))


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("mmlu_pro", {"answer_index": 3}, "the answer 'I' and the answer_index 3 name different choices"),
        ("arc", {"answerKey": "E"}, "the answer 'E' is none of the labels 1, 2, 3, 4"),
        ("truthful", {"mc1_targets": {"choices": ["a", "b"], "labels": [1, 1]}}, "exactly one choice as right"),
        ("arc", {"choices": {"text": ["a", "b"], "label": ["A"]}}, "the labels are not one for each of 2 choices"),
        ("arc", {"choices": {"text": ["a", "b"], "label": ["A", "A"]}}, "do not tell the choices apart"),
    ],
)
def test_rows_that_contradict_themselves_are_named(
    tmp_path: Path, name: str, change: dict[str, Any], reason: str
) -> None:
    """What two columns say has to be the same."""
    with pytest.raises(QuizError) as caught:
        load(write(tmp_path, name, [ROWS[name][0][0] | change]))
    assert reason in caught.value.__notes__[0]
