"""The analyses of routing equal plain loops over every token of a real trace, and give known answers."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from moe_core.analyses.analysis import AnalysisOptions, AnalysisValues, Needs, Shown
from moe_core.analyses.expert_contributions import EXPERT_CONTRIBUTIONS
from moe_core.analyses.routing import ROUTING
from moe_core.analyses.routing.co_activation import CO_ACTIVATION
from moe_core.analyses.routing.cross_layer_flow import CROSS_LAYER_FLOW
from moe_core.analyses.routing.domain_specialisation import DOMAIN_SPECIALISATION
from moe_core.analyses.routing.expert_tokens import EXPERT_TOKENS
from moe_core.analyses.routing.load_balance import LOAD_BALANCE
from moe_core.analyses.routing.question_routing import QUESTION_ROUTING
from moe_core.analyses.routing.router_overlap import ROUTER_OVERLAP
from moe_core.analyses.routing.vocabulary_specialisation import LEAST_OCCURRENCES, VOCABULARY_SPECIALISATION
from moe_core.analyses.selected_trace import SelectedTrace, select_questions
from moe_core.errors import AnalysisError, QuizError, Remedy, TraceError
from moe_core.measures.clustered import clustered_share
from moe_core.measures.scope import Scope
from moe_core.reports.charts.figure import standalone_svg
from moe_core.traces.reader import Trace, open_trace
from tests.synthetic_checkpoint import run
from tests.traces.synthetic_run import SyntheticRun, record

L, E, K = 3, 16, 4
WHOLE = AnalysisOptions(expert=(1, 3))


@pytest.fixture
def trace(small_trace: Path) -> Iterator[Trace]:
    """The small trace, open."""
    with open_trace(small_trace) as opened:
        yield opened


def found_by(analysis: Any, trace: Trace, options: AnalysisOptions = WHOLE) -> AnalysisValues:
    """What an analysis finds in a trace; of two traces, in the same one twice."""
    chosen = select_questions(trace, options)
    found = run(analysis.compute((chosen, chosen) if analysis.needs is Needs.TWO_TRACES else chosen, options))
    assert isinstance(found, AnalysisValues)
    return found


def tokens(trace: Trace, rows: range | list[int] = range(12)) -> Iterator[tuple[int, int, Any]]:
    """Question, token id and experts [L, K] of every token of every prompt."""
    for row in rows:
        for token, experts in zip(trace.prompt_token_ids(row), trace.token_routing(row).experts, strict=True):
            yield row, int(token), experts


def test_pairs_and_flow_are_those_of_plain_loops(trace: Trace) -> None:
    """Each token counts in every prompt that it stands in, shared prefix or not."""
    together, flow, served = Counter[Any](), Counter[Any](), Counter[Any]()
    for _, _, experts in tokens(trace):
        for layer in range(L):
            for a in experts[layer]:
                served[layer, a] += 1
                together.update((layer, a, b) for b in experts[layer])
                flow.update((layer, a, b) for b in experts[(layer + 2) % L])
    pairs = found_by(CO_ACTIVATION, trace).values["share"]
    flows = found_by(CROSS_LAYER_FLOW, trace, AnalysisOptions(layers=(0,), to_layer=2)).values["share"]
    for layer, a, b in np.ndindex(L, E, E):
        if served[layer, a]:
            assert pairs[layer, a, b] == pytest.approx(together[layer, a, b] / served[layer, a])
        else:
            assert np.isnan(pairs[layer, a, b])
    for a, b in np.ndindex(E, E):
        if served[0, a]:
            assert flows[0, a, b] == pytest.approx(flow[0, a, b] / served[0, a])
    np.testing.assert_allclose(np.nansum(pairs, axis=2)[np.isfinite(pairs[..., 0])], K)


def test_subjects_and_load_are_those_of_plain_loops(trace: Trace) -> None:
    """Shares of tokens, rows sum to K; the interval holds the share."""
    counts, sizes = defaultdict(float), defaultdict(float)
    for row, _, experts in tokens(trace):
        for name in (str(trace.subjects[row]), "all"):
            sizes[name] += 1
            for layer, chosen in enumerate(experts):
                for expert in chosen:
                    counts[name, layer, int(expert)] += 1
    found, load = found_by(DOMAIN_SPECIALISATION, trace), found_by(LOAD_BALANCE, trace).values
    for layer, expert in np.ndindex(L, E):
        assert load["load"][layer, expert] == pytest.approx(counts["all", layer, expert] / sizes["all"])
        for at, name in enumerate(found.labels["subject"]):
            share = found.values["share"][layer, at, expert]
            assert share == pytest.approx(counts[name, layer, expert] / sizes[name], abs=1e-6)
            assert found.values["lower"][layer, at, expert] <= share + 1e-9
            assert found.values["upper"][layer, at, expert] >= share - 1e-9
    np.testing.assert_allclose(found.values["share"].sum(axis=2), K, rtol=1e-5)
    parts = load["load"] / load["load"].sum(axis=1, keepdims=True)
    expected = [-sum(p * np.log(p) for p in row if p > 0) / np.log(E) for row in parts]
    np.testing.assert_allclose(load["evenness"], expected)
    np.testing.assert_allclose(load["busiest"], load["load"].max(1) / (K / E), rtol=1e-5)


def test_the_selected_expert_is_outlined_where_a_map_is_of_layers_and_experts(trace: Trace) -> None:
    """In its own layer alone; the flow's colours follow all pairs, since no expert is paired with itself there."""
    for analysis, key in ((LOAD_BALANCE, "load"), (CO_ACTIVATION, "tokens"), (CROSS_LAYER_FLOW, "expected")):
        found = found_by(analysis, trace)
        assert analysis.figure(found, Shown(key, 1, 3)).selected == {(1, 3)}
        assert analysis.figure(found, Shown(key, 1)).selected == frozenset()
    flow = found_by(CROSS_LAYER_FLOW, trace)
    values = flow.values["share"].copy()
    values[0, 4, 4] = 3.5
    assert CROSS_LAYER_FLOW.figure(replace(flow, values={"share": values}), Shown("share", 0)).scale.high == 3.5


