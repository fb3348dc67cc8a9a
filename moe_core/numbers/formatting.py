"""Numbers as a paper prints them: three significant digits, percentages with one decimal, a dash for nothing."""

from math import floor, isfinite, log10

NOTHING = "–"


def significant(value: float, digits: int = 3) -> str:
    """1.98, 0.0513, 1,234; scientific below 1e-4; a dash for NaN."""
    if not isfinite(value):
        return NOTHING
    rounded = float(f"{value:.{digits - 1}e}")
    if rounded == 0:
        return "0"
    if abs(rounded) < 1e-4:
        return f"{rounded:.{digits - 1}e}"
    decimals = max(0, digits - 1 - floor(log10(abs(rounded))))
    return f"{value if decimals == 0 else rounded:,.{decimals}f}"


def percent(share: float) -> str:
    """A share 0..1 as `71.2 %`."""
    return f"{share * 100:.1f} %" if isfinite(share) else NOTHING


def percent_tick(share: float) -> str:
    """A round share at an axis, no longer than needed: `70 %`, `0.5 %`."""
    return f"{share * 100:.4g} %"


def percent_interval(lower: float, upper: float) -> str:
    """The bounds of a share as `[68.1, 74.1]`, in percent; empty when there are none."""
    return f"[{lower * 100:.1f}, {upper * 100:.1f}]" if isfinite(lower) and isfinite(upper) else ""


def percent_with_interval(share: float, lower: float, upper: float) -> str:
    """`71.2 % [68.1, 74.1]`."""
    return f"{percent(share)} {percent_interval(lower, upper)}".rstrip()


def points(delta: float) -> str:
    """A difference of shares in percentage points, signed: `-2.2 points`."""
    return f"{points_number(delta)} points" if isfinite(delta) else NOTHING


def points_number(delta: float) -> str:
    """The same where a heading names the unit: `-2.2`."""
    return _signed(delta * 100, 1) if isfinite(delta) else NOTHING


def points_interval(lower: float, upper: float) -> str:
    """The bounds of a difference of shares as `[-3.9, -0.5]`, in percentage points; empty when there are none."""
    return f"[{_signed(lower * 100, 1)}, {_signed(upper * 100, 1)}]" if isfinite(lower) and isfinite(upper) else ""


def p_value(p: float) -> str:
    """`p = 0.012`, `p < 0.001`, `p = 1`."""
    return f"p {p_number(p)}" if p < 0.001 else f"p = {p_number(p)}"


def p_number(p: float) -> str:
    """The same where a heading says that it is p: `0.012`, `< 0.001`, `1`."""
    return "< 0.001" if p < 0.001 else significant(p, 2 if p < 0.995 else 1)


def mean_and_std(mean: float, std: float) -> str:
    """`1.98 ± 0.051`: two decimals of the mean, one more of the standard deviation."""
    return f"{mean:.2f} ± {std:.3f}" if isfinite(mean) else NOTHING


def count(n: float) -> str:
    """A whole number with thousands separated: 14,042."""
    return f"{n:,.0f}"


def elide(text: str, length: int) -> str:
    """The text, shortened in the middle to `length` characters: both ends of a name tell it from its like."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return text[:head] + "…" + text[len(text) - (length - 1 - head) :]


def _signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text
