import numpy as np
import pytest

from koubai.lab.declare.experiment import Axis, grid
from koubai.report.arms import groups
from koubai.report.figures.activation_histograms import LayerHistogram, activation_histograms
from koubai.report.figures.gap import Gap, gap
from koubai.report.figures.gradient_by_layer import gradient_by_layer
from koubai.report.figures.gradient_heatmap import LayerTrace, gradient_heatmap
from koubai.report.figures.learning_curves import learning_curves
from koubai.report.figures.optimizer_paths import DescentPath, SurfaceGrid, optimizer_paths
from koubai.report.figures.outcomes import ArmOutcome, outcomes
from koubai.report.figures.regularization_paths import RegularizationPath, regularization_paths
from koubai.report.figures.starts import DrawnStarts, starts
from koubai.report.figures.sweep import Sweep, sweep
from koubai.report.figures.tiles import Tiles, filters
from koubai.report.figures.weights import WeightHistogram, weights
from koubai.report.palette import style
from koubai.report.picture import of_many
from koubai.report.series import Curve, Profile
from koubai.words import speaking

STEPS = np.array([0, 10, 20])


@pytest.fixture(autouse=True)
def english():
    with speaking("en"):
        yield


def trace_named(figure, name):
    (found,) = [trace for trace in figure.data if trace.name == name and trace.showlegend is not False]
    return found


def curve(title, values, i=0):
    return Curve(title, title, style(i), STEPS, np.array(values, float))


def test_learning_curves_draw_the_mean_the_band_and_every_seed():
    values = [[0.1, 0.5, 0.9], [0.3, 0.7, 0.7], [0.2, 0.6, 0.8]]
    picture = learning_curves([("", [curve("a", values)])], "test_accuracy")
    (figure,) = [panel.figure.plotly() for panel in picture.panels]
    np.testing.assert_allclose(trace_named(figure, "a").y, [0.2, 0.6, 0.8])
    seeds = [trace for trace in figure.data if trace.line.width == 0.8]
    np.testing.assert_array_equal([trace.y for trace in seeds], values)
    (band,) = [trace for trace in figure.data if trace.fill == "toself"]
    assert min(band.y) >= 0
    assert max(band.y) <= 1
    assert "80.0%" in picture.summary
    assert picture.table.columns == ("Updates", "a")
    assert picture.table.rows[1] == ("10", "60.0% [35.2%, 84.8%]")


def test_panels_share_their_axis_so_that_they_can_be_compared():
    panels = [("low", [curve("a", [[0.0, 0.1, 0.2]])]), ("high", [curve("b", [[0.1, 0.6, 0.9]])])]
    picture = learning_curves(panels, "test_accuracy")
    first, second = (panel.figure.plotly().layout.yaxis.range for panel in picture.panels)
    assert first == second
    assert first[0] <= 0
    assert first[1] >= 0.9


def test_a_loss_over_decades_gets_a_logarithmic_axis_and_an_accuracy_never():
    falling = [("", [curve("a", [[2.3, 0.1, 0.001]])])]
    assert learning_curves(falling, "train_loss").panels[0].figure.plotly().layout.yaxis.type == "log"
    assert learning_curves(falling, "test_accuracy").panels[0].figure.plotly().layout.yaxis.type is None
    touching_zero = [("", [curve("a", [[2.3, 0.1, 0.0]])])]
    assert learning_curves(touching_zero, "train_loss").panels[0].figure.plotly().layout.yaxis.type is None


def test_a_run_that_diverged_leaves_a_gap_and_no_error():
    values = [[1.0, np.nan, np.nan], [1.0, np.inf, np.nan]]
    picture = learning_curves([("", [curve("a", values), curve("b", [[np.nan] * 3], 1)])], "train_loss")
    assert picture.table.rows[1] == ("10", "–", "–")
    assert "1" in picture.summary


def test_gradients_by_layer_name_the_arm_whose_signal_fades_and_the_one_that_keeps_it():
    layers = ("1", "3", "5")
    fading = Profile("fading", "f", style(0), layers, np.array([[2.5e-5, 5e-3, 1.0]]))
    steady = Profile("steady", "s", style(1), layers, np.array([[0.9, 1.0, 1.0]]))
    picture = gradient_by_layer([("", [fading, steady])])
    assert "1/40,000 for fading" in picture.summary
    assert "0.9 for steady" in picture.summary
    assert picture.table.rows[0][-1] == "1/40,000"
    figure = picture.panels[0].figure.plotly()
    assert figure.layout.yaxis.type == "log"
    np.testing.assert_allclose(trace_named(figure, "f").y, [2.5e-5, 5e-3, 1.0])


def test_an_exact_zero_is_a_marker_of_its_own_on_the_log_axis():
    dead = Profile("dead", "dead", style(0), ("1", "3"), np.array([[0.0, 1.0]]))
    picture = gradient_by_layer([("", [dead])])
    line, zeros = picture.panels[0].figure.plotly().data
    assert np.isnan(line.y[0])
    assert list(zeros.x) == ["1"]
    assert zeros.marker.symbol == "triangle-down-open"
    assert picture.table.rows[0][1] == "0"


