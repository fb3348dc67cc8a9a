"""OLMoE (https://arxiv.org/abs/2409.02060): every layer has experts, gate weights are usually not renormalised."""

from moe_core.models.families.softmax_top_k import SoftmaxTopK

OLMOE = SoftmaxTopK(name="olmoe", architectures=("OlmoeForCausalLM",), width_field="intermediate_size")
