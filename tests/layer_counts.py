"""How many experts of each layer a mask acts on."""

from collections import Counter

from moe_core.interventions.intervention import Intervention


def layer_counts(mask: Intervention) -> Counter[int]:
    """By layer, those left alone not among them."""
    return Counter(layer for layer, _ in mask.experts)
