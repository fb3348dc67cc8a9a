"""Prompts as tokens: OLMo's real tokenizer on all of MMLU, and small ones that misbehave."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE, WordLevel
from tokenizers.pre_tokenizers import ByteLevel, Whitespace
from transformers import PreTrainedTokenizerFast

from moe_core.errors import PromptError, Remedy
from moe_core.quizzes.benchmarks import load_quiz
from moe_core.quizzes.chat_template import chat_renderer
from moe_core.quizzes.prompting import Message, Prompt, build_prompts
from moe_core.quizzes.question import Question
from moe_core.quizzes.tokenising import shared_length, tokenise, too_long

LONG = 10_000


@pytest.fixture(scope="module")
def olmo() -> PreTrainedTokenizerFast:
    """OLMo's own tokenizer."""
    [package] = find_spec("olmo_eval").submodule_search_locations
    return PreTrainedTokenizerFast(
        tokenizer_file=f"{package}/tokenizers/allenai_gpt-neox-olmo-dolma-v1_5.json", eos_token="<|endoftext|>"
    )


@pytest.mark.slow
def test_all_of_mmlu_has_the_known_tokens(olmo: PreTrainedTokenizerFast) -> None:
    """1,731,531 tokens; prefix plus segment plus target are the tokens of the whole text, for every question."""
    quiz = load_quiz("mmlu", offline=True)
    prompts = build_prompts(quiz, quiz.questions, protocol="plain", shots=0)
    tokenised = tokenise(prompts, olmo, context_length=4096).quiz
    assert tokenised.questions == quiz.questions
    assert sum(map(tokenised.prompt_length, range(14_042))) == 1_731_531
    assert max(map(tokenised.prompt_length, range(14_042))) == 1_005
    assert np.array_equal(tokenised.target_ids, np.tile([329, 378, 330, 399], (14_042, 1)))
    assert len(tokenised.prefixes) == 57
    assert sorted(set(tokenised.prefix_of.tolist())) == list(range(57))

    # The letters take turns, so that each is checked behind thousands of prompts.
    wholes = olmo([prompt.text + prompt.targets[n % 4] for n, prompt in enumerate(prompts)])["input_ids"]
    for n, whole in enumerate(wholes):
        assert [*tokenised.prompt_ids(n), tokenised.target_ids[n, n % 4]] == whole


def test_worked_examples_have_the_tokens_of_each_prompt_alone(olmo: PreTrainedTokenizerFast) -> None:
    """They are encoded once for many prompts; both ways give the same tokens."""
    quiz = load_quiz("mmlu", offline=True)
    asked = [q for q in quiz.questions if q.subject in ("anatomy", "virology", "us_foreign_policy")][::5]
    prompts = build_prompts(quiz, asked, protocol="plain", shots=5)
    tokenised = tokenise(prompts, olmo, context_length=LONG).quiz
    assert min(map(tokenised.prompt_length, range(len(asked)))) > 300
    for n, prompt in enumerate(prompts):
        assert tokenised.prompt_ids(n).tolist() == olmo(prompt.text)["input_ids"]


def prompts_of(*texts: str, subjects: str = "", targets: tuple[str, ...] = (" A", " B")) -> tuple[Prompt, ...]:
    """Prompts with these texts, all of one subject unless a letter each is given."""
    names = subjects or "s" * len(texts)
    questions = [
        Question(f"{name}/{n}", name, text, ("x", "y"), 0)
        for n, (name, text) in enumerate(zip(names, texts, strict=True))
    ]
    return tuple(Prompt(question, question.text, targets) for question in questions)


def test_questions_of_a_subject_share_their_longest_common_beginning(olmo: PreTrainedTokenizerFast) -> None:
    """A subject with one question shares nothing."""
    prompts = prompts_of("one two three:", "alone:", "one two four:", subjects="sas")
    tokenised = tokenise(prompts, olmo, context_length=LONG).quiz
    assert tokenised.prefix_of.tolist() == [0, -1, 0]
    assert [olmo.decode(prefix) for prefix in tokenised.prefixes] == ["one two"]
    assert [olmo.decode(segment) for segment in tokenised.segments] == [" three:", "alone:", " four:"]
    assert [tokenised.prompt_length(n) for n in range(3)] == [len(olmo(p.text)["input_ids"]) for p in prompts]
    assert tokenised.target_ids.dtype == tokenised.segments[0].dtype == tokenised.prefix_of.dtype == np.int32


