"""Names of experts lie beside the model, or beside the traces where that cannot be; nothing of them is lost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from moe_core.errors import MoeCoreError
from moe_core.models import expert_names
from moe_core.models.expert_names import IN_MODEL, LONGEST, read_names, save_names
from moe_core.traces.specification import ModelSpecification
from tests.traces.synthetic_run import SyntheticRun


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder, as far as names need one."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def model(folder: Path) -> ModelSpecification:
    """The model in that folder."""
    of_run = SyntheticRun().specification.model
    return replace(of_run, source=str(folder), weights_sha256="full:0123456789abcdef")


def test_names_lie_in_the_model_s_folder(model: ModelSpecification, folder: Path, tmp_path: Path) -> None:
    """As a plain file that can be read, on one line and short; another name replaces the first, none takes it away."""
    save_names(model, tmp_path, {(3, 17): " dates \n and years ", (0, 2): "x" * 100})
    content = json.loads((folder / IN_MODEL).read_text("utf-8"))
    assert content["experts"] == {"0:2": "x" * LONGEST, "3:17": "dates and years"}
    save_names(model, tmp_path, {(3, 17): "years"}, [(0, 2)])
    assert read_names(model, tmp_path) == {(3, 17): "years"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("source", ["demo", "https://huggingface.co/org/name", "model", "/nowhere"])
def test_what_is_no_folder_of_one_s_own_has_its_names_beside_the_traces(
    model: ModelSpecification, tmp_path: Path, source: str
) -> None:
    """The demo, the hub's models, and models that are gone."""
    elsewhere = replace(model, source=source, name="a/b")
    save_names(elsewhere, tmp_path, {(1, 1): "verbs"})
    assert (tmp_path / "a-b-89abcdef.names.json").exists()
    assert read_names(elsewhere, tmp_path) == {(1, 1): "verbs"}


def test_a_read_only_model_keeps_them_beside_the_traces_until_it_can_be_written(
    model: ModelSpecification, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer file counts, and there is one of them in the end."""
    save_names(model, tmp_path, {(1, 1): "verbs"})
    write = expert_names.write_whole

    def refuse(path: Path, text: str) -> None:
        if path.parent == folder:
            raise PermissionError(13, "Permission denied")
        write(path, text)

    monkeypatch.setattr(expert_names, "write_whole", refuse)
    save_names(model, tmp_path, {(2, 2): "nouns"})
    assert read_names(model, tmp_path) == {(1, 1): "verbs", (2, 2): "nouns"}
    monkeypatch.setattr(expert_names, "write_whole", write)
    save_names(model, tmp_path, {}, [(1, 1)])
    assert read_names(model, tmp_path) == {(2, 2): "nouns"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_files_of_others_are_told_and_stay(model: ModelSpecification, folder: Path, tmp_path: Path) -> None:
    """No JSON, another format, no expert, no text, other weights: one sentence, and the file is never replaced."""
    path = folder / IN_MODEL
    good = {"format": "moescope-expert-names", "version": 1, "weights": model.weights_sha256}
    for content in (
        "precious",
        "[]",
        json.dumps(good | {"version": 2, "experts": {}}),
        json.dumps(good | {"experts": {"3-17": "a"}}),
        json.dumps(good | {"experts": {"3:17": 4}}),
        json.dumps(good | {"weights": "other", "experts": {"3:17": "a"}}),
    ):
        path.write_text(content)
        with pytest.raises(MoeCoreError, match="cannot be read"):
            save_names(model, tmp_path, {(1, 1): "verbs"})
        assert path.read_text() == content
    path.unlink()
    with pytest.raises(MoeCoreError, match="cannot be saved"):
        save_names(replace(model, source="demo"), tmp_path / "gone", {(1, 1): "verbs"})
