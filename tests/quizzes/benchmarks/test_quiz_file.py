"""Quiz files: what they mean, what is wrong with them, and that nothing is lost on the way."""

import csv
import difflib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from moe_core.errors import QuizError
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.question import CHOICE_LETTERS, Question
from moe_core.quizzes.quiz import Quiz
from moe_core.quizzes.reading.answers import AnswersFrom
from moe_core.quizzes.reading.tables import read_table

GOOD_CSV = "question,A,B,C,D,answer,subject,id\nCapital of France?,Paris,Rome,Bern,Wien,A,geography,g1\n"


def load(path: Path) -> Quiz:
    """The quiz of one file."""
    return load_quiz(str(path), offline=True)


def load_text(folder: Path, text: str, name: str = "quiz.csv") -> Quiz:
    """The quiz of a file with this text."""
    (folder / name).write_bytes(text.encode())
    return load(folder / name)


def problem_of(folder: Path, content: str | bytes, name: str = "quiz.csv") -> QuizError:
    """The error that a file with this content ends in."""
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(QuizError) as caught:
        load(folder / name)
    assert "\n" not in str(caught.value), "one sentence"
    return caught.value


def notes_of(error: QuizError) -> list[str]:
    """The reasons, one per bad row."""
    return [note.split(", ", 1)[1] for note in error.__notes__]


def test_a_csv_row_becomes_a_question(tmp_path: Path) -> None:
    """All columns of the header, whatever their order and case."""
    quiz = load_text(tmp_path, GOOD_CSV)
    assert quiz.questions == (Question("g1", "geography", "Capital of France?", ("Paris", "Rome", "Bern", "Wien"), 0),)
    assert (quiz.name, quiz.source) == ("quiz.csv", str(tmp_path / "quiz.csv"))
    reordered = "ID,Answer,b,a,Question\nx,1,Rome,Paris,Capital of Italy?\n"
    assert load_text(tmp_path, reordered).questions == (
        Question("x", "quiz", "Capital of Italy?", ("Paris", "Rome"), 1),
    )


def test_a_file_name_fills_in_for_id_and_subject(tmp_path: Path) -> None:
    """Ids count from 0 and so stay the same from run to run."""
    quiz = load_text(tmp_path, "question,A,B,answer,subject,id\nq,x,y,A,,\nr,x,y,B,maths,\n", "my.csv")
    assert [(q.id, q.subject) for q in quiz.questions] == [("my/0", "my"), ("my/1", "maths")]


def test_trailing_empty_cells_mean_fewer_choices(tmp_path: Path) -> None:
    """Two to ten choices, or more, may stand in one file."""
    header = "question," + ",".join(CHOICE_LETTERS[:10]) + ",answer\n"
    rows = "q,x,y" + "," * 8 + ",B\nr,0,1,2,3,4,5,6,7,8,nine,J\n"
    assert [len(q.choices) for q in load_text(tmp_path, header + rows).questions] == [2, 10]
    every = "question," + ",".join(CHOICE_LETTERS) + ",answer\nq," + ",".join(f"c{n}" for n in range(26)) + ",Z\n"
    assert load_text(tmp_path, every).questions[0].gold == 25


def test_text_is_kept_as_it_stands(tmp_path: Path) -> None:
    """Blanks, quotes, commas, line breaks and a byte order mark."""
    text = '\ufeffquestion,A,B,answer\r\n" a, ""b""\r\nc\n",\tx,y ,A\r\n\r\n'
    [question] = load_text(tmp_path, text).questions
    assert (question.text, question.choices) == (' a, "b"\r\nc\n', ("\tx", "y "))


@pytest.mark.parametrize("answer", ['"B"', "1", '"1"', '"Rome"'])
def test_a_jsonl_line_becomes_a_question(tmp_path: Path, answer: str) -> None:
    """The answer as letter, index, digits or text; other keys are passed over."""
    start = '{"question": "Capital of Italy?", "choices": ["Paris", "Rome"], "source": [1], "answer": '
    [question] = load_text(tmp_path, start + answer + "}\n", "q.jsonl").questions
    assert question == Question("q/0", "q", "Capital of Italy?", ("Paris", "Rome"), 1)


def test_a_line_separator_inside_json_ends_no_line(tmp_path: Path) -> None:
    """U+2028 may stand unescaped in JSON."""
    line = json.dumps({"question": "a\u2028b", "choices": ["x", "y"]}, ensure_ascii=False)
    assert load_text(tmp_path, line, "q.jsonl").questions[0].text == "a\u2028b"


