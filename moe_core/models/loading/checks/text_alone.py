"""The causal language model of a kind that transformers knows only together with its eyes (Qwen3-VL, GLM-4.5V).

Axes: B rows, T tokens per row, H hidden size, V vocabulary.
"""

from functools import cache
from typing import Any

import torch
from torch import nn
from transformers import GenerationMixin
from transformers.modeling_outputs import MoeCausalLMOutputWithPast


@cache
def with_head(text_model: Any) -> Any:
    """A class of this text model and a head over it, named as causal models are: `model`, `lm_head`.

    On text it gives what the whole model gives (tests hold its logits to within 1e-4).
    """

    base = text_model.__bases__[0]

    def begin(self: Any, config: Any) -> None:
        base.__init__(self, config)
        self.model = text_model(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self: Any, input_ids: torch.Tensor | None = None, logits_to_keep: int = 0, **keywords: Any
    ) -> MoeCausalLMOutputWithPast:
        passed = self.model(input_ids=input_ids, **keywords)
        hidden = passed.last_hidden_state[:, -logits_to_keep:]  # [B, T, H], all of it where none is asked for
        return MoeCausalLMOutputWithPast(logits=self.lm_head(hidden), past_key_values=passed.past_key_values)

    own = {
        "__init__": begin,
        "forward": forward,
        "__module__": text_model.__module__,  # transformers reads there how experts may be run
        "_tied_weights_keys": {"lm_head.weight": "model.embed_tokens.weight"},
    }
    return type(f"{text_model.__name__}ForCausalLM", (base, GenerationMixin), own)
