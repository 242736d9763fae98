"""A drawing is what Plotly's own package would write, without that package."""

import json
from base64 import b64decode

import numpy as np

from koubai.report.drawing import Drawing


def unpacked(value):
    """Return JSON with packed arrays as lists and what is not finite as None."""
    if isinstance(value, dict) and "bdata" in value:
        array = np.frombuffer(b64decode(value["bdata"]), value["dtype"])
        shape = [int(size) for size in str(value.get("shape", array.size)).split(",")]
        return unpacked(array.reshape(shape).tolist())
    if isinstance(value, dict):
        return {name: unpacked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [unpacked(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def drawn():
    drawing = Drawing(300, xaxis={"title": {"text": "x"}}, showlegend=False)
    drawing.add(
        "scatter",
        x=np.array([0, 10, 2**40]),
        y=np.array([0.5, np.nan, np.inf], np.float32),
        mode="lines",
        fill=None,
        line={"width": np.float64(2), "dash": None},
        text=["a", None, "<b>"],
    )
    drawing.add(
        "heatmap", z=np.arange(6, dtype=np.uint8).reshape(2, 3), zmax=5, colorscale=[[0, "#000"], [1, "#fff"]]
    )
    drawing.lay(xaxis={"range": [0, 1]}, yaxis2={"overlaying": "y", "visible": False})
    drawing.mark(x=1, y=2, text="here", showarrow=False)
    drawing.cross(0.25, {"color": "#888", "width": 1})
    return drawing


def test_the_same_figure_as_plotlys_package_writes():
    drawing = drawn()
    theirs = json.loads(drawing.plotly().to_json())
    del theirs["layout"]["template"]
    for trace in theirs["data"]:
        trace.pop("colorscale", None)  # lists of lists or of tuples
    ours = json.loads(json.dumps(drawing.plain(), allow_nan=False))
    for trace in ours["data"]:
        trace.pop("colorscale", None)
    assert unpacked(ours) == unpacked(theirs)


def test_what_is_set_twice_is_added_to():
    drawing = drawn()
    assert drawing.layout["xaxis"] == {"title": {"text": "x"}, "range": [0, 1]}
    drawing.mark(text="there")
    assert [note["text"] for note in drawing.layout["annotations"]] == ["here", "there"]


def test_arrays_are_packed_by_what_they_hold():
    drawing = Drawing()
    drawing.add("scatter", x=np.array([1, 2]), y=np.array([0.1, 0.2]), text=np.array(["a", "b"]))
    (trace,) = drawing.plain()["data"]
    assert (trace["x"]["dtype"], trace["y"]["dtype"], trace["text"]) == ("i4", "f4", ["a", "b"])
    np.testing.assert_allclose(unpacked(trace["y"]), [0.1, 0.2], rtol=1e-7)
