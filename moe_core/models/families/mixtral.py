"""Mixtral (https://arxiv.org/abs/2401.04088): few wide experts, gate weights always renormalised and kept float32."""

from moe_core.models.families.softmax_top_k import SoftmaxTopK

MIXTRAL = SoftmaxTopK(
    name="mixtral",
    architectures=("MixtralForCausalLM",),
    width_field="intermediate_size",
    always_normalised=True,
    float32_weights=True,
    router_name="block_sparse_moe.gate",  # as saved; transformers renames it while loading
)