def test_equal_choices_are_asked_as_they_stand(tmp_path: Path) -> None:
    """Some data sets pad with N/A; one remark counts them, as it does for MMLU."""
    lines = [{"question": "q", "choices": ["x", "y", "N/A", "N/A"], "answer": answer} for answer in "AB"]
    quiz = load_text(tmp_path, "\n".join(map(json.dumps, lines)), "q.jsonl")
    assert [question.choices for question in quiz.questions] == [("x", "y", "N/A", "N/A")] * 2
    assert quiz.remarks == ("2 questions have equal choices, asked as they stand",)


def test_what_a_spreadsheet_leaves_behind_is_passed_over(tmp_path: Path) -> None:
    """Rows of commas alone, and a first line that names the separator; lines are counted all the same."""
    text = "sep=;\r\nquestion;A;B;answer\r\nq;x;y;A\r\n;;;\r\n ; ;;\r\nr;x;y;B\r\n"
    assert [question.gold for question in load_text(tmp_path, text).questions] == [0, 1]
    error = problem_of(tmp_path, text + "s;x;y;?\r\n")
    assert notes_of(error)[0].startswith("line 7: ")
    assert len(load_text(tmp_path, "\ufeffsep=,\nquestion,A,B,answer\nq,x,y,A\n").questions) == 1


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"label": "B"}, "the column label may hold answers and is not used"),
        ({"answer_index": 1}, "the column answer_index may hold answers and is not used"),
        ({"GOLD": 1, "correct_answer": "B"}, "the columns correct_answer, gold may hold answers and are not used"),
        ({"Target": "x", "key": 2}, "the columns key, target may hold answers and are not used"),
    ],
)
def test_unused_columns_that_look_like_answers_are_named(tmp_path: Path, columns: dict[str, Any], named: str) -> None:
    """In any case of letters; the quiz has no answers then."""
    quiz = load_text(tmp_path, json.dumps({"question": "q", "choices": ["x", "y"]} | columns), "q.jsonl")
    assert quiz.remarks == (f"q.jsonl: {named}",)
    assert not quiz.has_answers


def test_columns_that_only_sound_like_answers_are_not_named(tmp_path: Path) -> None:
    """A copyright is no right answer."""
    columns = {"copyright": "x", "category": "y", "explanation": "z", "keyboard": "k", "labelled": 1}
    quiz = load_text(tmp_path, json.dumps({"question": "q", "choices": ["x", "y"]} | columns), "q.jsonl")
    assert quiz.remarks == ()


def test_parquet_holds_the_same_columns(tmp_path: Path) -> None:
    """Answers with gaps come back as floats, and mean their index."""
    table = pyarrow.table(
        {"question": ["q", "r"], "choices": [["x", "y"], ["x", "y"]], "answer": [1.0, 0.0], "id": [7, 8]}
    )
    parquet.write_table(table, tmp_path / "p.parquet")
    assert [(q.id, q.gold) for q in load(tmp_path / "p.parquet").questions] == [("7", 1), ("8", 0)]


@pytest.mark.parametrize("text", ["question,A,B\nq,x,y\n", "question,A,B,answer\nq,x,y,\nr,x,y, \n"])
def test_a_quiz_may_have_no_answers_at_all(tmp_path: Path, text: str) -> None:
    """Column absent, or empty in every row."""
    assert {question.gold for question in load_text(tmp_path, text).questions} == {None}


def test_some_answers_missing_is_an_error_on_those_rows(tmp_path: Path) -> None:
    """The rows without are named, not the others."""
    error = problem_of(tmp_path, "question,A,B,answer\nq,x,y,A\nr,x,y,\ns,x,y,B\nt,x,y,\n")
    assert notes_of(error) == [
        "line 3: no answer, while other rows have one.",
        "line 5: no answer, while other rows have one.",
    ]


def test_all_bad_rows_are_reported_at_once(tmp_path: Path) -> None:
    """In the order of the file, with the line in which the row begins as an editor counts."""
    rows = [
        "question,A,B,C,D,answer,subject,id",
        '"two\nlines",w,x,y,z,A,s,one',
        ",w,x,y,z,A,s,two",
        "q,w,,y,z,A,s,three",
        "q,w,x,y,z,E,s,four",
        "q,w,x,y,w,?,s,five",
        "q,w,x,y,z,A,s,one",
        "q,w,x,y,z,A,s",
        "q,w,,,,A,s,eight",
        "q,w,x,y,z,A,s,nine,more",
        "",
        "q,w,x,y,z,x,s,ten",
    ]
    error = problem_of(tmp_path, "\n".join(rows))
    file = str(tmp_path / "quiz.csv")
    assert str(error) == f"{file}: 8 problems in 10 rows; mend or remove the rows named below, nothing was run."
    assert notes_of(error) == [
        "line 4: the question is empty.",
        "line 5: choice B is empty.",
        "line 6: the answer 'E' is no letter A to D, no index 0 to 3, and no choice's text.",
        "line 7: the answer '?' is no letter A to D, no index 0 to 3, and no choice's text.",
        "line 8: the id 'one' is also that of line 2.",
        "line 9: 7 cells where the header has 8.",
        "line 10: the number of choices is 1, not 2 to 26.",
        "line 11: 9 cells where the header has 8.",
    ]
    assert all(note.startswith(f"{file}, line ") for note in error.__notes__)


