"""The whole main job on real input: all 14,042 MMLU questions, every token, on OLMoE's architecture.

`python -m tests.bench.real_mmlu [--folder DIR] [--questions N]` builds the narrow 16 x 64 OLMoE with OLMo's tokenizer,
records it in one command, and compares `show` and `report` with transformers alone on N questions. About ten minutes on
two cores.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from moe_core.commands.show import describe_question
from moe_core.traces.reader import open_trace
from tests.command_line import finish, moescope, start
from tests.independent import Agreement, IndependentMmlu, Reference, build_architecture_true, expected_report


def main() -> None:
    """Record, report and compare; leave with 1 when anything disagrees."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where model and traces go, and stay")
    parser.add_argument("--questions", type=int, default=200, help="how many are compared")
    arguments = parser.parse_args()
    if arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        sys.exit(run(arguments.folder, arguments.questions))
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(run(Path(folder), arguments.questions))


def run(folder: Path, n_questions: int) -> int:
    """0 when everything agrees."""
    model = folder / "olmoe-16x64"
    if not model.exists():
        build_architecture_true(model)
    whole = record(model, folder / "mmlu.h5")
    print(moescope("report", whole))
    print(moescope("verify", whole))
    shown, references = compare_show(model, whole, n_questions)
    return int(not (agrees(shown) and compare_report(model, folder, references)))


def record(model: Path, out: Path) -> Path:
    """All of MMLU in one command, with its peak memory."""
    if not out.exists():
        begin = time.perf_counter()
        command = start("record", "--model", model, "--quiz", "mmlu", "--offline", "--out", out)
        code, output, error = finish(command, timeout_s=7200)
        assert code == 0, error
        peak_gib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        seconds = time.perf_counter() - begin
        print(output.strip(), f"whole command {seconds:.0f} s, peak memory {peak_gib:.2f} GiB", sep="\n", flush=True)
    return out


def compare_show(model: Path, path: Path, n_questions: int) -> tuple[Agreement, dict[str, Reference]]:
    """`show` of evenly spread questions against transformers alone."""
    mmlu, agreement, references = IndependentMmlu(model), Agreement(), {}
    with open_trace(path) as trace:
        step = max(1, len(trace.ids) // n_questions)
        for question in range(0, step * n_questions, step):
            reference = references[trace.ids[question]] = mmlu.ask(trace.ids[question])
            agreement.add(describe_question(trace, question, all_tokens=True), reference)
    print(agreement)
    return agreement, references


def agrees(found: Agreement) -> bool:
    """Whether experts, weights and predictions are equal as far as the contract says."""
    exact = found.predictions_differ == found.answer_experts_differ == 0
    return exact and found.largest_gap < 1e-6 and found.largest_weight_error < 1e-3


def compare_report(model: Path, folder: Path, references: dict[str, Reference]) -> bool:
    """`report` of a trace of just those questions against one plain pass over their tokens."""
    ids, part = folder / "compared-ids.txt", folder / "compared.h5"
    ids.write_text("\n".join(references) + "\n", encoding="utf-8")
    part.unlink(missing_ok=True)
    moescope("record", "--model", model, "--quiz", "mmlu", "--offline", "--ids", ids, "--out", part)
    worst, equal = 0.0, True
    for scope in ("answer", "prompt"):
        found = json.loads(moescope("report", part, "--scope", scope, "--json"))
        expected = expected_report(list(references.values()), 8, answer_only=scope == "answer")
        equal &= abs(found["accuracy"] - expected["accuracy"]) < 1e-12
        for layer, known in zip(found["layers"], expected["layers"], strict=True):
            equal &= layer["experts_used"] == known["experts_used"]
            errors = [abs(layer[name] - known[name]) for name in ("entropy_mean", "entropy_std")]
            worst = max(worst, *errors)
    print(
        f"report of {len(references)} questions: experts used and accuracy equal: {equal}; entropies within {worst:.1e}"
    )
    return equal and worst < 1e-3


if __name__ == "__main__":
    main()
