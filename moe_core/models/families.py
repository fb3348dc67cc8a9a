"""The kinds of models that can be recorded and steered; a new one is one entry here.

OLMoE (https://arxiv.org/abs/2409.02060): every layer has experts, gate weights are usually not renormalised.
FlexOlmo (https://arxiv.org/abs/2507.07024): experts trained apart from each other, routed as in OLMoE.
Mixtral (https://arxiv.org/abs/2401.04088): few wide experts, gate weights always renormalised and kept float32.
Qwen2-MoE and Qwen1.5-MoE (https://arxiv.org/abs/2407.10671): a shared expert besides the routed ones.
Qwen3-MoE (https://arxiv.org/abs/2505.09388): 128 narrow experts, no shared one, some layers may be dense.
"""

from moe_core.models.family import ModelFamily

OLMOE = ModelFamily("olmoe", ("OlmoeForCausalLM",), width_field="intermediate_size")
MODEL_FAMILIES: tuple[ModelFamily, ...] = (
    OLMOE,
    ModelFamily("flex_olmo", ("FlexOlmoForCausalLM",), width_field="intermediate_size"),
    ModelFamily(
        "mixtral",
        ("MixtralForCausalLM",),
        width_field="intermediate_size",
        always_normalised=True,
        float32_weights=True,
        router_name="block_sparse_moe.gate",  # as saved; transformers renames it while loading
    ),
    ModelFamily("qwen2_moe", ("Qwen2MoeForCausalLM",), may_have_dense_layers=True),
    ModelFamily("qwen3_moe", ("Qwen3MoeForCausalLM",), may_have_dense_layers=True),
)
