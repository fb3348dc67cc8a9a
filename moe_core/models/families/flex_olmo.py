"""FlexOlmo (https://arxiv.org/abs/2507.07024): experts trained apart from each other, routed as in OLMoE."""

from moe_core.models.families.softmax_top_k import SoftmaxTopK

FLEX_OLMO = SoftmaxTopK(name="flex_olmo", architectures=("FlexOlmoForCausalLM",), width_field="intermediate_size")
