"""Training of the demo model on letters of four-choice questions and values of statements."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from demo_batches import IGNORED, Batch, Batches
from demo_recipe import Recipe
from torch import Tensor
from torch.nn import functional
from torch.optim import AdamW, Muon, Optimizer
from transformers import OlmoeConfig, OlmoeForCausalLM, PreTrainedTokenizerFast

log = logging.getLogger(__name__)


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> OlmoeForCausalLM:
    """An untrained OLMoE of the recipe's size."""
    torch.manual_seed(recipe.seed)
    config = OlmoeConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.expert_width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_experts=recipe.experts,
        num_experts_per_tok=recipe.chosen,
        norm_topk_prob=recipe.normalised,
        max_position_embeddings=2048,
        initializer_range=recipe.initial_std,
        router_aux_loss_coef=recipe.balancing,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = OlmoeForCausalLM(config)
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=recipe.initial_embedding_std)
    for layer in model.model.layers:
        attention = layer.self_attn
        # Keys that start as queries let each token attend to its like, the root of every look-up
        # (mimetic initialisation, https://arxiv.org/abs/2305.09828).
        attention.k_proj.weight.data.copy_(attention.q_proj.weight.data)
        attention.q_norm.weight.data.fill_(recipe.attention_gain)
        attention.k_norm.weight.data.fill_(recipe.attention_gain)
    return model


def upcycled(dense: OlmoeForCausalLM, recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> OlmoeForCausalLM:
    """A model of the recipe's size with the dense one's attention, norms and embeddings, and untrained experts."""
    model = new_model(recipe, tokenizer)
    weights = model.state_dict()
    for name, weight in dense.state_dict().items():
        if ".mlp." not in name:
            weights[name].copy_(weight)
    return model


def optimizers_of(model: OlmoeForCausalLM, recipe: Recipe) -> list[Optimizer]:
    """Muon for the matrices of attention, AdamW for all else."""
    matrices = [weight for name, weight in model.named_parameters() if "_proj.weight" in name and "self_attn" in name]
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in model.parameters() if id(weight) not in chosen]
    return [
        AdamW(others, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)),
        Muon(matrices, weight_decay=recipe.weight_decay, adjust_lr_fn="match_rms_adamw"),
    ]


def update(model: OlmoeForCausalLM, optimizers: list[Optimizer], loss: Tensor, rate: float) -> None:
    """One step of both optimizers at AdamW's learning rate `rate`."""
    loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer, factor in zip(optimizers, (1.0, 2.0), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


@contextmanager
def recorded_routing(model: OlmoeForCausalLM) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """A list that each forward pass appends (logits [N x T, E], ids [N x T, K]) of every layer to."""
    routing: list[tuple[Tensor, Tensor]] = []
    handles = [
        layer.mlp.gate.register_forward_hook(lambda _module, _inputs, output: routing.append((output[0], output[2])))
        for layer in model.model.layers
    ]
    try:
        yield routing
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def recorded_output(layer: torch.nn.Module) -> Iterator[list[Tensor]]:
    """A list that each forward pass appends the layer's output to."""
    outputs: list[Tensor] = []
    handle = layer.register_forward_hook(
        lambda _module, _inputs, output: outputs.append(output[0] if isinstance(output, tuple) else output)
    )
    try:
        yield outputs
    finally:
        handle.remove()


def balancing_loss(routing: list[tuple[Tensor, Tensor]], real: Tensor) -> Tensor:
    """Switch-Transformer balancing: E x sum over experts of (share of slots x mean probability), mean over layers."""
    share = real.flatten() / real.sum()  # [N x T], 0 for padding
    losses = []
    for logits, ids in routing:
        experts, chosen = logits.shape[-1], ids.shape[-1]
        slots = torch.bincount(ids.flatten(), share.repeat_interleave(chosen), minlength=experts) / chosen  # [E]
        losses.append(experts * (slots * (share @ logits.softmax(-1))).sum())
    return torch.stack(losses).mean()


def batch_loss(model: OlmoeForCausalLM, batch: Batch, recipe: Recipe) -> tuple[Tensor, list[float]]:
    """The loss to go down, and its parts in nats: letters, statements, early answers (balancing left out)."""
    early = model.model.layers[recipe.early_layer]
    with recorded_routing(model) as routing, recorded_output(early) as known:
        # Right padding under causal attention changes nothing before it, so no attention mask is needed.
        hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state
    places = (batch.targets != IGNORED).nonzero(as_tuple=True)
    losses = functional.cross_entropy(model.lm_head(hidden[places]), batch.targets[places], reduction="none")
    of_question = places[0] < batch.questions
    parts = [losses[of_question].mean(), losses[~of_question].mean(), early_loss(model, known[0], batch)]
    loss = torch.stack(parts).sum() + recipe.balancing * balancing_loss(routing, batch.real)
    return loss, [part.item() for part in parts]


def early_loss(model: OlmoeForCausalLM, hidden: Tensor, batch: Batch) -> Tensor:
    """Nats for the answer's first token where a question ends, read off an early layer with the input embeddings.

    Reading a question and finding the letter of a word in it is learnt first, in the lowest layers. Knowledge that
    arises above them would be of no use to it; this makes it arise below, and in the form of a word that was read.
    """
    places = (batch.early != IGNORED).nonzero(as_tuple=True)
    here, words = normalised(hidden[places]), normalised(model.model.embed_tokens.weight)
    return functional.cross_entropy(here @ words.T / 4, batch.early[places])


def normalised(vectors: Tensor) -> Tensor:
    """Vectors with a root mean square of 1."""
    return vectors * torch.rsqrt(vectors.square().mean(-1, keepdim=True) + 1e-6)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Rises over the first steps, stays, and falls to nearly nothing over the last quarter."""
    rising = min(1.0, step / recipe.warm_up_steps)
    falling = min(1.0, 0.03 + (recipe.steps - step) / (0.25 * recipe.steps))
    return recipe.learning_rate * min(rising, falling)


def leave_facts_to_experts(model: OlmoeForCausalLM, recipe: Recipe) -> None:
    """Freezes all but the lowest layers' experts and routers: what is learnt from now on, only experts can hold."""
    for index, layer in enumerate(model.model.layers):
        layer.mlp.gate.weight.data.mul_(recipe.router_gain)
        layer.requires_grad_(False)
        layer.mlp.requires_grad_(index <= recipe.early_layer)
    model.model.embed_tokens.requires_grad_(False)
    model.model.norm.requires_grad_(False)
    model.lm_head.requires_grad_(False)


def train(model: OlmoeForCausalLM, batches: Batches, recipe: Recipe) -> None:
    """Trains the model's weights that are not frozen, in place, on questions and statements."""
    optimizers = optimizers_of(model, recipe)
    model.train()
    started = time.monotonic()
    for step in range(1, recipe.steps + 1):
        loss, parts = batch_loss(model, batches.draw(), recipe)
        update(model, optimizers, loss, learning_rate(recipe, step))
        if step % 50 == 0:
            shown = ", ".join(f"{part:.3f}" for part in parts)
            log.info("step %d of %d, %.0f s: loss %s", step, recipe.steps, time.monotonic() - started, shown)
    model.eval()
