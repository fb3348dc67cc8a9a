"""The demo's figures: measured on the shipped model, kept as figures.json and as a section of README.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from demo_measurement import (
    QUARTER_SEEDS,
    Expert,
    answer_routing,
    correct_answers,
    random_quarter,
    rerouted,
    tokenised,
)
from demo_quiz import QuizQuestion
from torch import Tensor
from transformers import OlmoeForCausalLM, PreTrainedTokenizerFast

SCREENED_SHARE = 2
"""Every single expert is tried on each second question; the most harmful ones then on all."""
SHORTLIST = 12
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(frozen=True)
class ExpertEffect:
    """What re-routing one expert costs, in points of accuracy (positive: worse than before)."""

    layer: int
    expert: int
    drop_points: float
    drop_points_by_subject: dict[str, float]

    def contrast(self) -> tuple[float, str, float, float]:
        """The subject hurt most against the rest: (difference, subject, its drop, mean drop of the others)."""
        drops = self.drop_points_by_subject
        total, others = sum(drops.values()), len(drops) - 1
        rows = [
            (drop - (total - drop) / others, subject, drop, (total - drop) / others) for subject, drop in drops.items()
        ]
        return max(rows)


@dataclass(frozen=True)
class Figures:
    """Everything the README says about the shipped model; accuracies in percent, drops in points."""

    questions: int
    accuracy_percent: float
    accuracy_percent_by_subject: dict[str, float]
    experts: int
    chosen: int
    experts_used: list[int]
    never_used: list[list[int]]
    entropy_mean: list[float]
    worst_experts: list[ExpertEffect]
    subject_experts: list[ExpertEffect]
    quarter_seeds: list[int]
    quarter_drops_points: list[float]


class Bench:
    """The model, the quiz and the answers without any mask, ready to be compared with masked ones."""

    def __init__(
        self, model: OlmoeForCausalLM, tokenizer: PreTrainedTokenizerFast, questions: Sequence[QuizQuestion]
    ) -> None:
        self.model = model
        self.questions = questions
        self.prompts = tokenised(tokenizer, questions)
        self.correct = correct_answers(model, self.prompts)

    def drop(self, experts: set[Expert]) -> Tensor:
        """[N] in -1, 0, 1: the loss of each answer when these experts are re-routed."""
        with rerouted(self.model, experts):
            return self.correct.int() - correct_answers(self.model, self.prompts).int()

    def by_subject(self, values: Tensor) -> dict[str, float]:
        """Means of [N] values for each subject, times 100, rounded to 2 places."""
        subjects = [question.subject for question in self.questions]
        return {
            subject: percent(values[torch.tensor([other == subject for other in subjects])])
            for subject in dict.fromkeys(subjects)
        }

    def effect(self, layer: int, expert: int) -> ExpertEffect:
        """The cost of re-routing one expert."""
        drop = self.drop({(layer, expert)})
        return ExpertEffect(layer, expert, percent(drop), self.by_subject(drop))


def percent(values: Tensor) -> float:
    """100 times the mean, rounded to 2 places."""
    return round(100 * values.float().mean().item(), 2)


def measure(model: OlmoeForCausalLM, tokenizer: PreTrainedTokenizerFast, questions: Sequence[QuizQuestion]) -> Figures:
    """All figures of the model on the quiz."""
    bench = Bench(model, tokenizer, questions)
    ids, weights = answer_routing(model, bench.prompts)  # [N, L, K]
    used = [sorted(set(ids[:, layer].flatten().tolist())) for layer in range(ids.shape[1])]
    experts = model.config.num_experts
    shares = weights / weights.sum(-1, keepdim=True)
    entropy = -(shares * shares.clamp_min(1e-12).log()).sum(-1)  # [N, L]
    worst, specific = single_effects(bench, tokenizer, used)
    return Figures(
        questions=len(questions),
        accuracy_percent=percent(bench.correct),
        accuracy_percent_by_subject=bench.by_subject(bench.correct),
        experts=experts,
        chosen=model.config.num_experts_per_tok,
        experts_used=[len(layer) for layer in used],
        never_used=[[expert for expert in range(experts) if expert not in layer] for layer in used],
        entropy_mean=[round(value, 3) for value in entropy.mean(0).tolist()],
        worst_experts=worst,
        subject_experts=specific,
        quarter_seeds=list(QUARTER_SEEDS),
        quarter_drops_points=[percent(bench.drop(random_quarter(model, seed))) for seed in QUARTER_SEEDS],
    )


def single_effects(
    bench: Bench, tokenizer: PreTrainedTokenizerFast, used: list[list[int]]
) -> tuple[list[ExpertEffect], list[ExpertEffect]]:
    """The experts that cost most overall, and those that cost one subject most against the rest."""
    screen = Bench(bench.model, tokenizer, bench.questions[::SCREENED_SHARE])
    experts = range(bench.model.config.num_experts)
    screened = [screen.effect(layer, expert) for layer in range(len(used)) for expert in experts]
    overall = sorted(screened, key=lambda effect: -effect.drop_points)[:SHORTLIST]
    specific = sorted(screened, key=lambda effect: -effect.contrast()[0])[:SHORTLIST]
    places = sorted({(effect.layer, effect.expert) for effect in (*overall, *specific)})
    measured = [bench.effect(layer, expert) for layer, expert in places]
    worst = sorted(measured, key=lambda effect: -effect.drop_points)[:5]
    return worst, sorted(measured, key=lambda effect: -effect.contrast()[0])[:5]


def as_markdown(figures: Figures) -> str:
    """The figures as the README's section."""
    drops = figures.quarter_drops_points
    lines = [
        f"Accuracy {figures.accuracy_percent:.1f} % of {figures.questions} questions (chance 25 %), zero-shot:",
        "",
        "| subject | accuracy |",
        "|---|---|",
        *(f"| {subject} | {value:.1f} % |" for subject, value in figures.accuracy_percent_by_subject.items()),
        "",
        f"Experts used at the answer position over the whole quiz, of {figures.experts}, and mean entropy of the "
        f"{figures.chosen} gate weights (nats):",
        "",
        "| layer | experts used | never used | entropy |",
        "|---|---|---|---|",
        *layer_rows(figures),
        "",
        "Re-routing one expert (router logit to minus infinity, the next-best expert steps in), most harmful first:",
        "",
        "| layer | expert | accuracy lost, points | most in | points there | mean of the other subjects |",
        "|---|---|---|---|---|---|",
        *effect_rows(figures.worst_experts),
        "",
        "Experts that hurt one subject much more than the others:",
        "",
        "| layer | expert | accuracy lost, points | most in | points there | mean of the other subjects |",
        "|---|---|---|---|---|---|",
        *effect_rows(figures.subject_experts),
        "",
        f"Re-routing a random quarter of every layer's experts costs {sum(drops) / len(drops):.1f} points on average "
        f"({min(drops):.1f} to {max(drops):.1f} over {len(drops)} seeded draws).",
    ]
    return "\n".join(lines)


def layer_rows(figures: Figures) -> list[str]:
    """One table row a layer."""
    rows = zip(figures.experts_used, figures.entropy_mean, strict=True)
    return [
        f"| {layer} | {used} | {figures.experts - used} | {entropy:.2f} |" for layer, (used, entropy) in enumerate(rows)
    ]


def effect_rows(effects: list[ExpertEffect]) -> list[str]:
    """One table row an expert."""
    rows = []
    for effect in effects:
        _, subject, there, elsewhere = effect.contrast()
        numbers = f"{effect.drop_points:.1f} | {subject} | {there:.1f} | {elsewhere:.1f}"
        rows.append(f"| {effect.layer} | {effect.expert} | {numbers} |")
    return rows


def write_figures(folder: Path, figures: Figures) -> None:
    """Writes figures.json and replaces the figures section of README.md."""
    (folder / "figures.json").write_text(json.dumps(asdict(figures), indent=1) + "\n", encoding="utf-8")
    readme = folder / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{as_markdown(figures)}\n{END}{after}", encoding="utf-8")