def test_experts_used_are_those_of_the_questions_chosen(trace: Trace) -> None:
    """In a subject alone, counted token by token; entropy is that of its tokens."""
    chosen = AnalysisOptions(subjects=("sums1",))
    found = found_by(EXPERT_CONTRIBUTIONS, trace, chosen).values
    rows = np.flatnonzero(trace.subjects == "sums1")
    routing = [trace.token_routing(row) for row in rows]
    for layer in range(L):
        used = {int(expert) for each in routing for expert in each.experts[:, layer].ravel()}
        assert found["experts_used"][layer] == len(used)
        q = np.concatenate([each.weights[:, layer] for each in routing]).astype(float)
        q /= q.sum(-1, keepdims=True)
        assert found["entropy_mean"][layer] == pytest.approx(float(-(q * np.log(q)).sum(-1).mean()), abs=1e-3)


def test_vocabulary_is_that_of_plain_loops(trace: Trace) -> None:
    """The favourite expert's share of each token seen often enough; above what shuffled tokens give."""
    served, seen = defaultdict(Counter[int]), Counter[int]()
    for _, token, experts in tokens(trace):
        seen[token] += 1
        served[token].update(int(expert) for expert in experts[1])
    frequent = [token for token, times in seen.items() if times >= LEAST_OCCURRENCES]
    shares = [served[token].most_common(1)[0][1] / seen[token] for token in frequent]
    expected, (low, high) = np.mean(shares), ttest_1samp(shares, 0.0).confidence_interval(0.95)
    found = found_by(VOCABULARY_SPECIALISATION, trace).values
    assert found["input"][1] == pytest.approx(expected)
    assert found["input_lower"][1] == pytest.approx(max(low, 0))
    assert found["input_upper"][1] == pytest.approx(min(high, 1))
    assert (found["next_upper"] <= 1).all()
    assert (found["input"] > found["input_chance"]).all()
    assert (found["next"] <= found["input"]).all()  # an untrained router knows the token that it sees


