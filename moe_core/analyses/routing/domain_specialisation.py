"""How much of each subject every expert serves, beside the uniform share k / E (https://arxiv.org/abs/2409.02060)."""

import numpy as np

from moe_core.analyses.analysis import Analysis, AnalysisOptions, AnalysisValues, Needs, Shown, Step, Work
from moe_core.analyses.routing.co_activation import OLMOE
from moe_core.analyses.selected_trace import SelectedTrace
from moe_core.figures.bars import BarFigure, BarRow
from moe_core.figures.curves import Reference
from moe_core.figures.expert_pairs import pair_map
from moe_core.figures.heat_map import HeatMapFigure
from moe_core.measures.clustered import clustered_share
from moe_core.numbers.formatting import percent, percent_with_interval


def compute(chosen: SelectedTrace, options: AnalysisOptions) -> Work:
    """Keys share, lower and upper [L, S, E]: the share of a subject's tokens that chose the expert; rows sum to K.

    The interval is over questions, since the tokens of one are alike. uniform is k / E.
    """
    drawn, places = chosen.routing(options.scope), chosen.places(options)
    subjects, names = np.array(drawn.subjects), drawn.subject_names
    found = np.zeros((3, len(places), len(names), drawn.n_experts))
    for number, name in enumerate(names):
        rows = drawn.questions[subjects == name]
        sizes = drawn.routing.n_tokens[rows].astype(np.float64)
        for at, place in enumerate(places):
            counts = drawn.routing.token_count[rows, place].astype(np.float64)
            of = clustered_share(counts, sizes)
            found[:, at, number] = of.share, of.lower, of.upper
        yield Step(number + 1, len(names), "subjects")
    share, lower, upper = found
    uniform = np.full(len(places), drawn.top_k / drawn.n_experts)
    return AnalysisValues(
        tuple(chosen.layers[place] for place in places),
        ("layer", "subject", "expert"),
        "share of tokens",
        {"share": share, "lower": lower, "upper": upper, "uniform": uniform},
        {"subject": names},
        (f"{drawn.n_tokens:,} tokens of {len(drawn.questions):,} questions, intervals over questions.",),
    )


def figure(found: AnalysisValues, shown: Shown) -> HeatMapFigure | BarFigure:
    """Subjects by experts; of a selected expert its subjects as dots with intervals, beside the uniform share."""
    names, layer = found.labels["subject"], found.layers[shown.place]
    if shown.expert is None:
        key = shown.key if found.values[shown.key].ndim == 3 else "share"
        values = found.values[key][shown.place]
        numbers = tuple(map(str, range(values.shape[1])))
        title = f"Experts by subject, layer {layer}"
        return pair_map(values, title, "share of tokens", names=names, axes=("subject", "expert"), column_names=numbers)
    at = (shown.place, slice(None), shown.expert)
    uniform = float(found.values["uniform"][shown.place])
    columns = (found.values[key][at].tolist() for key in ("share", "lower", "upper"))
    rows = [
        BarRow(name, share, percent_with_interval(share, low, high), lower=low, upper=high)
        for name, share, low, high in zip(names, *columns, strict=True)
    ]
    rows.sort(key=lambda row: -row.value)
    return BarFigure(
        rows=tuple(rows),
        references=(Reference(uniform, f"uniform, k / E = {percent(uniform)}"),),
        is_dots=True,
        unit="share of tokens",
        title=f"Subjects of expert {shown.expert}, layer {layer}",
        format_value=percent,
    )


DOMAIN_SPECIALISATION = Analysis(
    name="domain-specialisation",
    title="Experts by subject",
    question="Which subjects does an expert serve more than others?",
    source=OLMOE,
    needs=Needs.TRACE,
    reads=("scope", "subjects", "ids"),
    compute=compute,
    figure=figure,
)
