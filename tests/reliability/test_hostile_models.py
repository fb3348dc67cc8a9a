"""A model folder with damaged or invented files is judged in one sentence; what tests/models/loading names one by one,
this does at random places."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from moe_core.errors import ModelError
from moe_core.models.loading.files.safety import check_folder

FILES = ("config.json", "model.safetensors", "tokenizer_config.json", "generation_config.json")


@pytest.fixture
def folder(tiny_olmoe: Path, tmp_path: Path) -> Path:
    """A copy of a model that may be damaged."""
    return Path(shutil.copytree(tiny_olmoe, tmp_path / "model"))


def judged(folder: Path) -> bool:
    """Whether the folder may be loaded; anything but a sentence is raised."""
    try:
        check_folder(folder)
    except ModelError as error:
        sentence = str(error)
    else:
        return True
    assert "\n" not in sentence, sentence
    assert len(sentence) < 600
    return False


@pytest.mark.parametrize("name", FILES)
def test_damaged_bytes(folder: Path, name: str) -> None:
    """A few wrong bytes in each file; of the weights, in the header that says where they are."""
    path = folder / name
    if not path.exists():
        pytest.skip(f"this model has no {name}")
    raw, rng = path.read_bytes(), np.random.default_rng(0)
    end = 8 + int.from_bytes(raw[:8], "little") if name.endswith(".safetensors") else len(raw)
    verdicts = []
    for _ in range(60):
        damaged = bytearray(raw)
        for place in rng.integers(0, end, int(rng.integers(1, 4))):
            damaged[int(place)] = int(rng.integers(256))
        path.write_bytes(damaged)
        verdicts.append(judged(folder))
    path.write_bytes(raw)
    assert not all(verdicts)
    assert judged(folder)


VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**63,
    10**400,
    1e308,
    "",
    "x" * 10_000,
    [],
    [[]],
    {},
    {"a": 1},
)


def test_every_number_of_the_configuration_as_anything(folder: Path) -> None:
    """No value of a wrong type or size reaches the code that builds the model."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    refused = 0
    for key in config:
        for value in VALUES:
            path.write_text(json.dumps(config | {key: value}))
            refused += not judged(folder)
    assert refused > 100


def shared_place(header: dict[str, dict[str, object]]) -> None:
    """Two tensors in the same bytes."""
    one, other = [name for name in header if name != "__metadata__"][:2]
    header[one]["data_offsets"] = header[other]["data_offsets"]


def behind_the_end(header: dict[str, dict[str, object]]) -> None:
    """A tensor that is not in the file."""
    header[next(name for name in header if name != "__metadata__")]["data_offsets"] = [0, 2**62]


def negative(header: dict[str, dict[str, object]]) -> None:
    """A shape that is none."""
    header[next(name for name in header if name != "__metadata__")]["shape"] = [-1, -1]


def huge(header: dict[str, dict[str, object]]) -> None:
    """A shape whose size overflows."""
    header[next(name for name in header if name != "__metadata__")]["shape"] = [2**32, 2**32]


@pytest.mark.parametrize("change", [shared_place, behind_the_end, negative, huge])
def test_a_header_that_lies(folder: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Found before a byte of the weights is read."""
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + raw[8 + length :])
    assert not judged(folder)


def test_a_header_of_any_length(folder: Path) -> None:
    """Eight bytes that claim gigabytes fill no memory."""
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    for length in (0, 1, 2**27, 2**40, 2**63, 2**64 - 1):
        path.write_bytes(length.to_bytes(8, "little") + raw[8:])
        assert not judged(folder)
