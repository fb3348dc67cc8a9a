"""What exactly was run: enough to run it again, stored as JSON in every trace."""

import builtins
import json
from dataclasses import asdict, dataclass, field, fields, replace
from hashlib import sha256
from typing import Any, TypeVar, get_args, get_origin

from moe_core.errors import InterventionError, TraceError
from moe_core.interventions.grouped import Groups
from moe_core.interventions.intervention import Intervention
from moe_core.interventions.layers import Layers
from moe_core.traces.abilities import Abilities as Abilities

T = TypeVar("T")

NEWEST_BATCH_PLAN, ONE_PREFIX_BATCH_PLAN = 5, 4
"""How moescope puts questions into batches now (models/inference/planning/), and where prefixes may not be mixed."""
UNKNOWN_SCORING = "unknown"
_LONGEST_TEXT = 10_000
_LARGEST_NUMBER = 2**53


@dataclass(frozen=True)
class ModelSpecification:
    """A model as it was loaded. `layers` are the model's own numbers of its layers with experts.

    `tokenizer_sha256` is that of tokenizer.json, `tokenizer_files_sha256` that of all that a tokenizer is made of.
    `self_check` is what came of replaying the model's routing before the run. Both are empty in traces before 0.2.
    `compiled`: norms and experts ran compiled (models/inference/compiled.py).
    """

    name: str
    source: str
    revision: str
    config_sha256: str
    weights_sha256: str
    family: str
    layers: Layers
    n_experts: int
    top_k: int
    normalised: bool
    dtype: str
    device: str
    experts_implementation: str
    attention_implementation: str
    context_length: int
    tokenizer_sha256: str
    tokenizer_files_sha256: str = ""
    self_check: str = ""
    abilities: Abilities = field(default_factory=Abilities)
    compiled: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", Layers(self.layers))

    @property
    def n_layers(self) -> int:
        """Number of MoE layers, the L of every array."""
        return len(self.layers)

    @property
    def batch_plan(self) -> int:
        """How questions to this model are put into batches now."""
        return NEWEST_BATCH_PLAN if self.abilities.mix_prefixes else ONE_PREFIX_BATCH_PLAN

    @property
    def compiled_parts(self) -> str:
        """What of the model ran compiled, in words."""
        return "norms and experts" if self.compiled else "nothing"

    def must_be_alone(self, n_tokens: int) -> bool:
        """Whether prompts of up to so many tokens must each be run whole, in a batch of its own."""
        return not self.abilities.pad or 0 < self.abilities.exact_up_to < n_tokens

    def check_names(self, intervention: Intervention) -> None:
        """Raise InterventionError for what names experts that this model lacks, or may name others than it means."""
        if intervention.is_counted and not self.layers.are_rows:
            raise InterventionError(
                "This intervention does not say whose numbers its layers have: moescope 0.3 counted the layers with "
                f"experts from 0, and this model's are {self.layers.text()}. Give it the model's own numbers, and say "
                f'"layers": "own".'
            )
        intervention.check(self.layers, self.n_experts, 0)

    def check(self, intervention: Intervention) -> None:
        """Raise InterventionError as `check_names`, and for what cannot be done to its experts."""
        self.check_names(intervention)
        intervention.check(self.layers, self.n_experts, self.top_k)
        can = self.abilities
        if intervention.reroute and not can.reroute:
            raise InterventionError(f"This model can be recorded, and not re-routed. {can.why}")
        fixed = {at for at, _ in intervention.reroute if at in can.fixed_layers}
        if fixed:
            raise InterventionError(f"Layer {min(fixed)} cannot be re-routed. {can.why}")
        if (intervention.drop or intervention.boost) and not can.weigh:
            raise InterventionError(f"No expert of this model can be dropped or boosted. {can.why}")
        self._check_neurons(intervention)
        if intervention.at_answer and not can.share_prefixes:
            raise InterventionError(
                "This model answers otherwise when a prompt is run in two parts: a mask acts at every token of it."
            )
        groups = Groups(can.n_groups, can.groups_chosen, can.grouped_by_bias)
        groups.check(intervention, self.n_experts, self.top_k)

    def _check_neurons(self, intervention: Intervention) -> None:
        size = self.abilities.neurons
        if intervention.neurons and size == 0:
            raise InterventionError("No neuron can be switched off: this model's experts cannot be run one by one.")
        beyond = [] if size is None else [each for each in sorted(intervention.neurons) if each[2] >= size]
        if size and beyond:
            layer, expert, neuron = beyond[0]
            raise InterventionError(
                f"Neuron {layer}:{expert}:{neuron} does not exist: each expert of this model has neurons 0-{size - 1}."
            )


