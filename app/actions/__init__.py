"""The menus, left to right: one file each, in which a new action is one entry."""

from app.actions.action import Menu
from app.actions.edit_menu import EDIT_MENU
from app.actions.effects_menu import EFFECTS_MENU
from app.actions.experiments_menu import EXPERIMENTS_MENU
from app.actions.file_menu import FILE_MENU
from app.actions.go_menu import GO_MENU
from app.actions.help_menu import HELP_MENU
from app.actions.jobs_menu import JOBS_MENU
from app.actions.notes_menu import NOTES_MENU
from app.actions.run_menu import RUN_MENU
from app.actions.runs_menu import RUNS_MENU
from app.actions.selection_menu import SELECTION_MENU
from app.actions.view_menu import VIEW_MENU
from app.actions.what_if_menu import WHAT_IF_MENU

MENUS: tuple[Menu, ...] = (
    FILE_MENU,
    EDIT_MENU,
    SELECTION_MENU,
    GO_MENU,
    VIEW_MENU,
    WHAT_IF_MENU,
    RUNS_MENU,
    EFFECTS_MENU,
    NOTES_MENU,
    EXPERIMENTS_MENU,
    RUN_MENU,
    JOBS_MENU,
    HELP_MENU,
)