def test_at_most_fifty_bad_rows_are_shown(tmp_path: Path) -> None:
    """The rest is counted."""
    error = problem_of(tmp_path, "question,A,B,answer\n" + ",x,y,A\nq,,y,B\n" * 30)
    assert (len(error.__notes__), error.__notes__[-1].split(": ")[-1]) == (51, "10 more not shown.")
    assert "60 problems in 60 rows" in str(error)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"choices": ["x", "y"]}', "the question is empty"),
        ('{"question": 5, "choices": ["x", "y"]}', "the question is not text but int"),
        ('{"question": "q", "choices": "xy"}', "the choices are not a list of texts"),
        ('{"question": "q", "choices": ["x"]}', "the number of choices is 1, not 2 to 26"),
        (
            json.dumps({"question": "q", "choices": list(map(str, range(27)))}),
            "the number of choices is 27, not 2 to 26",
        ),
        ('{"question": "q", "choices": ["x", ""]}', "choice B is empty"),
        ('{"question": "q", "choices": ["x", null]}', "choice B is empty"),
        ('{"question": "q", "choices": ["x", 2]}', "choice B is not text but int"),
        ('{"question": "q\\u0000", "choices": ["x", "y"]}', "the question holds a NUL character"),
        ('{"question": "q\\ud800", "choices": ["x", "y"]}', "half a surrogate pair"),
        ('{"question": "q", "choices": ["x", "y"], "id": "a\\nb"}', "the id holds a line break"),
        ('{"question": "q", "choices": ["x", "y"], "subject": ["s"]}', "the subject is not text but list"),
        ('{"question": "%s", "choices": ["x", "y"]}' % ("q" * 1_000_001), "longer than 1,000,000 characters"),
        ('{"question": "q", "choices": ["x", "y"], "answer": %s}' % ("1" * 5000), "not valid JSON"),
        ('{"question": "q", "choices": ["x", "y"], "answer": Infinity}', "neither a letter, nor an index"),
    ],
)
def test_a_bad_jsonl_line_is_named_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    """A good line above it and a blank one do not hide it."""
    good = '{"question": "first", "choices": ["x", "y"]}\n\n'
    error = problem_of(tmp_path, good + line + "\n", "q.jsonl")
    [note] = notes_of(error)
    assert note.startswith("line 3: ")
    assert reason in note


def test_a_bad_parquet_row_is_named_by_its_number(tmp_path: Path) -> None:
    """Rows count from 1."""
    table = pyarrow.table({"question": ["q", None], "choices": [["x", "y"], ["x", "y"]]})
    parquet.write_table(table, tmp_path / "p.parquet")
    with pytest.raises(QuizError) as caught:
        load(tmp_path / "p.parquet")
    assert notes_of(caught.value) == ["row 2: the question is empty."]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        ("question,A,B\nné,x,y\n".encode("latin-1"), "is not UTF-8 text (byte 0xe9 in line 2)"),
        (GOOD_CSV.encode("utf-16"), "is not UTF-8 text (byte 0xff in line 1)"),
        (b"question,A,B\nq,\0,y\n", "holds a NUL byte in line 2"),
        (b"question,A,B,answer\n", "holds no question"),
        (b"What is it?,x,y,z,w,A\n", "begins with a row where the names of its columns should stand"),
        (b"What is it?,which,x,y\n", "lacks the columns question, A, B: a quiz needs question, A, B"),
        (b"question,A,answer\nq,x,A\n", "lacks the column B"),
        (b"question,A,C,answer\nq,x,y,A\n", "lacks the column B"),
        (b"question,A,B,A\nq,x,y,z\n", "more than one column named A"),
        (b"question;A;B;answer\nq;x;y;A\n", "separates its columns with semicolons: put the line sep=; above"),
        (b'\xef\xbb\xbf"question";"A";"B";"answer"\r\n"q";"1,5";"y";"A"\r\n', "columns with semicolons"),
        (b"Is 1,5 more?;x;y;z;w;A\n", "separates its columns with semicolons"),
        (b"question|A|B\nq|x|y\n", "vertical bars: put the line sep=| above its first line, or save it with commas."),
        (b"question,A,B,anwser\nq,x,y,A\n", "has a column 'anwser' and none named 'answer'"),
        (b"question\tA\tB\tanswer\nq\tx\ty\tA\n", "with tabs: put the line sep= with a tab behind it above"),
        (b"sep=,\n", "holds no question"),
        (b'question,A,B,answer\nq,x,y,A\n"open,x,y,A\n', "line 3: the row cannot be read as CSV"),
        (b"question,A,B\n" + b"q" * 1_000_001 + b",x,y\n", "line 2: the row cannot be read as CSV"),
    ],
)
def test_an_unusable_csv_file_ends_in_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    """It names the file and, where there is one, the line."""
    error = problem_of(tmp_path, content)
    assert sentence in str(error)
    assert str(tmp_path / "quiz.csv") in str(error)
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize(("name", "content"), [("q.jsonl", '{"text": "q"}\n'), ("q.jsonl", "[]")])
def test_a_jsonl_file_without_questions_says_so(tmp_path: Path, name: str, content: str) -> None:
    """Other keys, or one JSON array instead of lines."""
    problem_of(tmp_path, content, name)


