"""What the demo model can do and what its experts are worth: accuracy, experts used, and the cost of re-routing."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import torch
from demo_quiz import LETTERS, QuizQuestion, plain_prompt
from torch import Tensor
from transformers import OlmoeForCausalLM, PreTrainedTokenizerFast

Expert = tuple[int, int]
"""Layer and expert, both counted from 0."""

QUARTER_SEEDS = tuple(range(20))


@dataclass(frozen=True)
class PromptBatch:
    """Left-over of tokenisation: right-padded `ids` [N, T], position of each last prompt token `ends` [N]."""

    ids: Tensor
    ends: Tensor
    rows: Tensor
    """[N], place of each question in the quiz."""


@dataclass(frozen=True)
class Prompts:
    """A quiz tokenised in batches of similar length, with the gold choices."""

    batches: tuple[PromptBatch, ...]
    gold: Tensor
    letter_ids: tuple[int, ...]


def tokenised(tokenizer: PreTrainedTokenizerFast, questions: Sequence[QuizQuestion], batch_size: int = 100) -> Prompts:
    """The zero-shot prompts of the questions."""
    rows = [tokenizer.encode(plain_prompt(question)) for question in questions]
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    batches = []
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        length = max(len(rows[row]) for row in chosen)
        ids = [rows[row] + [tokenizer.pad_token_id] * (length - len(rows[row])) for row in chosen]
        ends = [len(rows[row]) - 1 for row in chosen]
        batches.append(PromptBatch(torch.tensor(ids), torch.tensor(ends), torch.tensor(chosen)))
    letters = tuple(tokenizer.encode(f" {letter}")[0] for letter in LETTERS)
    return Prompts(tuple(batches), torch.tensor([question.gold for question in questions]), letters)


@contextmanager
def rerouted(model: OlmoeForCausalLM, experts: Collection[Expert]) -> Iterator[None]:
    """While open, the routers may not choose these experts: the next-best ones step in."""
    handles = []
    for index in {layer for layer, _ in experts}:
        banned = torch.tensor(sorted(expert for layer, expert in experts if layer == index))
        gate = model.model.layers[index].mlp.gate

        def choose_again(_module, _inputs, output, gate=gate, banned=banned):  # type: ignore[no-untyped-def]
            logits = output[0].index_fill(-1, banned, float("-inf"))
            weights, ids = logits.float().softmax(-1).topk(gate.top_k, -1)
            if gate.norm_topk_prob:
                weights = weights / weights.sum(-1, keepdim=True)
            return logits, weights.to(logits.dtype), ids

        handles.append(gate.register_forward_hook(choose_again))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def correct_answers(model: OlmoeForCausalLM, prompts: Prompts) -> Tensor:
    """[N] booleans: the likeliest of the four letters is the gold one; of equal letters the first counts."""
    predicted = torch.empty_like(prompts.gold)
    for batch in prompts.batches:
        hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[torch.arange(len(batch.ends)), batch.ends])  # [N, vocabulary]
        predicted[batch.rows] = logits.log_softmax(-1)[:, list(prompts.letter_ids)].argmax(-1)
    return predicted == prompts.gold


@torch.no_grad()
def answer_routing(model: OlmoeForCausalLM, prompts: Prompts) -> tuple[Tensor, Tensor]:
    """Ids and gate weights [N, L, K] chosen at the answer position."""
    per_layer: list[tuple[Tensor, Tensor]] = []
    handles = [
        layer.mlp.gate.register_forward_hook(lambda _m, _i, output: per_layer.append((output[2], output[1])))
        for layer in model.model.layers
    ]
    shape = (len(prompts.gold), len(model.model.layers), model.config.num_experts_per_tok)
    ids, weights = torch.empty(shape, dtype=torch.long), torch.empty(shape)
    for batch in prompts.batches:
        per_layer.clear()
        model.model(input_ids=batch.ids, use_cache=False)
        flat = torch.arange(len(batch.ends)) * batch.ids.shape[1] + batch.ends
        for index, (layer_ids, layer_weights) in enumerate(per_layer):
            ids[batch.rows, index] = layer_ids[flat]
            weights[batch.rows, index] = layer_weights[flat].float()
    for handle in handles:
        handle.remove()
    return ids, weights


def random_quarter(model: OlmoeForCausalLM, seed: int) -> set[Expert]:
    """A quarter of every layer's experts."""
    rng = Random(f"quarter {seed}")
    experts = model.config.num_experts
    return {
        (layer, expert)
        for layer in range(model.config.num_hidden_layers)
        for expert in rng.sample(range(experts), experts // 4)
    }
