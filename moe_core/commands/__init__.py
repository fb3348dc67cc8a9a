"""The headless commands, in the order in which `moescope --help` lists them."""

from moe_core.commands.console.command import Command

COMMANDS: tuple[Command, ...] = (
    Command("record", "record_trace", "Run a quiz on a model, and record the experts it uses."),
    Command("resume", "resume_trace", "Ask the questions that a trace still lacks."),
    Command("report", "report", "Sum a trace up: experts, entropies, weights, accuracies."),
    Command("show", "show", "Show one question: tokens, answer, experts by layer."),
    Command("whatif", "what_if_trace", "Re-run a trace with experts masked or boosted."),
    Command("compare", "compare_traces", "Compare two traces question by question."),
    Command("compare-models", "compare_models_of", "Compare the traces of two or more models."),
    Command("effects", "effects_of_trace", "Predict what masking single experts does; measure it."),
    Command("experiment", "run_experiment", "Run a prepared experiment, or a pruning curve."),
    Command("export", "export", "Write a trace as tidy tables."),
    Command("analyse", "run_analysis", "Compute one analysis of a model or a trace."),
    Command("atlas", "atlas", "Write a model's card: every analysis, claims checked."),
    Command("export-pruned", "export_pruned_model", "Write the smaller model that a mask stands for."),
    Command("verify", "verify_trace", "Check every checksum of a trace."),
    Command("check-model", "check_model", "Check that a model's routing is read exactly."),
    Command("doctor", "doctor", "Show versions, devices, data at hand, failing plugins."),
    Command("desktop-install", "desktop_install", "Add moescope to the menu of a Linux desktop."),
    Command("bench", "measure", "Time recording beside plain passes, in one run."),
)