def test_a_damaged_parquet_file_ends_in_one_sentence(tmp_path: Path) -> None:
    """No traceback of the library below."""
    assert "is no readable parquet file" in str(problem_of(tmp_path, b"PAR1 nothing", "p.parquet"))


def test_parquet_without_choices_names_the_column(tmp_path: Path) -> None:
    """As for CSV."""
    parquet.write_table(pyarrow.table({"question": ["q"]}), tmp_path / "p.parquet")
    with pytest.raises(QuizError, match="lacks the column choices"):
        load(tmp_path / "p.parquet")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent.csv", "does not exist: a quiz is a .csv, .jsonl or .parquet file"),
        ("folder", "is a folder: a quiz is a .csv, .jsonl or .parquet file"),
        ("quiz.xlsx", "ends in .xlsx: a quiz is a .csv, .jsonl or .parquet file"),
        ("quiz", "ends in no suffix: a quiz is a .csv, .jsonl or .parquet file"),
        ("nothing", "is no quiz: use mmlu, mmlu:PATH, demo, or the path of a .csv, .jsonl or .parquet file"),
    ],
)
def test_what_is_no_quiz_file_is_told_what_is(tmp_path: Path, name: str, sentence: str) -> None:
    """Missing, a folder, another suffix."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "quiz.xlsx").write_text("x")
    (tmp_path / "quiz").write_text("x")
    with pytest.raises(QuizError) as caught:
        load(tmp_path / name)
    assert sentence in str(caught.value)


def test_worked_examples_stand_in_a_file_beside_the_quiz(tmp_path: Path) -> None:
    """`quiz_dev.csv` for `quiz.csv`, by subject; without a subject they belong to the quiz's own."""
    (tmp_path / "quiz_dev.csv").write_text("question,A,B,answer,subject\nd,x,y,B,\ne,x,y,A,maths\nf,x,y,A,\n")
    quiz = load_text(tmp_path, "question,A,B,answer\nq,x,y,A\n")
    assert {subject: [q.text for q in shots] for subject, shots in quiz.shots.items()} == {
        "quiz": ["d", "f"],
        "maths": ["e"],
    }
    assert quiz.shots["quiz"][0].id == "quiz_dev/0"
    assert quiz.shots_source == str(tmp_path / "quiz_dev.csv")


def test_worked_examples_need_answers(tmp_path: Path) -> None:
    """An example without one shows nothing."""
    (tmp_path / "quiz_dev.csv").write_text("question,A,B\nd,x,y\n")
    assert "worked examples without answers" in str(problem_of(tmp_path, GOOD_CSV))


def test_the_fingerprint_covers_questions_and_shots(tmp_path: Path) -> None:
    """The same content in another format has the same one; any change another."""
    original = load_text(tmp_path, GOOD_CSV).fingerprint
    row = {"question": "Capital of France?", "choices": ["Paris", "Rome", "Bern", "Wien"], "answer": 0}
    as_json = json.dumps(row | {"subject": "geography", "id": "g1"})
    assert load_text(tmp_path, as_json, "other.jsonl").fingerprint == original
    assert load_text(tmp_path, GOOD_CSV.replace(",A,geo", ",B,geo")).fingerprint != original
    (tmp_path / "quiz_dev.csv").write_text("question,A,B,answer\nd,x,y,A\n")
    assert load_text(tmp_path, GOOD_CSV).fingerprint != original
    assert len(original) == 64


