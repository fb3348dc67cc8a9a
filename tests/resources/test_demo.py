"""The shipped demo keeps its promises: it loads, accuracy is graded, experts matter, training saw no question."""

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
MODEL = DEMO / "model"
LETTERS = "ABCD"


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of one of the demo's CSV files."""
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """The figures that the README shows."""
    loaded: dict[str, Any] = json.loads((DEMO / "figures.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def script() -> dict[str, ModuleType]:
    """The modules of the script that made the demo; they live beside it, outside any package."""
    sys.path.insert(0, str(DEMO))
    try:
        import demo_figures
        import demo_measurement
        import demo_quiz
        import demo_world
    finally:
        sys.path.remove(str(DEMO))
    return {"figures": demo_figures, "measurement": demo_measurement, "quiz": demo_quiz, "world": demo_world}


@pytest.fixture(scope="module")
def bench(script: dict[str, ModuleType]) -> Any:
    """The shipped model and quiz with the answers given without any mask."""
    torch.set_num_threads(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    model = transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    return script["figures"].Bench(model, tokenizer, script["quiz"].read_quiz(DEMO / "quiz.csv"))


def lm_eval_prompt(row: dict[str, str]) -> str:
    """The zero-shot MMLU prompt of lm-evaluation-harness, written out a second time."""
    choices = "".join(f"{letter}. {row[letter]}\n" for letter in LETTERS)
    about = row["subject"].replace("_", " ")
    header = f"The following are multiple choice questions (with answers) about {about}.\n\n"
    return f"{header}{row['question'].strip()}\n{choices}Answer:"


def test_the_model_loads_with_every_weight_and_is_small() -> None:
    """Nothing missing, nothing unexpected, nothing mismatched; at most 12 MB; at least 8 x 32 experts."""
    model, info = transformers.OlmoeForCausalLM.from_pretrained(MODEL, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]
    assert sum(path.stat().st_size for path in MODEL.glob("*.safetensors")) <= 12_000_000
    assert (model.config.num_hidden_layers, model.config.num_experts) == (8, 32)
    assert 2 <= model.config.num_experts_per_tok <= 4
    assert model.config.max_position_embeddings >= 1024
    assert all(torch.isfinite(weights).all() for weights in model.parameters())


def test_the_letters_are_single_tokens_after_every_prompt(bench: Any, script: dict[str, ModuleType]) -> None:
    """Adding ` A` to ` D` to any prompt adds exactly one token, another one for each letter."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    for row, question in zip(rows_of("quiz.csv"), bench.questions, strict=True):
        prompt = lm_eval_prompt(row)
        assert prompt == script["quiz"].plain_prompt(question)
        ids = tokenizer(prompt)["input_ids"]
        longer = [tokenizer(f"{prompt} {letter}")["input_ids"] for letter in LETTERS]
        assert all(other[:-1] == ids for other in longer)
        assert len({other[-1] for other in longer}) == 4


def test_the_tokenizer_takes_any_text() -> None:
    """Unknown scripts, digits and white space survive encoding and decoding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    for text in ("What is 1234 + 5?\n\n\tÅäö, naïve ☃ 漢字 🙂  end ", "", " A", "x" * 500):
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_chat_template_leads_to_a_bare_letter() -> None:
    """Roles are marked, the assistant's turn is opened, and its answer `A` is one more token."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which?\nAnswer:"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "<|system|>\nBe brief.\n<|user|>\nWhich?\nAnswer:\n<|assistant|>\n"
    ids = tokenizer.encode(text)
    assert {tokenizer.encode(text + letter)[:-1] == ids for letter in LETTERS} == {True}


def test_the_quiz_is_well_formed() -> None:
    """At least 8 subjects and 640 questions, four distinct choices each, unique ids, 5 dev questions a subject."""
    quiz, dev = rows_of("quiz.csv"), rows_of("quiz_dev.csv")
    assert list(quiz[0]) == ["question", "A", "B", "C", "D", "answer", "subject", "id"] == list(dev[0])
    subjects = Counter(row["subject"] for row in quiz)
    assert len(quiz) >= 640
    assert len(subjects) >= 8
    assert Counter(row["subject"] for row in dev) == dict.fromkeys(subjects, 5)
    assert len({row["id"] for row in quiz + dev}) == len(quiz) + len(dev)
    assert all(len({row[letter] for letter in LETTERS}) == 4 and row["answer"] in LETTERS for row in quiz + dev)


def test_the_accuracy_is_graded(bench: Any, figures: dict[str, Any]) -> None:
    """Overall 70 to 97 %, a subject below 60 %, a subject above 95 %, as figures.json says."""
    overall = 100 * bench.correct.float().mean().item()
    by_subject = bench.by_subject(bench.correct)
    assert 70 <= overall <= 97
    assert min(by_subject.values()) < 60
    assert max(by_subject.values()) > 95
    assert overall == pytest.approx(figures["accuracy_percent"], abs=0.5)
    assert by_subject == pytest.approx(figures["accuracy_percent_by_subject"], abs=2.6)


def test_some_experts_are_never_used_in_every_layer(
    bench: Any, figures: dict[str, Any], script: dict[str, ModuleType]
) -> None:
    """At the answer position, over the whole quiz."""
    ids, _ = script["measurement"].answer_routing(bench.model, bench.prompts)
    used = [len(set(ids[:, layer].flatten().tolist())) for layer in range(ids.shape[1])]
    assert all(figures["chosen"] <= count < 32 for count in used)
    assert used == pytest.approx(figures["experts_used"], abs=1)


def test_the_most_harmful_expert_matters(bench: Any, figures: dict[str, Any]) -> None:
    """Re-routing it alone costs at least 3 points."""
    worst = figures["worst_experts"][0]
    drop = bench.effect(worst["layer"], worst["expert"]).drop_points
    assert drop >= 3
    assert drop == pytest.approx(worst["drop_points"], abs=0.5)


def test_an_expert_hurts_one_subject_most(bench: Any, figures: dict[str, Any]) -> None:
    """The most one-sided expert costs one subject at least 10 points more than the others on average."""
    named = figures["subject_experts"][0]
    difference, subject, there, elsewhere = bench.effect(named["layer"], named["expert"]).contrast()
    assert difference >= 10
    assert there > elsewhere
    assert subject == max(named["drop_points_by_subject"], key=named["drop_points_by_subject"].__getitem__)


def test_a_random_quarter_matters(bench: Any, figures: dict[str, Any], script: dict[str, ModuleType]) -> None:
    """Re-routing a quarter of every layer's experts costs at least 10 points on average over 20 draws.

    Four of the draws are measured again; all 20 take the script that wrote the figures.
    """
    random_quarter = script["measurement"].random_quarter
    masks = [random_quarter(bench.model, seed) for seed in figures["quarter_seeds"][:4]]
    assert all(len(mask) == 8 * 8 for mask in masks)
    drops = [100 * bench.drop(mask).float().mean().item() for mask in masks]
    everywhere = figures["quarter_drops_points"]
    assert drops == pytest.approx(everywhere[:4], abs=0.5)
    assert len(everywhere) == 20
    assert sum(everywhere) / len(everywhere) >= 10


def test_rerouting_lets_the_next_best_expert_step_in(bench: Any, script: dict[str, ModuleType]) -> None:
    """A masked expert gets no token, weights still sum to 1, and an empty mask changes nothing."""
    ids, _ = script["measurement"].answer_routing(bench.model, bench.prompts)
    favourite = int(ids[:, 3].flatten().bincount().argmax())
    with script["measurement"].rerouted(bench.model, {(3, favourite)}):
        masked_ids, masked_weights = script["measurement"].answer_routing(bench.model, bench.prompts)
    assert not (masked_ids[:, 3] == favourite).any()
    assert torch.allclose(masked_weights.sum(-1), torch.ones(masked_weights.shape[:2]), atol=1e-5)
    assert torch.equal(masked_ids[:, :3], ids[:, :3])
    assert not bench.drop(set()).any()


def test_the_shipped_files_are_what_the_script_writes(script: dict[str, ModuleType]) -> None:
    """The held-out keys are those of the shipped files, because the seed gives the same files again."""
    quiz, shots, _ = script["quiz"].build_quiz(script["world"].World())
    assert quiz == script["quiz"].read_quiz(DEMO / "quiz.csv")
    assert shots == script["quiz"].read_quiz(DEMO / "quiz_dev.csv")


def operands_in(subject: str, text: str) -> tuple[str, ...] | None:
    """The operands read back from a question's or statement's own words, or None where a subject computes nothing."""
    numbers = re.findall(r"\d+", text)
    if subject == "addition":
        return tuple(sorted(numbers[:2], key=int))
    if subject == "sequences":
        return tuple(numbers[:3])
    if subject == "spelling":
        found = re.search(r"the (\w+) letter of the word (\w+)", text, re.IGNORECASE)
        assert found
        return found.groups()
    return None


def marks_of(subject: str, text: str, choices: tuple[str, ...]) -> set[tuple[str, ...]]:
    """What may not be on both sides, found from the text alone, independently of the script's own keys."""
    marks = {(subject, "choices", *sorted(choices))} if choices else set()
    operands = operands_in(subject, text)
    return marks | ({(subject, "operands", *operands)} if operands else set())


def shipped_marks() -> list[tuple[str, ...]]:
    """The marks of every question in quiz.csv and quiz_dev.csv."""
    return [
        mark
        for row in rows_of("quiz.csv") + rows_of("quiz_dev.csv")
        for mark in marks_of(row["subject"], row["question"], tuple(row[letter] for letter in LETTERS))
    ]


def sampled_marks(sampler: Any) -> set[tuple[str, ...]]:
    """The marks of 1,500 questions and 500 statements drawn for each subject."""
    found: set[tuple[str, ...]] = set()
    for subject in sampler.draws:
        for _ in range(1500):
            question = sampler.question(subject)
            found |= marks_of(subject, question.text, question.choices)
        for _ in range(500):
            beginning, value = sampler.statement(subject)
            if beginning:
                found |= marks_of(subject, beginning + value, ())
    return found


def test_training_shares_no_choice_set_and_no_operands_with_the_quiz(script: dict[str, ModuleType]) -> None:
    """No sampled question or statement coincides with a shipped one; without the rejection, many would."""
    shipped = shipped_marks()
    assert len(shipped) == len(set(shipped)), "quiz and dev questions share choices or operands among themselves"
    world = script["world"].World()
    _, _, held_out = script["quiz"].build_quiz(world)
    sampler = script["quiz"].TrainingSampler(world, held_out, 99)
    assert not sampled_marks(sampler) & set(shipped)
    careless = script["quiz"].TrainingSampler(world, script["quiz"].HeldOut(frozenset()), 99)
    assert len(sampled_marks(careless) & set(shipped)) > 100
