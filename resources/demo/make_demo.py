"""Makes the demo: invents the world, writes its quiz, trains a tiny OLMoE on it and measures what it can do.

Run `python resources/demo/make_demo.py` to make all of it again, with `--measure-only` to measure the shipped model.
With `--out` it makes a model of another seed and shape in a folder of its own, to try things on that are not the demo.
"""

import argparse
import logging
import time
from dataclasses import replace
from pathlib import Path

import torch
from demo_batches import Batches
from demo_figures import as_markdown, measure, write_figures
from demo_lookups import learn_lookups
from demo_quiz import TrainingSampler, build_quiz, read_quiz, write_quiz
from demo_recipe import Recipe
from demo_tokenizer import train_tokenizer
from demo_training import leave_facts_to_experts, train, upcycled
from demo_world import PRACTICE_SEED, World
from transformers import OlmoeForCausalLM, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
SHAPE = ("seed", "layers", "experts", "chosen")
"""Settings of the recipe that the command line can change."""


def make(folder: Path, recipe: Recipe) -> None:
    """Writes quiz.csv, quiz_dev.csv and model/ into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World()
    quiz, shots, held_out = build_quiz(world)
    write_quiz(folder / "quiz.csv", quiz)
    write_quiz(folder / "quiz_dev.csv", shots)
    practice = World(PRACTICE_SEED)
    tokenizer = train_tokenizer(TrainingSampler(practice, held_out, 0))
    started = time.monotonic()
    dense = learn_lookups(TrainingSampler(practice, held_out, recipe.seed), tokenizer, recipe)
    model = upcycled(dense, recipe, tokenizer)
    train(model, Batches(TrainingSampler(practice, held_out, recipe.seed), tokenizer, recipe), recipe)
    leave_facts_to_experts(model, recipe)
    experts_only = replace(recipe, steps=recipe.expert_steps, reading_steps=0, balancing=0.0)
    train(model, Batches(TrainingSampler(world, held_out, recipe.seed), tokenizer, experts_only), experts_only)
    print(f"Trained {model.num_parameters():,} parameters in {time.monotonic() - started:.0f} s.")
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")


def measure_shipped(folder: Path) -> None:
    """Measures the model in the folder, prints the figures and rewrites figures.json and README.md."""
    model = OlmoeForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "model")
    figures = measure(model, tokenizer, read_quiz(folder / "quiz.csv"))
    print(as_markdown(figures))
    write_figures(folder, figures)


def main() -> None:
    """Reads the command line and does what it asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure-only", action="store_true", help="measure the model that is there, train nothing")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="training steps (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="train another model into this folder, and measure nothing")
    for name in SHAPE:
        parser.add_argument(f"--{name}", type=int, default=getattr(Recipe, name), help="(default: %(default)s)")
    parser.add_argument("--unnormalised", action="store_true", help="do not divide the gate weights by their sum")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    shape = {name: getattr(options, name) for name in SHAPE}
    recipe = replace(Recipe(), steps=options.steps, normalised=not options.unnormalised, **shape)
    if options.out is not None:
        make(options.out, recipe)
        return
    if not options.measure_only:
        make(HERE, recipe)
    measure_shipped(HERE)


if __name__ == "__main__":
    main()
