"""The tokens of a model are those of its tokenizer.json, whatever class the files beside it name."""

import json
import shutil
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from moe_core.errors import ModelError
from moe_core.models.loading.files.safety import check_folder
from moe_core.models.loading.tokenizer import load_tokenizer

TEXT = "What is 2023 plus 17?"


@pytest.fixture
def folder(tiny_olmoe: Path, tmp_path: Path) -> Path:
    """A model whose tokenizer.json cuts numbers into groups of three digits, as dolma2's does."""
    shutil.copytree(tiny_olmoe, tmp_path / "model")
    made = Tokenizer(models.BPE())
    made.decoder = decoders.ByteLevel()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+|\\s*[\\r\\n]+| ?\\p{L}+|\\s+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    texts = [f"What is {n} plus {n % 7}?\nA. {n}\nAnswer: A" for n in range(1500, 2300)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=["<s>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    made.save(str(tmp_path / "model" / "tokenizer.json"))
    return tmp_path / "model"


@pytest.mark.parametrize("name", ["GPT2Tokenizer", "GPTNeoXTokenizer", "Qwen2Tokenizer", "PreTrainedTokenizerFast", ""])
def test_the_file_is_followed_whatever_class_is_named(folder: Path, name: str) -> None:
    """transformers rebuilds some classes and would make one token of 2023."""
    config = {"tokenizer_class": name} if name else {}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"model_max_length": 4096}))
    loaded = load_tokenizer(check_folder(folder))
    expected = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(TEXT).ids
    assert loaded(TEXT)["input_ids"] == expected
    assert "2023" not in loaded.convert_ids_to_tokens(expected)


def test_files_that_change_the_tokens_are_refused(folder: Path) -> None:
    """An added token that only the configuration knows cuts texts otherwise than the file does."""
    added = {"950": {"content": "plus", "special": False, "normalized": False}}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added}))
    with pytest.raises(ModelError, match=r"tokenizer\.json and the files beside it disagree"):
        load_tokenizer(check_folder(folder))


def test_a_file_that_changed_is_read_again(folder: Path) -> None:
    """What it says of the probes is kept, but not for other contents under the same name."""
    (folder / "tokenizer_config.json").write_text("{}")
    before = load_tokenizer(check_folder(folder))(TEXT)["input_ids"]
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.save(str(folder / "tokenizer.json"))
    assert load_tokenizer(check_folder(folder))(TEXT)["input_ids"] == made.encode(TEXT).ids != before
