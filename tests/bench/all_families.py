"""Builds a tiny model of every Mixture-of-Experts architecture, examines it, and writes docs/models.md.

python -m tests.bench.all_families [KIND ..]: without names all of them, and the page. Effect maps of the kinds are made
on the way, and their experts analysed.
"""

import sys
import tempfile
import textwrap
import time
from pathlib import Path

import transformers

from moe_core.models.loading.building import silence_libraries
from tests.architecture_truth import LOGPROBS, Finding, examine
from tests.family_uses import NATS, Uses, uses
from tests.popular_checkpoints import CHECKPOINTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
_HEAD = """# Models

Made by `python -m tests.bench.all_families` with transformers {version}: of every Mixture-of-Experts text
architecture a tiny model with random weights is built, checked and recorded (8 questions, two worked examples,
float32). Experts and weights of every token, and log-probabilities of all choices, are held against transformers'
own forward pass; then one expert of every layer (of every group) is re-routed, and held against a model that really
lacks them. {passed} of {all} pass: no token with other experts, log-probabilities within {limit:g}. Checkpoints are
examples; sizes decide whether one fits.

`moescope check-model M` says the same of a real checkpoint, and so does every load: *record* what reaches the
experts, *re-route* (equal to pruning), *drop and boost* (scale gate weights). *Scoring* is how router logits become
the router probabilities of a trace; where it is unknown they are left empty. *Prompts*: whole and alone where
prompts run in parts, or beside others, would be answered otherwise.

*Effect map*: made of 8 questions, and the measured effect of the strongest expert of every layer held against a
what-if of the whole model (within {nats:g} nats). *Analyses* of the experts: of their *weights*, of the rows of their
*routers*, of their *outputs* one by one, of their *neurons*.

Of a checkpoint that sees or hears (Gemma-4, Llama-4, MiniMax-M3, Aria, Mistral-Small-4, Qwen3.5 ..) the language
model alone is loaded, also where transformers has no causal class for that alone (Qwen3-VL, GLM-4.5V). Qwen3-Omni,
whose text part lies two levels deep, and ERNIE-4.5-VL, whose layers have experts for pictures beside those for text,
are refused in one sentence. Weights in mxfp4, mxfp8 and fp8 are loaded as plain numbers, others that are quantised
are refused.

| `model_type` | record | re-route | drop, boost | scoring | prompts | attention | effect map | analyses | checkpoints |
|---|---|---|---|---|---|---|---|---|---|
"""


def main(kinds: list[str]) -> None:
    """Examine, print, and write the page where all were asked for."""
    silence_libraries()
    findings = [_examined(kind) for kind in kinds or CHECKPOINTS]
    passed = sum(finding.passed and not used.problem for finding, used in findings)
    print(f"{passed} of {len(findings)} pass")
    if not kinds:
        head = _HEAD.format(
            version=transformers.__version__, passed=passed, all=len(findings), limit=LOGPROBS, nats=NATS
        )
        PAGE.write_text(_wrapped(head) + "".join(_row(*each) for each in findings), encoding="utf-8")


def _wrapped(head: str) -> str:
    paragraphs, bar, table = head.partition("\n| ")
    return "\n\n".join(textwrap.fill(part, 116) for part in paragraphs.split("\n\n")) + "\n" + bar + table


def _examined(kind: str) -> tuple[Finding, Uses]:
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        finding = examine(kind, Path(folder) / "examined")
        used = uses(kind, Path(folder) / "used") if finding.passed else Uses()
    state = "passed" if finding.passed and not used.problem else "FAILED"
    print(
        f"{state}  {kind:20} {finding.recorded} {finding.pruned} {finding.problem}{used.problem} map: {used.map_text}; "
        f"analyses: {used.analyses_text}; {time.perf_counter() - begin:.1f} s",
        flush=True,
    )
    return finding, used


def _row(finding: Finding, used: Uses) -> str:
    can = finding.abilities
    if can is None or not finding.passed:
        return f"| `{finding.kind}` | no | no | no | | | | | | {CHECKPOINTS[finding.kind]} |\n"
    reroute = "no" if not can.reroute else "yes"
    if can.fixed_layers:
        reroute = "not in layers that look experts up by token"
    prompts = "in parts" if can.share_prefixes else "whole"
    if can.exact_up_to:
        prompts = f"{prompts}; alone where sparse attention leaves tokens out"
    cells = ["yes", reroute, "yes" if can.weigh else "no", can.scoring, prompts, finding.attention]
    cells += [used.map_text, used.analyses_text, CHECKPOINTS[finding.kind]]
    return f"| `{finding.kind}` | {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main(sys.argv[1:])
