"""Colour maps come with the package and are read without matplotlib; a scale puts values where they belong."""

import subprocess
import sys

import numpy as np
import pytest

from moe_core.figures.colour.colour_maps import DIVERGING, ON_DARK, SEQUENTIAL, colour_table, luminance, maps_for
from moe_core.figures.colour.colour_scale import ColourScale, hex_colour, is_usable_range, value_range


@pytest.mark.parametrize("name", [*SEQUENTIAL, *DIVERGING, *ON_DARK.values()])
def test_every_map_loads_from_package_data(name: str) -> None:
    """256 colours, none of them through matplotlib, colorcet or the network."""
    program = (
        "import sys, socket; socket.socket = None; from moe_core.figures.colour.colour_maps import colour_table; "
        f"assert colour_table({name!r}).shape == (256, 3); "
        "assert not {'matplotlib', 'colorcet'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", [*SEQUENTIAL, *DIVERGING, *ON_DARK.values()])
def test_every_map_is_pyqtgraphs(name: str) -> None:
    """What a report draws has the window's colours."""
    import pyqtgraph

    table = pyqtgraph.colormap.get(name).getLookupTable(nPts=256, alpha=False)
    np.testing.assert_array_equal(colour_table(name), table)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_sequential_maps_grow_lighter(name: str) -> None:
    """Larger values are lighter all along, also where hues cannot be told apart."""
    assert (np.diff(luminance(colour_table(name))) > -0.004).all()
    assert maps_for(is_signed=False) == SEQUENTIAL


@pytest.mark.parametrize("name", DIVERGING)
def test_diverging_maps_are_lightest_in_the_middle(name: str) -> None:
    """Zero is near white, both ends are dark."""
    light = luminance(colour_table(name))
    assert 118 <= int(light.argmax()) <= 138
    assert light.max() > 0.85
    assert light[[0, -1]].max() < 0.65


@pytest.mark.parametrize("name", DIVERGING)
def test_on_a_dark_ground_diverging_maps_are_darkest_in_the_middle(name: str) -> None:
    """Zero does not glare, both ends are lighter, and each is of the colour that it has on a light ground."""
    scale = ColourScale(name, -1.0, 1.0)
    table = colour_table(scale.on_dark().map_name)
    light = luminance(table)
    assert 108 <= int(light.argmin()) <= 148
    assert light.min() < 0.2
    assert (light[[0, -1]] > 0.3).all()
    assert table[0].argmax() == colour_table(name)[0].argmax() == 2  # blue is below zero on either
    assert ColourScale("cividis", 0.0, 1.0).on_dark() == ColourScale("cividis", 0.0, 1.0)


def test_ends_have_the_ends_colours_and_beyond_is_clipped() -> None:
    """Values outside of the range look like its ends; NaN stays NaN among the places."""
    scale = ColourScale("viridis", 1.0, 3.0)
    places = scale.places(np.array([0.0, 1.0, 2.0, 3.0, 9.0, np.nan]))
    np.testing.assert_allclose(places[:5], [0, 0, 0.5, 1, 1])
    assert np.isnan(places[5])
    np.testing.assert_array_equal(scale.rgb(np.array([0.0, 3.0])), colour_table("viridis")[[0, 255]])


def test_a_logarithmic_scale_gives_each_decade_the_same_room() -> None:
    """Zero, which has no logarithm, has the lowest colour."""
    scale = ColourScale("cividis", 0.001, 1.0, is_log=True)
    places = scale.places(np.array([0.0, 0.001, 0.01, 0.1, 1.0]))
    np.testing.assert_allclose(places, [0, 0, 1 / 3, 2 / 3, 1], atol=1e-12)
    assert scale.value_at(1 / 3) == pytest.approx(0.01)
    assert scale.ticks(4) == pytest.approx([0.001, 0.01, 0.1, 1.0])


def test_the_robust_range_leaves_single_extremes_out() -> None:
    """2nd to 98th percentile."""
    values = np.append(np.linspace(0, 1, 1000), 50.0)
    assert value_range(values, "full", is_signed=False, is_log=False) == (0.0, 50.0)
    low, high = value_range(values, "robust", is_signed=False, is_log=False)
    np.testing.assert_allclose([low, high], np.percentile(values, [2, 98]))


def test_signed_ranges_have_zero_in_the_middle() -> None:
    """However the values lie."""
    low, high = value_range(np.array([-0.1, 0.4, np.nan]), "full", is_signed=True, is_log=False)
    assert (low, high) == (-0.4, 0.4)


@pytest.mark.parametrize("values", [[], [np.nan], [0.0], [0.5, 0.5], [-2.0]])
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("is_signed", [False, True])
def test_a_range_is_always_usable(values: list[float], is_log: bool, is_signed: bool) -> None:
    """No values, none positive, or all the same: a scale can stand between the ends all the same."""
    is_log = is_log and not is_signed
    low, high = value_range(np.array(values), "full", is_signed=is_signed, is_log=is_log)
    assert is_usable_range(low, high, is_log=is_log)
    assert len(ColourScale("cividis", low, high, is_log).ticks(5)) >= 2


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.031, 0.031), (0.4821, 0.5177), (1e-9, 3e-9)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    """About as many as asked for."""
    ticks = np.array(ColourScale("cividis", low, high).ticks(6))
    assert 2 <= len(ticks) <= 8
    assert ((ticks >= low - 1e-12) & (ticks <= high + 1e-12)).all()
    steps = np.diff(ticks)
    mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0] * 1.0000001))
    assert mantissa == pytest.approx(1, rel=1e-6) or mantissa == pytest.approx(2) or mantissa == pytest.approx(5)


def test_a_bar_with_room_for_few_values_still_marks_zero() -> None:
    """The middle of a diverging scale is what its colours are read from."""
    assert ColourScale("CET-D1", -0.0488, 0.0488).ticks(2) == [-0.0488, 0.0, 0.0488]
    assert ColourScale("cividis", 0.0, 0.94).ticks(2) == [0.0, 0.94]  # the top is told, too


@pytest.mark.parametrize(("share", "colour"), [(0, "#00204d"), (1, "#ffea46"), (-1, "#00204d"), (0.5, "#7d7c78")])
def test_cividis(share: float, colour: str) -> None:
    """Dark blue to yellow by way of grey; values outside are clipped."""
    assert hex_colour("cividis", share) == colour
