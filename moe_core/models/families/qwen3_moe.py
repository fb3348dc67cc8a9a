"""Qwen3-MoE (https://arxiv.org/abs/2505.09388): 128 narrow experts, no shared one, some layers may be dense."""

from moe_core.models.families.softmax_top_k import SoftmaxTopK

QWEN3_MOE = SoftmaxTopK(name="qwen3_moe", architectures=("Qwen3MoeForCausalLM",), may_have_dense_layers=True)
