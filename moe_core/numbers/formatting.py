"""Numbers as a paper prints them: three significant digits, percentages with one decimal, a dash for nothing.

Where a heading or a neighbour says the unit, a `.._number` stands alone. Minus is the mathematical sign; scripts get
numbers (`finite`), never these texts.
"""

from math import floor, isfinite, log10

NOTHING = "–"
MINUS = "−"


def significant(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """1.98, 0.0513, 1,234; scientific below 1e-4; a dash for NaN. `signed`: a plus before more than zero."""
    if not isfinite(value):
        return NOTHING
    rounded = abs(float(f"{value:.{digits - 1}e}"))
    if rounded == 0:
        return "0"
    if rounded < 1e-4:
        return _with_sign(value, f"{rounded:.{digits - 1}e}", signed)
    decimals = max(0, digits - 1 - floor(log10(rounded)))
    return _with_sign(value, f"{abs(value) if decimals == 0 else rounded:,.{decimals}f}", signed)


def short(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """As `significant` with no zero at its end: 2, 0.25, 1.2e−05; for ticks, factors and ends of a scale."""
    return _with_sign(value, f"{abs(value):.{digits}g}", signed) if isfinite(value) else NOTHING


def fixed(value: float, decimals: int, *, signed: bool = False) -> str:
    """So many decimals, for numbers that stand below each other."""
    return _with_sign(value, f"{abs(value):,.{decimals}f}", signed) if isfinite(value) else NOTHING


def percent(share: float) -> str:
    """A share 0..1 as `71.2 %`."""
    return f"{fixed(share * 100, 1)} %" if isfinite(share) else NOTHING


def percent_tick(share: float) -> str:
    """A round share at an axis, no longer than needed: `70 %`, `0.5 %`."""
    return f"{short(share * 100, 4)} %"


def percent_interval(lower: float, upper: float) -> str:
    """The bounds of a share as `[68.1, 74.1]`, in percent; empty when there are none."""
    return _interval(fixed(lower * 100, 1), fixed(upper * 100, 1))


def percent_with_interval(share: float, lower: float, upper: float) -> str:
    """`71.2 % [68.1, 74.1]`."""
    return _joined(percent(share), percent_interval(lower, upper))


def points(delta: float) -> str:
    """A difference of shares in percentage points, signed: `−2.2 points`."""
    return f"{points_number(delta)} points" if isfinite(delta) else NOTHING


def points_number(delta: float) -> str:
    """The same where a heading names the unit: `−2.2`."""
    return fixed(delta * 100, 1, signed=True)


def points_interval(lower: float, upper: float) -> str:
    """The bounds of a difference of shares as `[−3.9, −0.5]`, in percentage points; empty when there are none."""
    return _interval(points_number(lower), points_number(upper))


def points_with_interval(delta: float, lower: float, upper: float) -> str:
    """`−2.2 points [−3.9, −0.5]`."""
    return _joined(points(delta), points_interval(lower, upper))


def points_number_with_interval(delta: float, lower: float, upper: float) -> str:
    """The same where a heading names the unit: `−2.2 [−3.9, −0.5]`."""
    return _joined(points_number(delta), points_interval(lower, upper))


def number_interval(lower: float, upper: float) -> str:
    """The bounds of a signed number as `[−0.0710, −0.0320]`; empty when there are none."""
    return _interval(significant(lower, signed=True), significant(upper, signed=True))


def number_with_interval(value: float, lower: float, upper: float, *, signed: bool = False) -> str:
    """`0.0513 [0.0320, 0.0710]`."""
    mean, low, high = (significant(number, signed=signed) for number in (value, lower, upper))
    return _joined(mean, _interval(low, high))


def nats_with_interval(change: float, lower: float, upper: float) -> str:
    """A change of a log-probability, signed: `−0.0513 [−0.0710, −0.0320] nats`."""
    return _joined(number_with_interval(change, lower, upper, signed=True), "nats")


def p_value(p: float) -> str:
    """`p = 0.012`, `p < 0.001`, `p = 1`."""
    return f"p {p_number(p)}" if p < 0.001 else f"p = {p_number(p)}"


def p_number(p: float) -> str:
    """The same where a heading says that it is p: `0.012`, `< 0.001`, `1`."""
    return "< 0.001" if p < 0.001 else significant(p, 2 if p < 0.995 else 1)


def mean_and_std(mean: float, std: float) -> str:
    """`1.98 ± 0.051`: two decimals of the mean, one more of the standard deviation."""
    return f"{fixed(mean, 2)} ± {fixed(std, 3)}" if isfinite(mean) else NOTHING


def count(n: float) -> str:
    """A whole number with thousands separated: 14,042."""
    return fixed(n, 0)


def counted(n: int, noun: str) -> str:
    """`1 question`, `14,042 questions`."""
    return f"{count(n)} {noun}{'s' * (n != 1)}"


def duration(seconds: float) -> str:
    """About how long: 40 seconds, 12 minutes, 5.4 hours."""
    if seconds < 90:
        return counted(round(seconds), "second")
    return counted(round(seconds / 60), "minute") if seconds < 5400 else f"{fixed(seconds / 3600, 1)} hours"


def data_size(n_bytes: float) -> str:
    """13.8 GB, 5.61 MB."""
    return f"{significant(n_bytes / 1e9)} GB" if n_bytes >= 1e9 else f"{significant(n_bytes / 1e6)} MB"


def elide(text: str, length: int) -> str:
    """The text, shortened in the middle to `length` characters: both ends of a name tell it from its like."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return text[:head] + "…" + text[len(text) - (length - 1 - head) :]


def finite(value: float) -> float | None:
    """The number for JSON and tables; None where it is not finite, which they have no word for."""
    return float(value) if isfinite(value) else None


def finite_bounds(lower: float, upper: float) -> list[float] | None:
    """Both bounds for JSON, or None."""
    return [float(lower), float(upper)] if isfinite(lower) and isfinite(upper) else None


def _with_sign(value: float, magnitude: str, signed: bool) -> str:
    """No sign before what was rounded to zero."""
    is_zero = not magnitude.strip("0.,")
    sign = "" if is_zero else MINUS if value < 0 else "+" * signed
    return sign + magnitude.replace("-", MINUS)  # that of an exponent


def _interval(lower: str, upper: str) -> str:
    return "" if NOTHING in (lower, upper) else f"[{lower}, {upper}]"


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))