def test_each_question_keeps_a_token_of_its_own(olmo: PreTrainedTokenizerFast) -> None:
    """Equal prompts share all but their last one; a prompt that begins another gives up its last one too."""
    tokenised = tokenise(prompts_of("a b c:", "a b c:"), olmo, context_length=LONG).quiz
    assert [olmo.decode(segment) for segment in tokenised.segments] == [":", ":"]
    tokenised = tokenise(prompts_of("a b", "a b c:"), olmo, context_length=LONG).quiz
    assert [olmo.decode(segment) for segment in tokenised.segments] == [" b", " b c:"]


def test_prompts_without_a_common_beginning_share_nothing(olmo: PreTrainedTokenizerFast) -> None:
    """And there is no empty prefix."""
    tokenised = tokenise(prompts_of("one:", "two:"), olmo, context_length=LONG).quiz
    assert (tokenised.prefixes, tokenised.prefix_of.tolist()) == ((), [-1, -1])


@pytest.mark.parametrize(
    ("prompts", "length"),
    [
        ([[1, 2, 3], [1, 2, 4]], 2),
        ([[1, 2], [1, 2]], 1),
        ([[1], [1]], 0),
        ([[1, 2, 3], [1], [1, 2]], 0),
        ([[5, 1], [6, 1]], 0),
    ],
)
def test_shared_length_is_known(prompts: list[list[int]], length: int) -> None:
    """Small cases by hand."""
    assert shared_length([np.array(prompt, dtype=np.int32) for prompt in prompts]) == length


def test_targets_are_padded_to_the_largest_number_of_choices(olmo: PreTrainedTokenizerFast) -> None:
    """With -1, which no token has."""
    prompts = (*prompts_of("a:"), *prompts_of("b:", targets=(" A", " B", " C")))
    assert tokenise(prompts, olmo, context_length=LONG).quiz.target_ids.tolist() == [[329, 378, -1], [329, 378, 330]]


def test_white_space_at_the_end_is_part_of_the_prompt(olmo: PreTrainedTokenizerFast) -> None:
    """Two line breaks are one token alone and two before a letter: what lm-eval feeds is what counts."""
    assert len(olmo("\n\n")["input_ids"]) == 1
    tokenised = tokenise(prompts_of("a:\n\n", targets=("A", "B")), olmo, context_length=LONG).quiz
    assert [*tokenised.prompt_ids(0), tokenised.target_ids[0, 1]] == olmo("a:\n\nB")["input_ids"]
    assert len(tokenised.prompt_ids(0)) == 4


def test_prompts_longer_than_the_context_are_refused_by_id(olmo: PreTrainedTokenizerFast) -> None:
    """The first five are named with their lengths, the others counted; shots count as well."""
    prompts = prompts_of("a:", *(["a b c d e f:"] * 7))
    with pytest.raises(PromptError) as caught:
        tokenise(prompts, olmo, context_length=6)
    named = ", ".join(f"s/{n} (7 tokens)" for n in range(1, 6))
    assert str(caught.value) == (f"7 of 8 prompts are longer than the model's context of 6 tokens: {named} and 2 more.")
    assert caught.value.remedies == (Remedy.SKIP_TOO_LONG,)
    assert tokenise(prompts, olmo, context_length=7).skipped == ()


