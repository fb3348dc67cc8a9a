"""What a tokenizer puts around every text by itself is found, and what cannot be read past is refused by its name."""

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from moe_core.errors import PromptError
from moe_core.quizzes.encoding import Encoder, added_tokens
from moe_core.quizzes.prompting import Prompt
from moe_core.quizzes.question import Question
from moe_core.quizzes.tokenising import tokenise

WORDS = {word: at for at, word in enumerate(("?", "<s>", "</s>", "[CLS]", "[SEP]", "A", "B", "x", "y"))}


def adding(single: str, **special: str) -> PreTrainedTokenizerFast:
    """A tokenizer of words that puts tokens around every text."""
    backend = Tokenizer(WordLevel(WORDS, unk_token="?"))
    backend.pre_tokenizer = Whitespace()
    names = [part for part in single.split() if part != "$A"]
    backend.post_processor = TemplateProcessing(single=single, special_tokens=[(name, WORDS[name]) for name in names])
    backend.add_special_tokens(["<s>", "</s>", "[CLS]", "[SEP]"])
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="?", **special)


@pytest.mark.parametrize(
    ("single", "before", "behind"),
    [
        ("<s> $A", "<s>", ""),
        ("$A </s>", "", "</s>"),
        ("[CLS] $A [SEP]", "[CLS]", "[SEP]"),
        ("<s> <s> $A </s> </s>", "<s> <s>", "</s> </s>"),
    ],
)
def test_what_is_added_is_found_and_an_end_is_refused(single: str, before: str, behind: str) -> None:
    """Whatever its tokens are called, and however many there are."""
    tokenizer = adding(single)
    assert tuple(text.replace(" ", "") for text in added_tokens(tokenizer)) == (
        before.replace(" ", ""),
        behind.replace(" ", ""),
    )
    prompts = [Prompt(Question(f"q{n}", "s", "x", ("x", "y"), 0), "x y x", (" A", " B")) for n in range(2)]
    if not behind:
        assert tokenise(prompts, tokenizer, context_length=99).quiz.prompt_length(0) == 3 + len(before.split())
        return
    with pytest.raises(PromptError, match=r"appends .* to every text") as caught:
        tokenise(prompts, tokenizer, context_length=99)
    assert behind.split()[0] in str(caught.value)


def test_what_a_text_begins_with_already_is_not_added() -> None:
    """Where that is BOS, as chat templates write it; what is not BOS is added once more, and found."""
    assert Encoder(adding("<s> $A", bos_token="<s>")).added_before("<s> x") == ""
    assert Encoder(adding("<s> $A", bos_token="<s>")).added_before("x") == "<s>"
    assert Encoder(adding("[CLS] $A", bos_token="<s>")).added_before("[CLS] x") == "[CLS]"
