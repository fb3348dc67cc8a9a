"""Named masks: one JSON file each in the folder `masks` of the library; and reading and sharing them as files."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QWidget

from app.content.mask_editing import mask_title, neurons_in, with_mask, with_neurons
from app.content.remedies import Say
from app.state.session import Session
from app.state.state import State
from moe_core.errors import InterventionError, MoeCoreError
from moe_core.interventions.file import read_intervention, save_intervention
from moe_core.interventions.intervention import Intervention
from moe_core.numbers.formatting import elide

FOLDER = "masks"
_FILTER = "Masks (*.json);;All files (*)"
_LONGEST_NAME = 60


class MaskFiles(QObject):
    """Keeps `state.masks` as the files are; whatever cannot be done is said in one sentence."""

    def __init__(self, session: Session, say: Say, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._say = say
        self._widget = parent
        self._paths: dict[str, Path] = {}
        session.changed.connect(self._on_changed)
        self.read()

    @property
    def folder(self) -> Path | None:
        library = self._session.state.library
        return None if library is None else library / FOLDER

    def read(self) -> None:
        """Take the masks from their files; a damaged one is said, left as it is, and hides no other."""
        found: dict[str, Intervention] = {}
        self._paths = {}
        problems = []
        for path in _files_of(self.folder):
            try:
                mask = read_intervention(path)
            except InterventionError as error:
                problems.append(f"{path.name}: {error}")
                continue
            name = mask.name or path.stem
            if name not in found:
                found[name], self._paths[name] = replace(mask, name=name), path
        masks = tuple(found[name] for name in sorted(found, key=lambda name: (name.casefold(), name)))
        self._session.set(replace(self._session.state, masks=masks))
        sentence = "A mask cannot be read and is left as it is. " + " ".join(problems) if problems else ""
        self._say(sentence, about="kept masks")

    def ask_and_keep(self) -> None:
        mask = self._session.state.intervention
        name, is_given = QInputDialog.getText(
            self._widget,
            "Keep mask",
            "Name of the mask (one of the same name is replaced)",
            QLineEdit.EchoMode.Normal,
            elide(mask_title(mask), _LONGEST_NAME),
        )
        if is_given and name.strip():
            self.keep(name.strip())

    def ask_for_neurons(self) -> None:
        """Edit which single neurons are off; what cannot be read is said, and can be mended."""
        text = neurons_in(self._session.state.intervention)
        hint = "Neurons to switch off: LAYER:EXPERT:NEURON, as in 3:17:0-15, 5:0:4"
        text, is_given = QInputDialog.getText(
            self._widget, "Neurons of the mask", hint, QLineEdit.EchoMode.Normal, text
        )
        if is_given:
            self._does(lambda: self._session.set(with_neurons(self._session.state, text)))

    def keep(self, name: str) -> None:
        state = self._session.state
        if self.folder is None:
            return
        mask = replace(state.intervention, name=name)
        folder = self.folder
        if self._does(lambda: _save(self._paths.get(name) or _free(folder, name), mask)):
            self._session.set(with_mask(state, mask))
            self.read()

    def delete(self, name: str) -> None:
        """Keep this mask no more; where it is the one that is edited it stays there, and can be kept again."""
        path = self._paths.get(name)
        if path is not None and self._does(lambda: path.unlink(missing_ok=True)):
            self.read()
            self._say(f"The mask “{name}” is no longer kept.", is_failure=False)

    def ask_and_read(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self._widget, "Read mask", "", _FILTER)
        if chosen:
            self.read_file(Path(chosen))

    def read_file(self, path: Path) -> None:
        """Take the mask from a file; one for another model is refused, and nothing is lost."""
        try:
            mask = read_intervention(path)
            if trace := self._session.state.trace:
                trace.specification.model.check_names(mask)  # too few left in a layer is said, and can be mended
        except InterventionError as error:
            self._say(f"{path.name} is not used. {error}", about="mask")
            return
        self._say("", about="mask")
        self._session.set(with_mask(self._session.state, mask))

    def ask_and_write(self) -> None:
        mask = self._session.state.intervention
        suggested = f"{_file_name(mask_title(mask))}.json"
        chosen, _ = QFileDialog.getSaveFileName(self._widget, "Share mask", suggested, _FILTER)
        if chosen:
            path = Path(chosen) if Path(chosen).suffix else Path(f"{chosen}.json")
            if self._does(lambda: save_intervention(path, mask)):
                self._say(f"The mask is in {path}.", is_failure=False)

    def _does(self, act: Callable[[], None]) -> bool:
        """Whether it could be done; if not, why is said."""
        try:
            act()
        except MoeCoreError as error:
            self._say(error, about="mask")
            return False
        except OSError as error:
            self._say(f"{error.filename} cannot be written ({error.strerror}).", about="mask")
            return False
        except ValueError as error:  # a name that no file system has
            self._say(f"The mask cannot be kept in {self.folder} ({error}).", about="mask")
            return False
        self._say("", about="mask")
        return True

    def _on_changed(self, before: State, after: State) -> None:
        if before.library != after.library:
            self.read()


def _files_of(folder: Path | None) -> list[Path]:
    """The files of kept masks; none where the folder cannot be looked into, as the list of traces says."""
    with suppress(OSError):
        return sorted(folder.glob("*.json")) if folder else []
    return []


def _save(path: Path, mask: Intervention) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_intervention(path, mask)


def _file_name(name: str) -> str:
    """The name with only what every file system takes."""
    return "".join(letter if letter.isalnum() or letter in " -_" else "-" for letter in name).strip()[:_LONGEST_NAME]


def _free(folder: Path, name: str) -> Path:
    """A path in the folder where no file is yet."""
    stem = _file_name(name) or "mask"
    path, number = folder / f"{stem}.json", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.json", number + 1
    return path