def test_tokens_of_an_expert_are_those_of_plain_loops(trace: Trace) -> None:
    """How often each was served, most often first."""
    served, seen = Counter[int](), Counter[int]()
    for _, token, experts in tokens(trace):
        seen[token] += 1
        served[token] += int(3 in experts[1])
    found = found_by(EXPERT_TOKENS, trace)
    expected = sorted((n for n in served.values() if n), reverse=True)
    assert found.values["served"][0].tolist() == expected
    first = found.labels["token"][0]
    (token,) = (token for token in seen if trace.token_texts([token]) == [first])
    assert found.values["occurrences"][0, 0] == seen[token]
    assert found.layers == (1,)


def test_a_question_s_tokens_and_experts(trace: Trace) -> None:
    """Gate weights where an expert was chosen, nothing elsewhere."""
    found = found_by(QUESTION_ROUTING, trace, AnalysisOptions(question="q5"))
    routing = trace.token_routing(5)
    T = len(routing.experts)
    assert found.values["weight"].shape == (L, T, E)
    assert np.isfinite(found.values["weight"]).sum() == L * T * K
    assert found.values["weight"][2, 4, routing.experts[4, 2, 1]] == routing.weights[4, 2, 1]
    np.testing.assert_array_equal(found.values["favourite"][2], routing.experts[:, 2, 0])
    with pytest.raises(TraceError, match="no question"):
        found_by(QUESTION_ROUTING, trace, AnalysisOptions(question="nobody"))


@pytest.mark.parametrize("scope", Scope)
def test_a_router_overlaps_wholly_with_itself(trace: Trace, scope: Scope) -> None:
    """In every scope; the interval ends at 1."""
    found = found_by(ROUTER_OVERLAP, trace, AnalysisOptions(scope=scope)).values
    np.testing.assert_allclose(found["overlap"], 1.0)
    np.testing.assert_allclose(found["upper"], 1.0)
    assert (found["lower"] < 1).all()
    assert found["chance"].tolist() == [K / E] * L


def test_unrelated_routers_overlap_by_chance(tmp_path: Path) -> None:
    """Two runs with random experts, drawn without repeats: k / E lies inside the interval."""
    runs = [SyntheticRun(n_questions=60, top_k=1, seed=seed) for seed in (0, 0)]
    paths = [record(tmp_path / f"{n}.h5", each) for n, each in enumerate(runs)]
    with open_trace(paths[0]) as one, open_trace(paths[1]) as other:
        rolled = _Rolled(other)
        pair = (select_questions(one, WHOLE), SelectedTrace(rolled, np.arange(60)))  # type: ignore[arg-type]
        found = run(ROUTER_OVERLAP.compute(pair, AnalysisOptions(scope=Scope.QUESTION)))
    assert isinstance(found, AnalysisValues)
    assert (found.values["lower"] < 1 / 8).all()
    assert (found.values["upper"] > 1 / 8).all()