def test_prompts_longer_than_the_context_can_be_left_out(olmo: PreTrainedTokenizerFast) -> None:
    """The rest stays as it is; nothing left is an error all the same."""
    prompts = prompts_of("a b c d e f:", "a:", "a:")
    quiz, skipped = tokenise(prompts, olmo, context_length=6, skip_too_long=True)
    assert (skipped, [question.id for question in quiz.questions]) == (("s/0",), ["s/1", "s/2"])
    assert len(quiz.prefixes[0]) == 1, "prefixes are those of the prompts that are left"
    assert too_long(quiz, 1) == ("s/1", "s/2")
    with pytest.raises(PromptError, match="3 of 3 prompts are longer"):
        tokenise(prompts, olmo, context_length=1, skip_too_long=True)


def words(*vocabulary: str) -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, as the demo's."""
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(("?", *vocabulary))}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?")


def characters() -> PreTrainedTokenizerFast:
    """A tokenizer of single bytes."""
    tokenizer = Tokenizer(BPE({letter: n for n, letter in enumerate(sorted(ByteLevel.alphabet()))}, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def test_a_word_tokenizer_will_do() -> None:
    """The space of " A" is nobody's token."""
    tokenised = tokenise(prompts_of("x y:"), words("x", "y", ":", "A", "B"), context_length=LONG).quiz
    assert (tokenised.prompt_ids(0).tolist(), tokenised.target_ids.tolist()) == ([1, 2, 3], [[4, 5]])


@pytest.mark.parametrize("tokenizer", [words("x", ":"), characters()], ids=["unknown", "two_tokens"])
def test_letters_without_a_token_of_their_own_are_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    """Unknown ones, which all look the same, or a space and a letter as two tokens."""
    with pytest.raises(PromptError, match="does not give ' A', ' B' one token of their own"):
        tokenise(prompts_of("x:"), tokenizer, context_length=LONG)


class PairTokenizer:
    """Two characters a token, counted from the start: the end of a text says nothing of how it is cut."""

    bos_token_id = None
    eos_token_id = None

    def __call__(self, texts: list[str], **_: Any) -> dict[str, list[list[int]]]:
        """The same pair has the same id wherever it stands."""
        pairs = ([text[n : n + 2].encode() for n in range(0, len(text), 2)] for text in texts)
        return {"input_ids": [[int.from_bytes(pair, "big") for pair in row] for row in pairs]}


@pytest.mark.parametrize("text", ["even" * 40, "odd" * 41])
def test_a_tokenizer_that_merges_over_the_border_is_cut_as_lm_eval_does(text: str) -> None:
    """The prompt's tokens as they are without the target, then what the whole text has beyond their number."""
    tokenizer = PairTokenizer()
    [prompt] = prompts_of(text)
    tokenised = tokenise([prompt], tokenizer, context_length=LONG).quiz  # type: ignore[arg-type]  # a fake
    [context] = tokenizer([text])["input_ids"]
    for n, target in enumerate(prompt.targets):
        [whole] = tokenizer([text + target])["input_ids"]
        assert [*tokenised.prompt_ids(0), tokenised.target_ids[0, n]] == context + whole[len(context) :]


@pytest.mark.parametrize("shift", [0, 1])
def test_a_head_whose_tokens_depend_on_its_place_is_not_encoded_apart(shift: int) -> None:
    """Where the cut falls into step with the whole texts, and where it does not."""
    tokenizer = PairTokenizer()
    head = "x" * shift + "An example.\n\n" * 60 + "y" * 70
    prompts = prompts_of(*(head + end * 3 for end in ("one", "three", "seventeen", "forty")))
    tokenised = tokenise(prompts, tokenizer, context_length=LONG).quiz  # type: ignore[arg-type]  # a fake
    for n, prompt in enumerate(prompts):
        assert tokenised.prompt_ids(n).tolist() == tokenizer([prompt.text])["input_ids"][0]


def test_a_chat_is_rendered_up_to_the_assistants_turn(olmo: PreTrainedTokenizerFast) -> None:
    """Without a system message where the template refuses one; None where there is no template."""
    assert chat_renderer(olmo) is None
    refusing = words("x")
    refusing.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "<{{ m['role'] }}>{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    render = chat_renderer(refusing)
    messages: list[Message] = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    assert render is not None
    assert render(messages) == "<user>u<assistant>"
