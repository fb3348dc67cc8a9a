"""What config.json means, read by transformers' own configuration classes: which class to build, and its sizes.

Names of sizes differ from family to family; each configuration class maps most of its own to common ones.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from moe_core.errors import MissingExtraError, ModelError
from moe_core.system.torch_library import load_torch_library

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_CHOSEN = ("num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_top_k", "moe_k")
_WIDTHS = ("moe_intermediate_size", "expert_ffn_hidden_size", "ffn_hidden_size", "intermediate_size")
_LAYERS = ("num_layers", "num_hidden_layers")
_TEXT = "text_config"
_CAUSAL = "ForCausalLM"


@dataclass(frozen=True)
class Architecture:
    """One kind of model; `name` is the `model_type` of its text part, `class_name` the class that is built: a causal
    language model, or a text model that is given its head here.

    `wrapper`: the `model_type` of the whole where the checkpoint holds a vision or audio part too, which is left out;
    else empty. `config` is the configuration object of the text part.
    """

    name: str
    class_name: str
    wrapper: str
    config: Any

    @property
    def is_wrapped(self) -> bool:
        """Whether the checkpoint holds more than the language model."""
        return bool(self.wrapper)

    @property
    def n_experts(self) -> int:
        """Number of routed experts per MoE layer, E."""
        return int(_first(self.config, _EXPERTS))

    @property
    def top_k(self) -> int:
        """Number of experts chosen per token, K."""
        return int(_first(self.config, _CHOSEN))

    @property
    def expert_width(self) -> int:
        """Number of neurons of one expert, I."""
        return int(_first(self.config, _WIDTHS))

    @property
    def n_layers(self) -> int:
        """Number of decoder layers, with and without experts."""
        return int(_first(self.config, _LAYERS))

    @property
    def hidden_size(self) -> int:
        """Width of the residual stream, H."""
        return int(self.config.hidden_size)

    def model_class(self) -> Any:
        """The class of transformers; imports torch."""
        found = getattr(importlib.import_module(_module(self.name)), self.class_name)
        if self.class_name.endswith(_CAUSAL):
            return found
        from moe_core.models.loading.checks.text_alone import with_head

        return with_head(found)


def architecture_of(config: Mapping[str, Any]) -> Architecture:
    """What config.json names; raises ModelError for what transformers does not know or what has no experts."""
    kind = config.get("model_type")
    configuration = _configuration_class(kind)
    if configuration is None:
        raise _unknown(config)
    wrapper = str(kind) if _TEXT in configuration.sub_configs and _TEXT in config else ""
    if wrapper:
        _refuse_text_config(config)
        kind = str(config[_TEXT].get("model_type") or configuration.sub_configs[_TEXT].model_type)
        configuration = _configuration_class(kind)
        if configuration is None:
            raise _unknown(config)
    name = _class_name(str(kind), config, is_wrapped=bool(wrapper))
    built = _built(configuration, _with_tie(config) if wrapper else config)
    if not all(_has(built, names) for names in (_EXPERTS, _CHOSEN)):
        raise ModelError(f"config.json describes a {kind} model without experts: there is no routing to record.")
    return Architecture(str(kind), name, wrapper, built)


def alias_of(config: Mapping[str, Any], field: str) -> str:
    """The key under which config.json gives a size that has the common name `field`."""
    configuration = _configuration_class(config.get("model_type"))
    own = (configuration.attribute_map if configuration else {}).get(field, field)
    return own if own in config or field not in config else field


def text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys that describe the language model: those of `text_config` where the model is wrapped."""
    configuration = _configuration_class(config.get("model_type"))
    if configuration is not None and _TEXT in configuration.sub_configs and isinstance(config.get(_TEXT), dict):
        part: Mapping[str, Any] = config[_TEXT]
        return part
    return config


