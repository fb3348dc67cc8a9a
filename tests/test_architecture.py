"""The house rules that a linter cannot see: plural folders list their files, and what an import may bring along."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from typing_extensions import get_protocol_members, is_protocol

import moe_core.commands
from moe_core.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PLURAL_FOLDERS = [
    "analyses",
    "analyses.dynamic",
    "analyses.routing",
    "analyses.static",
    "experiments",
    "measures.metrics",
    "models.families",
    "quizzes.benchmarks",
    "reports.formats",
]
TORCH_FREE = ["moe_core.traces", "moe_core.measures", "moe_core.comparison", "moe_core.analyses", "moe_core.reports"]
SLOW_LIBRARIES = {"torch", "transformers", "datasets"}


def listed_in(package: ModuleType) -> tuple[tuple[Any, ...], type]:
    """The tuple of instances in a plural folder's __init__.py, and the class its annotation names."""
    tuples = {name: value for name, value in vars(package).items() if name.isupper() and isinstance(value, tuple)}
    assert len(tuples) == 1, f"{package.__name__} must hold exactly one tuple, but holds {sorted(tuples)}"
    name, instances = tuples.popitem()
    kind = get_args(get_type_hints(package)[name])[0]
    return instances, get_origin(kind) or kind


def is_instance(info: pkgutil.ModuleInfo) -> bool:
    """A folder of instances lists its own."""
    return not info.ispkg and not info.name.rpartition(".")[2].startswith("_")


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Every module of a package, imported, without private ones and folders; of a table that is one file, that file."""
    if not hasattr(package, "__path__"):
        return [package]
    found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(info.name) for info in found if is_instance(info)]


def constants_of(module: ModuleType, kind: type) -> list[Any]:
    """The module's public constants of a kind; a protocol counts by its members."""

    def fits(value: object) -> bool:
        if is_protocol(kind):
            return all(hasattr(value, member) for member in get_protocol_members(kind))
        return isinstance(value, kind)

    return [value for name, value in vars(module).items() if name.isupper() and fits(value)]


def contributes(module: ModuleType, instances: tuple[Any, ...], kind: type) -> bool:
    """Whether the module made one of the instances: as a constant, or as the class it is an object of."""
    made = {id(value) for value in constants_of(module, kind)}
    return any(id(instance) in made or type(instance).__module__ == module.__name__ for instance in instances)


def reads_the_tuple(module: ModuleType, package: ModuleType) -> bool:
    """Whether the module works on all the instances, as the command line does on the commands."""
    return f"from {package.__name__} import" in Path(str(module.__file__)).read_text("utf-8")


def is_imported_beside(module: ModuleType, siblings: list[ModuleType]) -> bool:
    """Whether another module of the folder imports this one, as a shared base."""
    return any(f"from {module.__name__} import" in Path(str(other.__file__)).read_text("utf-8") for other in siblings)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter in the checkout."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize("folder", PLURAL_FOLDERS)
def test_every_file_of_a_plural_folder_is_listed(folder: str) -> None:
    """A file whose instance is missing from the tuple in __init__.py is named."""
    package = importlib.import_module(f"moe_core.{folder}")
    instances, kind = listed_in(package)
    modules = modules_of(package)
    for module in modules:
        unlisted = [value for value in constants_of(module, kind) if all(value is not listed for listed in instances)]
        assert not unlisted, f"{module.__name__} holds {unlisted}, which {folder}/__init__.py does not list"
        siblings = [other for other in modules if other is not module]
        is_used = is_imported_beside(module, siblings) or reads_the_tuple(module, package)
        assert contributes(module, instances, kind) or is_used, (
            f"{folder}/__init__.py lists no {kind.__name__} of {module.__name__}"
        )


def test_every_command_is_listed() -> None:
    """A file of commands/ is in the tuple or serves another one; what is listed has a function that explains itself."""
    modules = modules_of(moe_core.commands)
    listed = {command.module for command in COMMANDS}
    for module in modules:
        serves = is_imported_beside(module, modules) or reads_the_tuple(module, moe_core.commands)
        assert module.__name__ in listed or serves, f"commands/__init__.py does not list {module.__name__}"
    assert all(command.load().__doc__ for command in COMMANDS)


@pytest.mark.parametrize("folder", [*PLURAL_FOLDERS, "commands"])
def test_names_in_a_plural_folder_are_unique(folder: str) -> None:
    """Two instances of one name could not be told apart on the command line."""
    instances, _ = listed_in(importlib.import_module(f"moe_core.{folder}"))
    names = [instance.name for instance in instances]
    assert len(names) == len(set(names))


def test_moe_core_runs_without_qt() -> None:
    """Every command can be imported where importing Qt fails."""
    program = """
import sys

class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"PySide6", "shiboken6", "pyqtgraph"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, NoQt())
from moe_core.commands import COMMANDS
from moe_core.commands.console import cli
for command in COMMANDS:
    command.load()
"""
    done = python("-c", program)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("package", TORCH_FREE)
def test_browsing_a_trace_never_imports_torch(package: str) -> None:
    """Reading, measuring and reporting leave torch, transformers and datasets out of the process."""
    program = f"""
import importlib, pkgutil, sys
package = importlib.import_module({package!r})
for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(info.name)
print(*sorted({SLOW_LIBRARIES!r} & set(sys.modules)))
"""
    done = python("-c", program)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == []


def test_comparing_traces_never_imports_all_of_scipys_statistics() -> None:
    """A third of a second that the first what-if of a window would end with."""
    program = f"""
import sys
from pathlib import Path
from moe_core.comparison.comparison import compare
from moe_core.traces.reader import open_trace
with open_trace(Path({str(ROOT / "tests/data/demo-format-1.h5")!r})) as trace:
    assert compare(trace, trace).gold_logprob.n
print("scipy.special" in sys.modules, "scipy.stats" in sys.modules)
"""
    done = python("-c", program)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.parametrize("program", ["app", "moe_core"])
def test_help_imports_no_command(program: str) -> None:
    """`moescope --help` names every command in a fresh process, and waits for no library that a command needs."""
    done = python("-X", "importtime", "-m", program, "--help")
    assert done.returncode == 0, done.stderr[-2000:]
    assert {command.name for command in COMMANDS} <= set(done.stdout.split())
    assert "..." not in done.stdout.partition("Commands:")[2], "a summary is too long for its line"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported, "the list of imports is not being read"
    assert not SLOW_LIBRARIES & imported
    assert not {"numpy", "scipy", "h5py", "rich", "typer.rich_utils", "urllib.request"} & imported
    assert not {command.module for command in COMMANDS} & imported


def test_the_packaging_folder_hides_no_library() -> None:
    """packaging/ has no __init__.py: with one it would stand before the library of that name."""
    assert not (ROOT / "packaging" / "__init__.py").exists()
