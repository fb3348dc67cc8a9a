"""Qwen2-MoE and Qwen1.5-MoE (https://arxiv.org/abs/2407.10671): a shared expert besides the routed ones."""

from moe_core.models.families.softmax_top_k import SoftmaxTopK

QWEN2_MOE = SoftmaxTopK(name="qwen2_moe", architectures=("Qwen2MoeForCausalLM",), may_have_dense_layers=True)
