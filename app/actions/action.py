"""Action: one thing a person can do; menus, shortcuts, command palette and shortcut sheet are made from them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.state.state import State
from app.window.main_window import MainWindow


def always(state: State) -> bool:
    """For actions that never need anything."""
    return True


def has_trace(state: State) -> bool:
    """Whether a trace is open."""
    return state.trace is not None


@dataclass(frozen=True)
class Action:
    """`name` stays the same over releases; `tip` teaches; `is_enabled` reads the state, and so
    does `is_on`, which a switch has."""

    name: str
    text: str
    tip: str
    run: Callable[[MainWindow], object]
    keys: tuple[str, ...] = ()
    is_enabled: Callable[[State], bool] = always
    is_on: Callable[[State], bool] | None = None


@dataclass(frozen=True)
class Menu:
    """Actions under a title; those of a group stand together between hairlines."""

    title: str
    groups: tuple[tuple[Action, ...], ...]

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(action for group in self.groups for action in group)


def change_state(window: MainWindow, **changes: object) -> None:
    """Set fields of the session's state."""
    window.session.set(replace(window.session.state, **changes))  # type: ignore[arg-type]  # names are State's own
