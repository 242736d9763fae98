"""Every sentence with a number or a comparison says where that is computed or cited.

The source stands beside the sentence, as `source = "..."` in the words, in one of these forms (areas that
have a source of their own already are asked in `test_sources_of_study.py`):

    computed: koubai.module[:Name[.attribute]]   the code that has, or computes, the number
    test: tests/file.py[::test]                  a test that shows it
    run: NAME                                    an experiment of the catalog that shows it
    cited: Author(s) year, place                 a publication
    by definition                                it follows from what the words mean

A docstring of the catalog may only have numbers that its module has too, or that stand beside a year.
"""

import importlib
import inspect
import re

import numpy as np
import pytest

from koubai.lab.catalog import catalog_entries
from koubai.lab.experiments.batch_normalization_scales import SCALES
from koubai.lab.experiments.optimizer_rates import RATES
from koubai.lab.perform.plans.rates import WITHIN
from koubai.lab.perform.plans.surfaces import Saddle, TwoMinima
from koubai.layers import ReLU, Sigmoid, Tanh
from koubai.models import DeepConvNet, DoubleConvNet, SimpleConvNet
from koubai.network.network import Network
from koubai.optim import Momentum, RMSProp
from koubai.words import areas
from support.cited import entries_of, missing, needs_a_source

ELSEWHERE = ("parts", "errata", "quiz", "lessons", "glossary", "names")
AREAS = [area for area in areas() if area not in ELSEWHERE and not area.startswith("errors")]
"""Errors are said by the very code that checks: `test_errors.py` reads each of their texts off the source."""


@pytest.mark.parametrize("area", AREAS)
def test_every_number_and_comparison_has_a_source_that_leads_somewhere(area):
    wrong = {}
    for key, entry in entries_of(area):
        if needs_a_source(entry["en"]):
            fault = missing(entry["source"]) if "source" in entry else "has no source"
        else:
            fault = "has a source and no number or comparison" if "source" in entry else None
        if fault:
            wrong[key] = fault
    assert not wrong


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("ten layers leave at most a millionth", True),
        ("{count} of {n} are {share:.1%}", False),
        ("divide by 10", True),
        ("He does better than Xavier", True),
        ("see `koubai run --seeds 10`", False),
        ("the weights stay as they are", False),
        ("L2 and im2col", False),
        ("such as --set classes=100", False),
    ],
)
def test_what_needs_a_source(text, asked):
    assert needs_a_source(text) is asked


@pytest.mark.parametrize(
    "source",
    [
        "somebody said so",
        "cited: Hochreiter",
        "run: vanishing",
        "test: tests/words/test_sources.py::test_nothing",
        "computed: koubai.layers.activations:Sigmoid.nothing",
        "computed: koubai.nothing",
    ],
)
def test_a_source_that_leads_nowhere_is_found(source):
    assert missing(source)


def numbers_in(text):
    """Numbers as values; 5x5 and K003 are none, and neither are years."""
    found = re.findall(r"(?<![\w.^])(\d[\d,]*\.?\d*|\.\d+)(?![\w^])", text)
    values = {float(number.replace(",", "").rstrip(".")) for number in found}
    return {value for value in values if not 1900 <= value <= 2100}


@pytest.mark.parametrize("entry", catalog_entries(), ids=lambda entry: entry.name())
def test_the_numbers_of_a_docstring_are_those_of_its_module(entry):
    module = inspect.getmodule(type(entry))
    doc = inspect.getdoc(type(entry)) or ""
    code = inspect.getsource(module).replace(type(entry).__doc__ or "", "").replace("_", "")
    shared = "".join(
        inspect.getsource(importlib.import_module(f"koubai.lab.{name}"))
        for name in ("course.settings", "experiments.beside_dense")
    )
    known = numbers_in(re.sub(r"[()\[\]{}=*,\"']", " ", code + shared)) | {0.0, 1.0, 2.0, 10.0}
    uncited = [
        part
        for part in re.split(r"(?<!sec\.)(?<!al\.)(?<=[.:;])\s", doc)
        if not re.search(r"\b(?:19|20)\d\d\b", part)
    ]
    unknown = numbers_in(" ".join(uncited)) - known - KNOWN_BESIDES.get(entry.name(), set())
    assert not unknown


def parameters(model):
    return float(Network(model, (1, 28, 28)).parameter_count)


def settings(model, kind, name):
    return {
        float(getattr(cell.layer, name))
        for cell in Network(model, (1, 28, 28)).leaves
        if type(cell.layer).__name__ == kind
    }


KNOWN_BESIDES = {
    "adagrad-stalls": {RMSProp(0.1).decay},
    "batch-normalization-place": {float(Sigmoid().value(np.zeros(1))[0])},
    "batch-normalization-scales": {SCALES[-1], round((2 / 100) ** 0.5, 2)},
    "deep-convnet": {
        parameters(DeepConvNet()),
        parameters(SimpleConvNet()),
        *settings(DeepConvNet(), "Dropout", "ratio"),
    },
    "double-convnet": {parameters(DoubleConvNet())},
    "optimizer-rates": {min(RATES), float(len(RATES)), 100 * WITHIN},
    "over-fitting": {round(0.85**6, 2)},
    "saddle": numbers_in(Saddle.__doc__),
    "two-minima": numbers_in(TwoMinima.__doc__) | {TwoMinima().tilt},
    "valley-momentum": {Momentum(0.1).momentum},
    "padding-stride": {float((8 + 2 * 1 - 3) // 2 + 1)},
    "simple-convnet": {parameters(SimpleConvNet()), *settings(SimpleConvNet(), "Conv2d", "out_channels")},
    "vanishing-gradient": {Sigmoid.max_derivative},
}
"""Numbers of a docstring that another place computes."""


def test_the_scales_that_keep_a_signal():
    """Over ten layers of 400: what is left of the deviation over samples of each unit."""
    random = np.random.default_rng(0)

    def left(layer, scale, depth=10, n=400):
        x = random.normal(size=(200, n))
        first = None
        for _ in range(depth):
            u = x @ random.normal(size=(n, n)) * scale / n**0.5
            x = layer.value(u)
            spread = float(np.sqrt(u.var(axis=0).mean()))
            first = spread if first is None else first
        return spread / first

    assert left(ReLU(), 2**0.5) > 0.3
    assert left(ReLU(), 1.0) < 0.05
    assert left(Tanh(), 1.0) > 0.2
    assert left(Sigmoid(), 1.0) < 1e-4
    assert left(Sigmoid(), 2**0.5) > 3 * left(Sigmoid(), 1.0)