def _configuration_class(kind: object) -> Any:
    load_torch_library()
    try:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    except ImportError as error:
        raise MissingExtraError("model", "Loading a model") from error
    return CONFIG_MAPPING[kind] if isinstance(kind, str) and kind in CONFIG_MAPPING else None


def _built(configuration: Any, config: Mapping[str, Any]) -> Any:
    from huggingface_hub.errors import StrictDataclassError

    try:
        built = configuration.from_dict(configuration._decode_special_floats({**config, "auto_map": None}))
    except (*UNUSABLE, StrictDataclassError) as error:
        raise ModelError(f"config.json cannot be used: {in_one_line(error)}.") from error
    built.allow_global_per_layer_attribute_access = True  # sizes are asked for the whole, even where layers differ
    return built


def _class_name(kind: str, config: Mapping[str, Any], *, is_wrapped: bool) -> str:
    """The causal language model of a kind; raises ModelError where transformers has none, or the checkpoint another."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES as HEADLESS

    named = _named(config)
    if kind in KNOWN and (is_wrapped or not named or KNOWN[kind] in named):
        return str(KNOWN[kind])
    own = _causal_class(kind)
    if own and (is_wrapped or own in named):
        return own
    if is_wrapped and kind in HEADLESS:
        return str(HEADLESS[kind])
    raise _unknown(config)


def _causal_class(kind: str) -> str | None:
    """The one causal model that a kind's own module lists, where the table of transformers leaves it out."""
    try:
        listed = importlib.import_module(_module(kind)).__all__
    except (ImportError, AttributeError):
        return None
    return next((str(name) for name in listed if name.endswith(_CAUSAL)), None)


def _module(kind: str) -> str:
    from transformers.models.auto.configuration_auto import model_type_to_module_name

    name = model_type_to_module_name(kind)
    return f"transformers.models.{name}.modeling_{name}"


def _named(config: Mapping[str, Any]) -> list[str]:
    architectures = config.get("architectures")
    return [name for name in architectures if isinstance(name, str)] if isinstance(architectures, list) else []


def _refuse_text_config(config: Mapping[str, Any]) -> None:
    if not isinstance(config[_TEXT], dict):
        raise ModelError("config.json's text_config is not an object of its own.")


def _with_tie(config: Mapping[str, Any]) -> dict[str, Any]:
    """The text part; whether its head is its embedding is said for the whole."""
    name = "tie_word_embeddings"
    return {**config[_TEXT], **({name: config[name]} if name in config else {})}


def _unknown(config: Mapping[str, Any]) -> ModelError:
    import transformers

    kind = config.get("model_type")
    shown = ", ".join(_named(config)) or (kind if isinstance(kind, str) else "") or "no architecture"
    return ModelError(
        f"config.json names {shown[:80]}, which is not supported: transformers {transformers.__version__} has no text "
        "model of this kind with experts behind a router."
    )


def _has(config: Any, names: tuple[str, ...]) -> bool:
    return any(_value(config, name) is not None for name in names)


def _first(config: Any, names: tuple[str, ...]) -> Any:
    found = next(value for name in names if (value := _value(config, name)) is not None)
    return max(found) if isinstance(found, list) and found else found  # one for each layer (Hunyuan-A13B)


def _value(config: Any, name: str) -> Any:
    """A size of the configuration, or of the part that describes its experts (DBRX); what its class knows, no more."""
    inner = getattr(config, "ffn_config", None)
    found = None if inner is None else _value(inner, name)
    kind = type(config)
    known = {field.name for field in fields(kind)} | set(kind.attribute_map) | set(vars(kind))
    return found if found is not None or name not in known else getattr(config, name, None)


# What transformers raises when a file holds something that it did not expect; memory and interrupts are not among them.
UNUSABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RuntimeError)


def in_one_line(error: Exception) -> str:
    """What a library says, short enough for a sentence of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, KeyError):
        text += " is not known"
    return text[:300].rstrip(".:;, ")
