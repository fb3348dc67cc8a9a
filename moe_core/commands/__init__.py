"""The headless commands, in the order in which `moescope --help` lists them."""

from moe_core.commands import (
    analyse,
    atlas,
    bench,
    check_model,
    compare,
    compare_models,
    desktop_install,
    doctor,
    effects,
    experiment,
    export,
    export_pruned,
    record,
    report,
    resume,
    show,
    verify,
    whatif,
)
from moe_core.commands.command import Command

COMMANDS: tuple[Command, ...] = (
    record.COMMAND,
    resume.COMMAND,
    report.COMMAND,
    show.COMMAND,
    whatif.COMMAND,
    compare.COMMAND,
    compare_models.COMMAND,
    effects.COMMAND,
    experiment.COMMAND,
    export.COMMAND,
    analyse.COMMAND,
    atlas.COMMAND,
    export_pruned.COMMAND,
    verify.COMMAND,
    check_model.COMMAND,
    doctor.COMMAND,
    desktop_install.COMMAND,
    bench.COMMAND,
)
