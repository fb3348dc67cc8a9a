"""What comes off the device of a batch: one copy, in the types of a trace."""

from typing import Any

import numpy as np
import pytest
import torch

from moe_core.interventions.intervention import Intervention
from moe_core.models.loading.building import LoadedModel
from moe_core.traces.records import QuestionRecord
from tests.models.inference.kept.test_kept_passes import model, records
from tests.models.inference.test_forward_passes import quiz_of

__all__ = ["model"]  # the fixture


@pytest.mark.parametrize("keep_tokens", [True, False])
def test_a_batch_is_copied_once(model: LoadedModel, keep_tokens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many layers it has: 8-bit ids, 16-bit weights and sums, and the answers, one behind the other."""
    copied, n_passes = list[int](), list[int]()
    original = torch.Tensor.cpu

    def noted(tensor: torch.Tensor, *args: Any, **keywords: Any) -> torch.Tensor:
        copied.append(tensor.dtype.itemsize)
        return original(tensor, *args, **keywords)

    records(model, quiz_of(shared=0), Intervention())  # what a model is tried for comes first
    monkeypatch.setattr(torch.Tensor, "cpu", noted)
    handle = model.model.register_forward_pre_hook(lambda *_: n_passes.append(1))
    found = records(model, quiz_of(shared=0), Intervention(), keep_tokens=keep_tokens)
    handle.remove()
    assert copied == [1] * len(n_passes)
    for record in found:
        assert isinstance(record, QuestionRecord)
        sums, answer, tokens = record.routing.sums, record.answer, record.routing.tokens
        assert sums.token_count.dtype == np.uint16
        assert sums.gate_share_sum.dtype == answer.weights.dtype == answer.router_probs.dtype == np.float16
        assert answer.experts.dtype == np.uint8
        assert (tokens is not None) == keep_tokens
        assert tokens is None or (tokens.experts.dtype, tokens.weights.dtype) == (np.uint8, np.float16)
