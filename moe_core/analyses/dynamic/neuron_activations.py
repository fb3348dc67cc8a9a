"""How strongly the neurons of an expert fire for each token of a question (D3 of https://arxiv.org/abs/2406.18219)."""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Shown, Work
from moe_core.analyses.dynamic.prompt_activations import PromptActivations
from moe_core.analyses.static.cosine import PAPER
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure

_TOGETHER = "This family has no gate apart: shown is what goes into the down projection."


def compute(prompts: PromptActivations, options: AnalysisOptions) -> Work:
    """Keys activation [1, T, I], act(gate_proj(x)) whether or not the token chose the expert; chosen [1, T], 1 or 0.

    Where a family has no gate apart from the up projection, what goes into the down projection, as a note says.
    """
    assert prompts.expert is not None, "who opens the source refuses that"
    place, expert = prompts.expert
    layers = yield from prompts.counted()
    first = next(layer for layer in layers if layer.neurons is not None)
    assert first.neurons is not None
    values = {
        "activation": first.neurons[None].astype(np.float64),
        "chosen": (first.ids == expert).any(axis=1)[None].astype(np.float64),
    }
    labels = {"token": prompts.tokens, "expert": (str(expert),), "question": prompts.ids[:1]}
    axes = ("layer", "token", "neuron")
    notes = () if first.gate_is_apart else (_TOGETHER,)
    return AnalysisValues((prompts.layers[place],), axes, "activation", values, labels, notes)


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure:
    """Tokens by neurons; those tokens that chose the expert are marked with an asterisk."""
    values, chosen = found.values["activation"][0], found.values["chosen"][0]
    texts = zip(found.labels["token"], chosen.tolist(), strict=True)
    names = tuple(f"* {text}" if is_chosen else text for text, is_chosen in texts)
    title = f"Neurons of expert {found.labels['expert'][0]}, layer {found.layers[0]}; * chose it"
    numbers = tuple(map(str, range(values.shape[1])))
    return pair_map(
        values, title, "activation", names=names, is_signed=True, axes=("token", "neuron"), column_names=numbers
    )


NEURON_ACTIVATIONS = Analysis(
    name="neuron-activations",
    title="Neurons at work",
    question="Which neurons of an expert fire for which tokens?",
    source=PAPER,
    needs=Needs.MODEL,
    reads=("question", "expert"),
    compute=compute,
    figure=figure,
)
