"""What a wrapped checkpoint calls the weights of its language model, put into the names that this model has alone.

Transformers declares what each released checkpoint is renamed and packed to when the whole is loaded; here the same is
done, and then the whole's own prefix is left out.
"""

from typing import Any

from moe_core.models.loading.architecture import Architecture

_ALONE = {
    r"^language_model\.": "model.language_model.",
    r"^model\.language_model\.model\.": "model.",
    r"^model\.language_model\.backbone\.": "backbone.",
    r"^model\.language_model\.lm_head\.": "lm_head.",
    r"^model\.language_model\.": "model.",
}


def names_alone(architecture: Architecture) -> dict[str, str] | None:
    """Patterns of names in the files and what takes their place, in turn; None where nothing is wrapped."""
    if not architecture.wrapper:
        return None
    from transformers.core_model_loading import WeightRenaming

    declared = {
        source: target
        for change in _changes(architecture.wrapper)
        if type(change) is WeightRenaming
        for source, target in zip(change._original_source_patterns, change._original_target_patterns, strict=True)
    }
    return declared | _ALONE


def declare_packing(architecture: Architecture) -> None:
    """Let transformers pack the language model's experts as it does the whole's, where it declares that only there."""
    from transformers.conversion_mapping import register_checkpoint_conversion_mapping
    from transformers.core_model_loading import WeightConverter

    if architecture.wrapper and not _changes(architecture.name):
        packing: list[Any] = [
            change for change in _changes(architecture.wrapper) if isinstance(change, WeightConverter)
        ]
        register_checkpoint_conversion_mapping(architecture.name, packing, overwrite=True)


def is_left_out(name: str, architecture: Architecture) -> bool:
    """Whether a tensor belongs to what is not run: layers that predict further tokens, or a wrapped model's eyes."""
    parts = name.split(".")
    layer = next((int(part) for part in parts if part.isdecimal()), -1)
    predicts = "mtp" in parts or ("layers" in parts and layer >= architecture.n_layers)
    sees = architecture.is_wrapped and not ("language_model" in parts or parts[:2] == ["model", "layers"])
    return predicts or sees


def _changes(kind: str) -> list[Any]:
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    return get_checkpoint_conversion_mapping(kind) or []