def test_the_heat_map_is_logarithmic_on_one_scale_and_zero_is_empty():
    one = LayerTrace("one", ("1", "3"), STEPS, np.array([[1e-6, 1e-5, 0.0], [1.0, 1.0, np.nan]]))
    two = LayerTrace("two", ("1", "3"), STEPS, np.array([[0.1, 0.1, 0.1], [1.0, 1.0, 1.0]]))
    picture = gradient_heatmap([one, two])
    maps = [panel.figure.plotly().data[0] for panel in picture.panels]
    np.testing.assert_allclose(maps[0].z, [[-6, -5, np.nan], [0, 0, np.nan]])
    assert maps[0].zmin == maps[1].zmin == -6
    assert maps[0].zmax == maps[1].zmax == 0
    assert list(maps[0].y) == ["1", "3"], "the first layer is the lowest row"
    assert "0 (one, layer 1, update 20)" in picture.summary


def test_outcomes_show_seeds_mean_interval_and_what_went_wrong():
    good = ArmOutcome("good", {0: 0.9, 1: 0.94}, 0.92, 0.88, 0.96)
    stuck = ArmOutcome("stuck", {0: 0.1, 1: 0.1}, 0.1, 0.1, 0.1, notes=("2/2 collapsed",))
    gone = ArmOutcome("gone", {}, float("nan"), notes=("2/2 lost",))
    picture = outcomes([good, stuck, gone], "test_accuracy", chance=0.1)
    figure = picture.panels[0].figure.plotly()
    assert sorted(trace_named(figure, "one seed").x) == [0.1, 0.1, 0.9, 0.94]
    means = trace_named(figure, "mean and 95 % interval")
    assert list(means.x) == [0.92, 0.1]
    np.testing.assert_allclose(means.error_x.array, [0.04, 0])
    assert [note.text for note in figure.layout.annotations] == [
        "92.0%",
        "10.0%<br>2/2 collapsed",
        "–<br>2/2 lost",
    ]
    assert list(figure.layout.yaxis.ticktext) == ["good", "stuck", "gone"]
    assert picture.table.rows[0] == ("good", "92.0% [88.0%, 96.0%]", "90.0%", "94.0%")
    assert picture.table.rows[2] == ("gone", "–", "–", "–")


def test_the_gap_is_the_distance_between_two_dots():
    picture = gap([Gap("wide", 1.0, 0.76), Gap("narrow", 0.9, 0.706)])
    figure = picture.panels[0].figure.plotly()
    assert list(trace_named(figure, "Test accuracy").x) == [0.76, 0.706]
    assert "widest for wide (24.0 points) and narrowest for narrow (19.4 points)" in picture.summary
    assert "2.0 points in every arm" in gap([Gap("a", 0.9, 0.88), Gap("b", 0.5, 0.48)]).summary


def test_ridges_of_the_same_layers_share_their_axis_so_that_a_collapse_shows():
    wide = LayerHistogram("2 Sigmoid", np.linspace(0, 1, 11), np.full(10, 0.1), np.full(10, 0.1))
    spike = LayerHistogram("2 Sigmoid", np.linspace(0.49, 0.51, 11), np.eye(10)[5], np.eye(10)[5])
    picture = activation_histograms([("wide", [wide]), ("spike", [spike])])
    first, second = (panel.figure.plotly().layout.xaxis.range for panel in picture.panels)
    assert first == second
    assert picture.table.rows[0][2:4] == ("0.5", "0.287")
    assert "(spike, layer 2 Sigmoid)" in picture.summary


def test_a_descent_lies_on_its_contours_and_in_one_dimension_on_its_curve():
    grid_x, grid_y = np.linspace(-8, 8, 5), np.linspace(-3, 3, 4)
    values = grid_x[None, :] ** 2 / 20 + grid_y[:, None] ** 2
    points = np.array([[-7.0, 2.0], [-3.0, 0.5]])
    surface = SurfaceGrid(grid_x, grid_y, values)
    picture = optimizer_paths([DescentPath("SGD", points, np.array([6.45, 0.7]), surface)])
    contour, path, *_ = picture.panels[0].figure.plotly().data
    np.testing.assert_allclose(np.square(contour.z), values - values.min())
    np.testing.assert_array_equal([path.x, path.y], points.T)
    assert "SGD: f = 0.7 after 1 steps" in picture.summary
    parabola = SurfaceGrid(grid_x, None, grid_x**2)
    flat = optimizer_paths([DescentPath("GD", np.array([[4.0], [2.0]]), np.array([16.0, 4.0]), parabola)])
    curve_drawn, path, *_ = flat.panels[0].figure.plotly().data
    np.testing.assert_array_equal(curve_drawn.y, grid_x**2)
    assert list(path.y) == [16.0, 4.0]
    assert flat.table.rows[1] == ("1", "2", "4")