def write_csv(path: Path, questions: Sequence[Question]) -> None:
    """As a spreadsheet would."""
    n_choices = max(len(question.choices) for question in questions)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["question", *CHOICE_LETTERS[:n_choices], "answer", "subject", "id"])
        for q in questions:
            padding = [""] * (n_choices - len(q.choices))
            answer = "" if q.gold is None else CHOICE_LETTERS[q.gold]
            writer.writerow([q.text, *q.choices, *padding, answer, q.subject, q.id])


def write_jsonl(path: Path, questions: Sequence[Question]) -> None:
    """One object a line, the answer as index."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records(questions)))


def write_parquet(path: Path, questions: Sequence[Question]) -> None:
    """Lists of text, the answer as index."""
    parquet.write_table(pyarrow.Table.from_pylist(records(questions)), path)


def records(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The columns of a quiz file."""
    return [
        {"question": q.text, "choices": list(q.choices), "answer": q.gold, "subject": q.subject, "id": q.id}
        for q in questions
    ]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30).filter(str.strip)
LABEL = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=10)


@st.composite
def quizzes(draw: st.DrawFn) -> list[Question]:
    """Questions with distinct ids and choices; all of them answered, or none."""
    is_answered = draw(st.booleans())
    ids = draw(st.lists(LABEL, min_size=1, max_size=5, unique=True))
    choices = st.lists(TEXT, min_size=2, max_size=10)
    questions = []
    for identifier in ids:
        # Distinct, and none of them a letter or digit, which could make an answer ambiguous: another test's matter.
        texts = tuple(f"{text} ({n})" for n, text in enumerate(draw(choices)))
        gold = draw(st.integers(0, len(texts) - 1)) if is_answered else None
        questions.append(Question(identifier, draw(LABEL), draw(TEXT), texts, gold))
    return questions


@pytest.mark.parametrize(
    ("write", "suffix"), [(write_csv, ".csv"), (write_jsonl, ".jsonl"), (write_parquet, ".parquet")]
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(questions=quizzes())
def test_what_is_written_is_read_back(
    tmp_path: Path, write: Callable[[Path, Sequence[Question]], None], suffix: str, questions: list[Question]
) -> None:
    """Every character of every field, in all three formats; numbers as the person says who wrote them."""
    path = tmp_path / f"round_trip{suffix}"
    write(path, questions)
    written = AnswersFrom.LETTERS if suffix == ".csv" else AnswersFrom.ZERO
    assert load_quiz(str(path), offline=True, answers_from=written).questions == tuple(questions)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wide.csv", ",".join(f"c{n}" for n in range(300_000)) + "\n" + ",".join("1" * 300_000)),
        ("wide.jsonl", json.dumps({f"answr{n}": 1 for n in range(300_000)})),
    ],
)
def test_a_table_of_countless_columns_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """Comparing all their names with each other would take hours: none is compared."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.delattr(difflib, "get_close_matches")
    with pytest.raises(QuizError, match=r"300,000 columns.* no quiz"):
        read_table(tmp_path / name)


@pytest.mark.parametrize("first", ["What?,x,y,z,w,b", "What?,1,2,3,4,0", "a?,a,b,c,d,A", "What?,1,2,3,4,4"])
def test_a_missing_header_is_named_whatever_the_first_row_answers(tmp_path: Path, first: str) -> None:
    """A letter in either case, an index; also where two of its cells are alike."""
    error = problem_of(tmp_path, f"{first}\nWhy?,k,l,m,n,C\n")
    assert "begins with a row where the names of its columns should stand" in str(error)
    assert "add the line question,A,B,C,D,answer" in str(error)


@pytest.mark.parametrize("name", ["quiz.csv", "quiz.jsonl", "quiz.parquet"])
def test_a_clone_without_its_data_says_so(tmp_path: Path, name: str) -> None:
    """A pointer of Git LFS is neither damaged nor a quiz without columns."""
    error = problem_of(tmp_path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", name)
    assert str(error).endswith("is only a pointer of Git LFS, not the file itself: run `git lfs pull` in the clone.")


def test_what_is_wrong_in_every_row_is_the_file_s_own(tmp_path: Path) -> None:
    """One sentence, and no advice to mend its rows one by one."""
    rows = [json.dumps({"question": f"q{n}", "choices": {"A": "x", "B": "y"}, "answer": "A"}) for n in range(3)]
    error = problem_of(tmp_path, "\n".join(rows), "quiz.jsonl")
    assert str(error).endswith("quiz.jsonl: in all 3 rows the choices are not a list of texts; nothing was run.")
