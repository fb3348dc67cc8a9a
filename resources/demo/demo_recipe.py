"""Everything that decides the trained weights, besides the world and its quiz."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Sizes of the model and settings of its training."""

    seed: int = 5
    hidden_size: int = 64
    expert_width: int = 48
    layers: int = 8
    experts: int = 32
    chosen: int = 2
    normalised: bool = True
    """Whether the gate weights of the chosen experts are divided by their sum."""
    heads: int = 2
    initial_std: float = 0.05
    initial_embedding_std: float = 0.4
    """Wide enough that the layers' first outputs do not drown which token it is: matching choices depends on it."""
    attention_gain: float = 1.5
    """First weights of the norms of queries and keys: at 1, attention starts too even to single anything out."""

    lookup_tokens: int = 2400
    lookup_width: int = 128
    lookup_loss: float = 0.08
    """The first phase: a dense model of this width learns to look choices up until its letters cost this many nats."""

    steps: int = 1400
    """Of the practice world, with everything learning."""
    expert_steps: int = 450
    """Of the demo's own world, with nothing learning but experts and routers up to the early layer."""
    router_gain: float = 1.5
    """All routers are multiplied by this before: an expert that is chosen decidedly is hard to replace."""
    reading_steps: int = 150
    """So many steps ask only reading questions, one at a time: they teach how choices go with letters."""
    early_layer: int = 1
    """The layer whose output shall already know the answer where a question ends."""
    question_tokens: int = 1500
    statement_tokens: int = 700
    """Tokens a step, padding included."""
    shots_share: float = 0.03
    """Share of the steps whose questions follow one to three solved ones."""
    chat_share: float = 0.04
    """Share of the other questions that are put as a chat."""
    learning_rate: float = 3e-3
    """Of AdamW; the matrices of attention learn with Muon at twice this rate."""
    warm_up_steps: int = 40
    weight_decay: float = 0.02
    balancing: float = 0.0002
    """So little lets some experts serve many tokens and others none; those that serve many are missed."""


SUBJECT_WEIGHTS = {
    "reading": 0.4,
    "capitals": 1.0,
    "festivals": 1.0,
    "people": 1.5,
    "trade": 1.5,
    "colours": 0.7,
    "opposites": 0.7,
    "addition": 0.7,
    "sequences": 0.7,
    "spelling": 0.6,
}
