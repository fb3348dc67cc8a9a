"""The demo's tokenizer: a small byte-level BPE, so that any text a person types can be tokenised."""

from collections.abc import Iterable

from demo_quiz import TrainingSampler, plain_prompt
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END, PAD = "<|endoftext|>", "<|padding|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")
VOCABULARY_SIZE = 1536
CORPUS_QUESTIONS_PER_SUBJECT = 1500

# The fixed parts of a prompt are one token each: half the tokens, half the work, and a letter stands beside its choice.
PROMPT_PARTS = r"The following are multiple choice questions \(with answers\) about|\.\n\n|\n[A-D]\.|\nAnswer:"
# GPT-2's splitting, but every digit alone: sums and sequences can then be computed digit by digit.
WORDS = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>\n' + (message['content'] | trim) + "
    "(eos_token if message['role'] == 'assistant' else '') + '\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>\n' -}}{%- endif -%}"
)


def corpus(sampler: TrainingSampler) -> Iterable[str]:
    """Training prompts and statements of every subject; nothing that the quiz holds out."""
    for subject in sampler.draws:
        for _ in range(CORPUS_QUESTIONS_PER_SUBJECT):
            question = sampler.question(subject)
            beginning, value = sampler.statement(subject)
            yield f"{plain_prompt(question)} {question.answer}\n\n"
            yield beginning + value + "\n"


def train_tokenizer(sampler: TrainingSampler) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 1,536 tokens; ` A` to ` D` are one token each."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(f"{PROMPT_PARTS}|{WORDS}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END, PAD, *ROLES],
        show_progress=False,
    )
    bpe.train_from_iterator(corpus(sampler), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=list(ROLES),
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