class _Rolled:
    """A trace whose experts are another, random, choice."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._rng = np.random.default_rng(3)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trace, name)

    def segment_tokens(self, *where: Any) -> Any:
        """The rows with experts shuffled among each other."""
        tokens = self._trace.segment_tokens(*where)
        shape = tokens.routing.experts.shape
        return replace(tokens, routing=replace(tokens.routing, experts=self._rng.integers(0, 8, shape)))


def test_unlike_models_are_named(small_trace: Path, tmp_path: Path) -> None:
    """One sentence says in what they differ."""
    other = record(tmp_path / "S.h5", SyntheticRun())
    with open_trace(small_trace) as one, open_trace(other) as two:
        chosen = select_questions(one, WHOLE), select_questions(two, WHOLE)
        with pytest.raises(AnalysisError, match="experts per layer 16 and 8"):
            run(ROUTER_OVERLAP.compute(chosen, WHOLE))


@pytest.mark.parametrize("analysis", ROUTING, ids=lambda analysis: analysis.name)
@pytest.mark.parametrize("expert", [None, 3])
def test_a_selection_counts_alone_and_figures_can_be_drawn(trace: Trace, analysis: Any, expert: int | None) -> None:
    """Layers and questions as chosen; every key has a figure."""
    options = AnalysisOptions(layers=(1,), subjects=("sums1",), ids=("q1", "q4", "q5"), expert=(1, 3))
    chosen = select_questions(trace, options)
    assert chosen.rows.tolist() == [1, 4]
    found = found_by(analysis, trace, options)
    assert found.layers == (1,)
    for key in found.values:
        assert "<svg" in standalone_svg(analysis.figure(found, Shown(key, 0, expert)))


@pytest.mark.parametrize("analysis", [a for a in ROUTING if a.needs is Needs.TRACE], ids=lambda a: str(a.name))
def test_a_trace_without_tokens_is_told(tmp_path: Path, analysis: Any) -> None:
    """Where tokens are needed; what sums are enough for is computed."""
    path = record(tmp_path / "S.h5", SyntheticRun(keeps_tokens=False))
    with open_trace(path) as trace:
        if analysis in (DOMAIN_SPECIALISATION, LOAD_BALANCE):
            found_by(analysis, trace)
            return
        with pytest.raises(AnalysisError, match="keeps the answer position only") as error:
            found_by(analysis, trace)
        assert Remedy.KEEP_ALL_TOKENS in error.value.remedies
        if analysis is not QUESTION_ROUTING:
            found_by(analysis, trace, AnalysisOptions(scope=Scope.ANSWER, expert=(1, 3)))


def test_what_is_not_there_is_told(trace: Trace) -> None:
    """Subjects, ids, experts and layers."""
    with pytest.raises(QuizError):
        select_questions(trace, AnalysisOptions(subjects=("law",)))
    with pytest.raises(TraceError, match="no question"):
        select_questions(trace, AnalysisOptions(ids=("x",)))
    with pytest.raises(AnalysisError, match="no expert 16"):
        found_by(EXPERT_TOKENS, trace, AnalysisOptions(expert=(0, 16)))
    with pytest.raises(AnalysisError, match="No layer follows layer 2"):
        found_by(CROSS_LAYER_FLOW, trace, AnalysisOptions(layers=(2,)))


def test_an_interval_over_questions_is_wider_where_their_tokens_are_alike() -> None:
    """Ten questions of 50 tokens: independent ones against all or nothing; Wilson's own where each has one token."""
    from moe_core.numbers.intervals import wilson_95

    sizes = np.full(10, 50.0)
    alike = clustered_share(np.array([50.0, 0.0] * 5)[:, None], sizes)
    spread = clustered_share(np.array([22.0, 28.0] * 5)[:, None], sizes)
    assert alike.share == spread.share == 0.5
    assert alike.upper - alike.lower > 4 * (spread.upper - spread.lower)
    ones = clustered_share((np.arange(100) < 30).astype(float)[:, None], np.ones(100))
    assert ones.lower[0] == pytest.approx(float(wilson_95(0.3, 99).lower))
    none = clustered_share(np.zeros((20, 1)), np.full(20, 5.0))
    assert none.upper[0] == pytest.approx(float(wilson_95(0.0, 20).upper))


def test_the_command_reads_a_trace(small_trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a selection, of two traces, and without the second one."""
    import json

    from moe_core.commands.analyse import run_analysis

    run_analysis("co-activation", small_trace, subjects="sums1", layers="2", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert (data["layers"], np.array(data["values"]["share"]).shape) == ([2], (1, E, E))
    other = Path(shutil.copy(small_trace, tmp_path / "other.h5"))
    run_analysis("router-overlap", small_trace, other, as_json=True)
    assert json.loads(capsys.readouterr().out)["values"]["overlap"] == [1.0] * L
    with pytest.raises(AnalysisError, match="compares two traces"):
        run_analysis("router-overlap", small_trace)
    with pytest.raises(AnalysisError, match="needs a trace"):
        run_analysis("co-activation")
    with pytest.raises(AnalysisError, match="one expert, and none is named"):
        run_analysis("expert-tokens", small_trace)
