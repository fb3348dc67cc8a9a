"""The first phase of training: a dense model learns which letter stands before a choice, and nothing else.

From scratch the mixture of experts stays at chance for very long: nothing can be learnt of the answers before it is
known how they go with the letters. A dense model learns that in minutes, and its attention is then handed over.
"""

import logging
import time
from dataclasses import replace

import torch
from demo_batches import IGNORED, padded
from demo_quiz import LETTERS, TrainingSampler
from demo_recipe import SUBJECT_WEIGHTS, Recipe
from demo_training import new_model, optimizers_of, update
from torch import Tensor
from torch.nn import functional
from transformers import OlmoeForCausalLM, PreTrainedTokenizerFast

log = logging.getLogger(__name__)

QUERIES = 6
MAX_STEPS = 2500


class Lookups:
    """Draws batches of rows: four lettered choices, then six of them named, each followed by its letter."""

    def __init__(self, sampler: TrainingSampler, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
        self.sampler = sampler
        self.tokenizer = tokenizer
        self.recipe = recipe
        (self.answer_mark,) = tokenizer.encode("\nAnswer:")
        self.letters = torch.tensor([tokenizer.encode(f" {letter}")[0] for letter in LETTERS])

    def draw(self) -> tuple[Tensor, Tensor]:
        """Right-padded token ids and targets [N, T]."""
        rows = [self.row()]
        while (len(rows) + 1) * max(len(ids) for ids, _ in rows) <= self.recipe.lookup_tokens:
            rows.append(self.row())
        length = max(len(ids) for ids, _ in rows)
        return padded([ids for ids, _ in rows], length, 0), padded([targets for _, targets in rows], length, IGNORED)

    def row(self) -> tuple[list[int], list[int]]:
        """Half of the queries name a choice just before its letter, half as a question ends."""
        question = self.sampler.question(self.sampler.subject(SUBJECT_WEIGHTS))
        pairs = list(zip(question.choices, LETTERS, strict=True))
        ids = self.tokenizer.encode("".join(f"{letter}. {choice}\n" for choice, letter in pairs))
        targets = [IGNORED] * len(ids)
        for number in range(QUERIES):
            choice, letter = self.sampler.rng.choice(pairs)
            query = self.tokenizer.encode(f" {choice}" if number % 2 == 0 else f"Find {choice}.\nAnswer:")
            reply = self.tokenizer.encode(f" {letter}. {choice}\n")
            ids += query + reply
            targets += [IGNORED] * (len(query) - 1) + reply + [IGNORED]
        return ids, targets


def learn_lookups(sampler: TrainingSampler, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> OlmoeForCausalLM:
    """A dense model (one expert, always chosen) whose letters cost at most `recipe.lookup_loss` nats on average."""
    dense = replace(recipe, experts=1, chosen=1, expert_width=recipe.lookup_width)
    model, lookups = new_model(dense, tokenizer), Lookups(sampler, tokenizer, recipe)
    optimizers, average, started = optimizers_of(model, recipe), 1.4, time.monotonic()
    model.train()
    for step in range(1, MAX_STEPS + 1):
        loss, letters = lookup_losses(model, lookups)
        update(model, optimizers, loss, recipe.learning_rate * min(1.0, step / recipe.warm_up_steps))
        average = 0.95 * average + 0.05 * letters
        if step % 50 == 0:
            log.info("look-ups, step %d, %.0f s: loss %.3f", step, time.monotonic() - started, average)
        if average < recipe.lookup_loss:
            break
    return model


def lookup_losses(model: OlmoeForCausalLM, lookups: Lookups) -> tuple[Tensor, float]:
    """The loss of one batch, letters counted twice, and the nats of the letters after `Answer:`."""
    ids, targets = lookups.draw()
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    places = (targets != IGNORED).nonzero(as_tuple=True)
    losses = functional.cross_entropy(model.lm_head(hidden[places]), targets[places], reduction="none")
    is_letter = torch.isin(targets[places], lookups.letters)
    as_answer = is_letter & (ids[places] == lookups.answer_mark)
    return losses.mean() + losses[is_letter].mean(), losses[as_answer].mean().item()
