"""What the command line says of each remedy: options and commands by name."""

from collections.abc import Iterable

from moe_core.errors import AnyRemedy, FetchModel, InstallExtra, Remedy

WORDS = {
    Remedy.RERUN_BASELINE: "With --rerun-baseline the baseline's questions are asked here too, and compared with that.",
    Remedy.RERUN_ELSEWHERE: "What is elsewhere now can be named with --model, --device and --dtype, together with "
    "--rerun-baseline.",
    Remedy.NAME_MODEL: "With --model say where the same model lies now.",
    Remedy.RESUME: "The command moescope resume asks what is missing or damaged.",
    Remedy.RESUME_WHERE_MOVED: "Where it lies elsewhere now, moescope resume goes on with it there.",
    Remedy.CHOOSE_OTHER_NAME: "Give another name with --out.",
    Remedy.NAME_EXPERTS: "Name some with --mask or --intervention.",
    Remedy.LIST_KEPT_EXPERTS: "Or take the list of what is kept with --keep-list FILE.",
    Remedy.CHOOSE_DEVICE_OR_DTYPE: "Free memory there, or choose another --device or --dtype.",
    Remedy.USE_FLOAT32: "In another number format (--dtype float32) they may be.",
    Remedy.USE_PLAIN_PROTOCOL: "Use --protocol plain.",
    Remedy.USE_OTHER_PROTOCOL: "Choose a model with another tokenizer, or the other --protocol.",
    Remedy.SKIP_TOO_LONG: "Ask with fewer --shots, or leave them out with --skip-too-long.",
    Remedy.KEEP_ALL_TOKENS: "Record again with --tokens all.",
    Remedy.KEEP_ANSWER_TOKENS: "Or record with --tokens answer.",
    Remedy.LEAVE_NETWORK_FOLDER: "Choose a local disk, or add --allow-network-folder.",
    Remedy.COPY_OR_RECORD_AGAIN: "Copy it again, or record anew.",
    Remedy.CHOOSE_TEMPLATE: "Choose one with --template NAME.",
    Remedy.SET_THINKING: "Set it with --template-args enable_thinking=false (or true).",
    Remedy.COUNT_FROM_ONE: "Add --answers-from 1 where they are, or --answers-from 0 where they are not.",
    Remedy.NAME_WEIGHTS: "With --model say where it lies.",
    Remedy.NAME_EXPERT: "Name one with --expert L:E.",
    Remedy.SAMPLE_PAIRS: "With --pairs N only so many pairs of each layer are matched, drawn at random.",
    Remedy.SAY_WHAT_ANSWERS_ARE: "Add --answers-from 0, 1, letters or texts.",
    Remedy.START_CLUSTER: "Start it with ray start --head, on each other node, here too, with --address HOST:PORT.",
    Remedy.RAISE_BUDGET: "Set it with --budget.",
    Remedy.DROP_INSTEAD: "Give --effect drop.",
    Remedy.RECORD_UNCOMPILED: "Record without --compile.",
    Remedy.COPY_WITHOUT_HOLES: "Copy it again without holes (cp --sparse=never).",
}


def in_words(remedy: AnyRemedy) -> str:
    """One sentence of advice."""
    match remedy:
        case InstallExtra(extra):
            return f'Install it with pip install "moescope[{extra}]".'
        case FetchModel(name):
            return f"What a trace names is not fetched by itself: moescope check-model {name} does."
    return WORDS[remedy]


def with_remedies(sentence: str, remedies: Iterable[AnyRemedy]) -> str:
    """What went wrong and what helps, in one line."""
    return " ".join([sentence, *map(in_words, remedies)])
