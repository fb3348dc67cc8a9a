"""`moescope desktop-install`: the menu entry, the icon and the kind of file, for the user's own desktop."""

from typing import Annotated

import typer

from moe_core.commands.console.options import AsJson
from moe_core.system.console_text import print_result
from moe_core.system.desktop_entry import data_home, install_desktop_entry, remove_desktop_entry


def desktop_install(
    remove: Annotated[bool, typer.Option("--remove", help="Take it away again.")] = False, as_json: AsJson = False
) -> None:
    """Add moescope to the menu of a Linux desktop, and have it open traces by a double click."""
    files = remove_desktop_entry(data_home()) if remove else install_desktop_entry(data_home())
    lines = [f"{'Removed' if remove else 'Written'}: {file}" for file in files] or ["There was nothing to remove."]
    print_result({"files": [str(file) for file in files], "removed": remove}, lines, as_json=as_json)
