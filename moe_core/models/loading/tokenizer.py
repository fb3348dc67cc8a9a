"""Reads the tokenizer of a checked folder, and sees that it is what tokenizer.json says."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from moe_core.errors import ModelError
from moe_core.models.loading.architecture import in_one_line
from moe_core.models.loading.files.fingerprint import file_sha256
from moe_core.models.loading.files.safety import CheckedFolder

_PROBES = (
    "What is 2023 plus 17?\nA. 2040\nAnswer: A",
    " İstanbul, naïve café; 東京 12,345.678 e-9\t--  x\r\n\n",
)


def load_tokenizer(checked: CheckedFolder) -> Any:
    """The folder's tokenizer; ModelError when it cannot be read or its ids exceed the model's vocabulary.

    It is what tokenizer.json says, whatever class tokenizer_config.json names: transformers builds some classes (GPT2,
    GPTNeoX, Qwen2) anew, and drops how the file splits and normalises (transformers #45920).
    """
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            checked.folder, local_files_only=True, trust_remote_code=False
        )
        _check_follows_file(tokenizer, checked)
        vocabulary = int(checked.architecture.config.vocab_size)
        largest = max(tokenizer("A quiz question.\nAnswer: A", add_special_tokens=True)["input_ids"], default=-1)
    except ModelError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exception on a damaged file
        raise ModelError(f"The tokenizer cannot be read: {in_one_line(error)}.") from error
    if largest < 0 or largest >= vocabulary:
        raise ModelError(
            f"The tokenizer does not belong to this model: it gives the id {largest}, "
            f"and the model's vocabulary has {checked.config['vocab_size']} entries."
        )
    return tokenizer


def _check_follows_file(tokenizer: Any, checked: CheckedFolder) -> None:
    file = checked.folder / "tokenizer.json"
    for text, ids in zip(_PROBES, _ids_of_probes(file, file_sha256(file)), strict=True):
        if tokenizer(text, add_special_tokens=False)["input_ids"] != ids:
            raise ModelError(
                f"tokenizer.json and the files beside it disagree on the tokens of {text!r}: the model's own tokenizer "
                "cannot be told."
            )


@lru_cache(maxsize=8)
def _ids_of_probes(file: Path, sha256: str) -> tuple[list[int], ...]:
    """What the file says of each probe; kept, since a model is often loaded again and a file may hold 30 MB."""
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tuple(tokenizer.encode(text, add_special_tokens=False).ids for text in _PROBES)
