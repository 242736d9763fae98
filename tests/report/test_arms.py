import pytest

from koubai.lab.declare.experiment import Arm, Axis, grid
from koubai.report.arms import groups, numeric_axis, views
from koubai.report.layers import Layers, aligned
from koubai.report.palette import BLUE, DARK_PAGE, GREEN, LIGHT_PAGE, VERMILION, dark_colors, style
from koubai.words import speaking


def named(*names):
    return tuple(Arm(name) for name in names)


def test_a_grid_becomes_panels_by_the_first_factor_and_colors_by_the_second():
    arms = grid(Axis("a", {"x": {}, "y": {}, "z": {}}), Axis("b", {"1": {}, "2": {}, "3": {}}))
    panels = groups(arms)
    assert [panel.title for panel in panels] == ["x", "y", "z"]
    assert [view.short for view in panels[1].arms] == ["1", "2", "3"]
    assert [view.title for view in panels[1].arms] == ["y + 1", "y + 2", "y + 3"]
    assert [view.style for view in panels[0].arms] == [view.style for view in panels[2].arms]
    assert len({view.style for view in panels[0].arms}) == 3


def test_a_factor_with_more_levels_than_colors_becomes_the_panels():
    scales = {str(i): {} for i in range(16)}
    panels = groups(grid(Axis("batch norm", {"with": {}, "without": {}}), Axis("scale", scales)))
    assert len(panels) == 16
    assert [view.short for view in panels[0].arms] == ["with", "without"]


@pytest.mark.parametrize("count", [1, 4, 9, 12])
def test_arms_without_factors_share_one_panel_and_differ_in_color_or_dash(count):
    (panel,) = groups(named(*(f"arm {i}" for i in range(count))))
    assert panel.title == ""
    assert len({(view.style.color, view.style.dash) for view in panel.arms}) == count


@pytest.mark.parametrize(("count", "sizes"), [(13, [5, 5, 3]), (30, [5] * 6), (40, [7] * 5 + [5])])
def test_many_arms_without_factors_become_small_panels_the_best_first(count, sizes):
    names = [f"arm {i}" for i in range(count)]
    with speaking("en"):
        panels = groups(named(*names), names[::-1])
    assert [len(panel.arms) for panel in panels] == sizes
    assert [view.name for panel in panels for view in panel.arms] == names[::-1]
    assert panels[0].title == f"Places 1 to {sizes[0]} of {count}"
    assert all(len({view.style.color for view in panel.arms}) == len(panel.arms) for panel in panels)
    assert [view.name for view in views(named(*names))] == names


def test_views_keep_the_order_of_the_experiment():
    arms = grid(Axis("a", {"x": {}, "y": {}}), Axis("b", {"1": {}, "2": {}, "3": {}}))
    assert [view.name for view in views(arms)] == [arm.name for arm in arms]


def test_a_numeric_axis_needs_three_numbers():
    rates = {name: {} for name in ("0.1", "1e-3", "2")}
    assert numeric_axis(grid(Axis("optimizer", {"SGD": {}}), Axis("rate", rates))) == "rate"
    assert numeric_axis(grid(Axis("rate", {"0.1": {}, "1": {}}))) is None
    assert numeric_axis(grid(Axis("name", {"a": {}, "b": {}, "c": {}}))) is None
    assert numeric_axis(named("1", "2", "3")) is None


def luminance(color):
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("color", [BLUE, VERMILION, GREEN])
def test_the_first_colors_stand_out_on_light_and_dark_pages(color):
    assert style([BLUE, VERMILION, GREEN].index(color)).color == color
    assert contrast(color, LIGHT_PAGE) >= 3
    assert contrast(dark_colors().get(color, color), DARK_PAGE) >= 3


def test_a_sparse_grid_has_few_panels_and_a_number_says_what_it_is():
    kinds = {"L1": ("0.1", "0.2", "0.3", "0.4"), "L2": ("5", "6", "7", "8")}
    arms = tuple(
        Arm(f"{kind} {level}", factors={"penalty": kind, "lambda": level})
        for kind, levels in kinds.items()
        for level in levels
    )
    panels = groups(arms)
    assert [panel.title for panel in panels] == ["L1", "L2"]
    for panel in panels:
        assert len({view.style for view in panel.arms}) == 4
    scales = groups(
        grid(Axis("a.batch_norm", {"with": {}, "without": {}}), Axis("scale", {"1": {}, "2": {}}))
    )
    assert [panel.title for panel in scales] == [""]
    many = groups(
        grid(Axis("net.init_scale", {str(i): {} for i in range(9)}), Axis("norm", {"a": {}, "b": {}}))
    )
    assert many[0].title == "init scale 0"


def test_layers_of_different_networks_are_counted():
    plain = Layers({"1": "Linear", "3": "Linear"})
    normed = Layers({"1": "Linear", "4": "Linear", "7": "Conv2d"})
    paths = {"a": ("1.weight", "3.weight"), "b": ("1.weight", "4.weight", "7.weight"), "none": ()}
    layers = {"a": plain, "b": normed, "none": plain}
    called, counted = aligned(paths, layers)
    assert counted
    assert called == {
        "a": ("#1 Linear", "#2 Linear"),
        "b": ("#1 Linear", "#2 Linear", "#3 Conv2d"),
        "none": (),
    }
    same, counted = aligned({"a": paths["a"], "none": ()}, layers)
    assert not counted
    assert same["a"] == ("1 Linear", "3 Linear")