@dataclass(frozen=True)
class QuizSpecification:
    """Which questions were asked. `ids_sha256` covers the chosen ids in order; `skipped` the ids too long to ask."""

    name: str
    source: str
    licence: str
    fingerprint: str
    selection: str
    n_questions: int
    ids_sha256: str
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Specification:
    """One run: model, quiz, prompt protocol, tokens kept, and intervention (JSON text, None for a baseline).

    `prompts_sha256` is that of all prompts' and targets' token ids; `template`, `template_args` and `template_sha256`
    say which chat template wrote them, with which keywords. They are empty in traces before 0.2. `batch_plan` numbers
    the way in which questions are put into batches: a run goes on as it was begun, since that is where rounding is the
    same. Traces that do not say it were begun with the first one.
    """

    model: ModelSpecification
    quiz: QuizSpecification
    protocol: str
    shots: int
    tokens: str
    batch_tokens: int
    intervention: dict[str, Any] | None
    versions: dict[str, str]
    created: str
    prompts_sha256: str = ""
    template: str = ""
    template_args: dict[str, Any] = field(default_factory=dict)
    template_sha256: str = ""
    batch_plan: int = 1

    @property
    def actions(self) -> Intervention:
        """What was done to the experts; empty for a baseline. Raises InterventionError for what is no intervention."""
        return Intervention.from_json(self.intervention or {})

    @property
    def has_known_batches(self) -> bool:
        """Whether this moescope can put the questions into the same batches."""
        return 1 <= self.batch_plan <= NEWEST_BATCH_PLAN

    def under(self, intervention: Intervention) -> "Specification":
        """The same run with something else done to the experts, or nothing."""
        return replace(self, intervention=None if intervention.is_empty() else intervention.to_json())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all of it: no two recordings share it, since it holds their time; copies of a file do."""
        return sha256(self.to_json().encode("utf-8", "surrogatepass")).hexdigest()

    def to_json(self) -> str:
        """The specification as one JSON object, keys in a fixed order.

        What a trace from before does not say is left out: its fingerprint stays what maps and answers beside it name.
        """
        data = asdict(self)
        if self.model.abilities.neurons is None:
            del data["model"]["abilities"]["neurons"]
        if not self.model.abilities.mix_prefixes:
            del data["model"]["abilities"]["mix_prefixes"]
        if not self.model.compiled:
            del data["model"]["compiled"]
        return json.dumps(data, ensure_ascii=False, indent=1)

    @staticmethod
    def from_json(text: str, *, counts_layers: bool = False) -> "Specification":
        """The inverse of `to_json`; raises TraceError on other JSON. Unknown keys are passed over.

        `counts_layers`: it was written with interventions that count the layers with experts from 0.
        """
        try:
            data = json.loads(text)
            abilities = dict(data["model"].get("abilities") or {})
            fixed = tuple(abilities.pop("fixed_layers", ()))
            model = _build(
                ModelSpecification,
                data["model"],
                layers=_layers(data["model"]["layers"]),
                abilities=_build(Abilities, abilities, fixed_layers=fixed),
            )
            quiz = _build(QuizSpecification, data["quiz"], skipped=tuple(data["quiz"]["skipped"]))
            found = _build(Specification, data, model=model, quiz=quiz)
            return _renumbered(found) if counts_layers and not model.layers.are_rows else found
        except (ValueError, KeyError, TypeError) as error:
            raise TraceError(f"The trace's run specification cannot be read ({error}).") from error


# Of no effect on results beyond float noise, or only a label: a run may be resumed when these differ.
_FREE_TO_DIFFER = {
    "batch_tokens",
    "batch_plan",
    "versions",
    "created",
    "model.name",
    "model.source",
    "quiz.name",
    "quiz.source",
}
# Of no effect where the prompts' tokens are the same, which are compared by themselves.
_FREE_TO_DIFFER |= {"model.tokenizer_files_sha256", "model.self_check", "model.abilities", "template_sha256"}


def differences(ours: Specification, theirs: Specification) -> list[str]:
    """What a resumed run would change, as `name: theirs -> ours`, one item each; empty when it is the same run."""
    flat_ours, flat_theirs = _flatten(asdict(ours)), _flatten(asdict(theirs))
    names = sorted((flat_ours.keys() | flat_theirs.keys()) - _FREE_TO_DIFFER)
    changed = [name for name in names if flat_ours.get(name) != flat_theirs.get(name)]
    if not (ours.prompts_sha256 and theirs.prompts_sha256):  # an older trace does not say it
        changed = [name for name in changed if name != "prompts_sha256"]
    return [
        f"{name}: {_shorten(flat_theirs.get(name))} in the file, {_shorten(flat_ours.get(name))} asked for"
        for name in changed
        if not any(name.startswith(free + ".") for free in _FREE_TO_DIFFER)
    ]


def _layers(numbers: Any) -> Layers:
    found = Layers(numbers)
    if not all(_is(number, int) and number >= 0 for number in found) or list(found) != sorted(set(found)):
        raise TypeError(f"layers are no ascending numbers: {repr(numbers)[:60]}")
    return found


def _renumbered(written: Specification) -> Specification:
    """With the intervention's layers by the model's own numbers; what is no intervention stays as it is."""
    try:
        return written.under(written.model.layers.renumbered(written.actions))
    except (InterventionError, IndexError):
        return written


def _build(kind: type[T], data: dict[str, Any], **replaced: Any) -> T:
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]  # only dataclasses come here
    values = {**{key: value for key, value in data.items() if key in known}, **replaced}
    for name, value in values.items():
        if not _is(value, known[name]):
            raise TypeError(f"{name} is of a wrong type or size: {repr(value)[:60]}")
    return kind(**values)


def _is(value: Any, kind: Any) -> bool:
    """Whether a value from a file is of a declared type, and of a size that a line of text or a count may have."""
    arguments = get_args(kind)
    match get_origin(kind):
        case builtins.tuple:
            return isinstance(value, tuple) and all(_is(item, arguments[0]) for item in value)
        case builtins.dict:
            return isinstance(value, dict) and all(_is(item, arguments[1]) for item in value.values())
        case None if kind is str:
            return isinstance(value, str) and len(value) <= _LONGEST_TEXT
        case None if kind is int:
            return type(value) is int and abs(value) <= _LARGEST_NUMBER
        case None:
            return kind is Any or isinstance(value, kind)
        case _:  # a union
            return any(value is None if item is type(None) else _is(value, item) for item in arguments)


def _flatten(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and prefix + key != "intervention":
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat


def _shorten(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
