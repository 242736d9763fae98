"""The drawing of the chain rule: paths add up to what back-propagation gives, and to central differences."""

import numpy as np
import pytest

from koubai.study.pictures.network import DEPTH, WIDTH, X, network, small


def forward(weights, x):
    h = x
    for W in weights[:-1]:
        h = 1 / (1 + np.exp(-(h @ W)))
    return (h @ weights[-1])[0, 0]


def test_all_paths_together_are_the_derivative():
    net = small()
    ways = net.paths()
    assert len(ways) == WIDTH**DEPTH
    total = sum(way.product for way in ways)
    assert total == pytest.approx(net.dx[0], rel=1e-12)
    step = np.array([[1e-5, 0.0]])
    numerical = (forward(net.weights, X + step) - forward(net.weights, X - step)) / 2e-5
    assert total == pytest.approx(numerical, rel=1e-6)
    assert all(0 < slope <= 0.25 for way in ways for slope in way.slopes)


def test_the_numbers_of_the_thickest_path_stand_in_the_drawing():
    picture, net = network(""), small()
    most = max(net.paths(), key=lambda way: abs(way.product))
    (figure,) = [panel.figure.plotly() for panel in picture.panels]
    assert len(figure.layout.annotations) == DEPTH + 1
    thick = [trace for trace in figure.data if trace.mode == "lines" and trace.line.width > 1]
    assert len(thick) == DEPTH + 1
    assert len(picture.table.rows) == WIDTH**DEPTH + 1
    assert f"{most.slopes[0]:.2g}".lstrip("0") in picture.summary
