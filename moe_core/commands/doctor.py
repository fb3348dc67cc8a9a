"""`moescope doctor`: what this computer can run."""

import json
from dataclasses import asdict
from importlib import import_module

from moe_core.commands.console.options import AsJson
from moe_core.models.loading.machine import OLMOE_BYTES, Device, Machine, examine_machine
from moe_core.numbers.formatting import data_size
from moe_core.system.plugins import problems


def doctor(as_json: AsJson = False) -> None:
    """Show versions, devices, what fits into their memory, which data are at hand, and plugins that fail."""
    _look_for_plugins()
    machine = examine_machine()
    if as_json:
        devices = [asdict(device) | {"holds_olmoe": device.holds_olmoe} for device in machine.devices]
        print(json.dumps(asdict(machine) | {"devices": devices, "plugin_problems": problems()}))
    else:
        print(_text(machine), *problems(), sep="\n")


def _look_for_plugins() -> None:
    """Import every table that other packages may add to."""
    for table in ("analyses", "measures.metrics", "quizzes.benchmarks"):
        import_module(f"moe_core.{table}")


def _text(machine: Machine) -> str:
    lines = [f"Python {machine.python} on {machine.system}"]
    lines += [f"  {name} {version or 'not installed'}" for name, version in machine.versions.items()]
    lines += [_device_line(device) for device in machine.devices]
    if machine.auto_device is None:
        lines.append('No model can be loaded: install the extra with pip install "moescope[model]".')
    else:
        lines.append(f"auto would load models onto {machine.auto_device} as {machine.auto_dtype}")
    lines.append(f"demo model and quiz: {'here' if machine.demo else 'not installed'}")
    lines.append(f"offline MMLU: {'here' if machine.offline_mmlu else 'not installed (extra [mmlu])'}")
    return "\n".join(lines)


def _device_line(device: Device) -> str:
    free = "unknown memory" if device.free is None else f"{data_size(device.free)} free"
    total = "" if device.total is None else f" of {data_size(device.total)}"
    fits = {True: "fits", False: "does not fit", None: "may fit"}[device.holds_olmoe]
    return (
        f"  {device.name} ({device.description}): {free}{total}, auto dtype {device.dtype}; "
        f"OLMoE-1B-7B in 16 bit ({data_size(OLMOE_BYTES)}) {fits}"
    )