def test_filters_are_laid_out_with_a_gap_on_a_scale_centred_at_zero():
    images = np.arange(4 * 2 * 3, dtype=float).reshape(4, 2, 3) - 6
    (panel,) = filters([Tiles("0 Conv2d", "filters", images)]).panels
    drawn = panel.figure.plotly().data[0]
    assert drawn.zmin == -drawn.zmax == -17
    cells = drawn.z[np.isfinite(drawn.z)]
    np.testing.assert_array_equal(np.sort(cells), np.sort(images.ravel()))
    np.testing.assert_array_equal(drawn.z[:2, :3], images[0])


def test_a_regularization_path_shows_the_weights_go_and_the_biases_stay():
    strengths = np.array([0.01, 0.1, 1.0])
    path = RegularizationPath(
        "L2", strengths, np.array([5.0, 2.0, 0.01]), np.array([1.0, 1.1, 1.2]), free=6.0
    )
    picture = regularization_paths([path])
    figure = picture.panels[0].figure.plotly()
    assert list(trace_named(figure, "all weights").y) == [5.0, 2.0, 0.01]
    assert set(trace_named(figure, "weights without a penalty").y) == {6.0}
    assert "from 5 to 0.01" in picture.summary
    assert len(picture.table.rows) == 3


def made_sweep(title, levels, mean):
    seeds = np.array(mean)[:, None] + [[-0.01, 0.01]]
    return Sweep(title, style(0), np.array(levels), np.array(mean), seeds[:, 0], seeds[:, 1], seeds)


def test_a_sweep_over_decades_is_logarithmic_and_names_the_best_level():
    picture = sweep([made_sweep("SGD", [0.001, 0.1, 10], [0.2, 0.9, np.nan])], "rate", "test_accuracy")
    figure = picture.panels[0].figure.plotly()
    assert figure.layout.xaxis.type == "log"
    assert picture.summary == "SGD: highest at rate 0.1, 90.0%."
    assert list(trace_named(figure, "no number (diverged or failed)").x) == [10]
    best_loss = sweep([made_sweep("SGD", [1.0, 2, 3], [3.0, 1.0, 2.0])], "width", "test_loss")
    assert "lowest at width 2, 1." in best_loss.summary


def test_what_has_only_the_level_zero_is_a_line_to_hold_the_others_against():
    lines = [made_sweep("none", [0.0], [0.7]), made_sweep("L2", [0.01, 0.1, 1.0], [0.7, 0.8, 0.2])]
    figure = sweep(lines, "lambda", "test_accuracy").panels[0].figure.plotly()
    assert figure.layout.xaxis.type == "log"
    without = trace_named(figure, "none")
    assert list(without.y) == [0.7, 0.7]
    assert list(without.x) == [0.01, 1.0]


def test_weights_that_remain_are_counted():
    histogram = WeightHistogram("L1", np.linspace(-1, 1, 5), np.array([0, 5, 90, 5]), 0.9, 1.5)
    picture = weights([histogram])
    bars = picture.panels[0].figure.plotly().data[0]
    np.testing.assert_array_equal(bars.y, [np.nan, 5, 90, 5])
    assert "90.0% of the weights of L1" in picture.summary


def test_names_are_never_markup():
    (panel,) = groups(grid(Axis("a", {"<b>x</b> & <a href='javascript:1'>": {}})))
    arm = panel.arms[0]
    picture = learning_curves(
        [("", [Curve(arm.title, arm.short, arm.style, STEPS, np.ones((1, 3)))])], "loss"
    )
    name = picture.panels[0].figure.plotly().data[0].name
    assert "<b>" not in name
    assert "<a" not in name
    assert "&lt;b&gt;x" in name.replace("<br>", " ")


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_figures_of_nothing_say_so(lang):
    with speaking(lang):
        pictures = [
            learning_curves([], "test_accuracy"),
            gradient_by_layer([]),
            gradient_heatmap([]),
            outcomes([], "test_accuracy"),
            gap([]),
            activation_histograms([]),
            optimizer_paths([]),
            weights([]),
        ]
    assert all(picture.summary for picture in pictures)
    assert not any(picture.table.rows for picture in pictures)


def test_a_picture_that_shows_only_some_says_how_many():
    picture = gap([Gap("a", 0.9, 0.88)])
    assert of_many(picture, 1) is picture
    assert of_many(picture, 30).note.startswith("Shown: 1 of 30, evenly chosen. Means over seeds")


def test_starts_are_marked_by_where_they_end():
    x = np.linspace(-2, 2, 5)
    rows = [
        DrawnStarts("stays", np.array([-1.0, 1.0]), np.array([False, True])),
        DrawnStarts("rolls", np.array([-1.0, 1.0]), np.array([True, True])),
    ]
    picture = starts(rows, x, x**2)
    figure = picture.panels[0].figure.plotly()
    reached = trace_named(figure, "ends in the deepest minimum")
    assert list(zip(reached.x, reached.y, strict=True)) == [(1.0, 0), (-1.0, 1), (1.0, 1)]
    assert list(trace_named(figure, "ends elsewhere").x) == [-1.0]
    assert "rolls (100.0%)" in picture.summary
    assert "stays (50.0%)" in picture.summary
    assert [row[1:] for row in picture.table.rows] == [("0.0%", "100.0%"), ("100.0%", "100.0%")]
