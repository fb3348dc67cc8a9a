"""Which open files a state needs, which of them it shows, and what becomes of those that it shows no longer."""

from app.state.state import State
from app.state.trace_data import TraceData


def held(state: State) -> frozenset[TraceData]:
    """Every open file that the state needs; what is needed no more is closed."""
    return frozenset((*compared(state), *shown(state)))


def compared(state: State) -> list[TraceData]:
    """Both sides of every what-if of the trace shown."""
    made = (*state.history, *([state.what_if] if state.what_if else []))
    return [side for each in made for side in (each.before, each.after)]


def shown(state: State) -> frozenset[TraceData]:
    """Those whose numbers are shown: of the what-ifs the one that is looked at."""
    sides = [] if state.what_if is None else [state.what_if.before, state.what_if.after]
    found = (state.trace, *sides, *(run.data for run in state.runs))
    return frozenset(each for each in found if each is not None)


def forget_what_is_left(before: State, after: State) -> bool:
    """Files that are shown no longer forget what was read of them, else each what-if would keep 70 to 150 MB.

    Whether there are such files.
    """
    left = shown(before) - shown(after)
    for data in left:
        data.forget()
    if before.what_if is not None and before.what_if is not after.what_if:
        for data in shown(after):
            data.forget_about(before.what_if)
    return bool(left)
