"""Calls of every public function that takes arrays, each compared with what the reference formulas say."""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from dataclasses import replace
from functools import cache, partial

import numpy as np

import koubai as kb
from hostile.arrays import hostile, laid_out, meant, numbers, numbers_meant
from koubai.core.errors import KoubaiError
from koubai.data.levels import Levels
from koubai.engines import compile_job
from koubai.losses import LOSSES

SHAPES = {"dense": (3,), "conv": (1, 4, 4)}
CLASSES, BATCH, SAMPLES = 3, 4, 20
LAYERS = {
    "dense": kb.Sequential(kb.Linear(5), kb.Tanh(), kb.Linear(CLASSES)),
    "conv": kb.Sequential(
        kb.Conv2d(2, 3, padding=1), kb.ReLU(), kb.MaxPool2d(2), kb.Flatten(), kb.Linear(CLASSES)
    ),
}
ENGINES = ("native", "native", "reference")


class Wrong(AssertionError):
    """An answer that is not right, or a refusal of what is."""


@cache
def run(net, engine):
    """A trained run on arrays that are as stored."""
    random = np.random.default_rng(1)
    x = random.normal(size=(SAMPLES, *SHAPES[net])).astype(np.float32)
    t = np.arange(SAMPLES) % CLASSES
    settings = {"steps": 3, "batch_size": BATCH, "progress": False, "engine": engine}
    return kb.fit(LAYERS[net], (x, t, x, t), **settings)


@cache
def start(net, engine):
    """Where its program stands before any call, and after each."""
    return run(net, engine).session.program.state()


def program_of(net, engine):
    program = run(net, engine).session.program
    program.restore(start(net, engine))
    return program


def expected_outputs(net, engine, x):
    """Outputs in float64, by the formulas."""
    session = run(net, engine).session
    weights = session.state().weights.copy()
    weights.params = {path: w.astype(np.float64) for path, w in weights.params.items()}
    with np.errstate(all="ignore"):
        return session.network.bind(weights).forward(x.astype(np.float64))


def same(got, expected, x=None):
    """Raise unless they are equal within rounding, in rows whose numbers are of a usual size."""
    if got.shape != expected.shape:
        raise Wrong(f"shape {got.shape}, expected {expected.shape}")
    usual = slice(None)
    if x is not None:
        size = np.abs(np.nan_to_num(x.astype(np.float64), nan=1e9))
        usual = (size < 1e3).all(axis=tuple(range(1, x.ndim)))
    if not np.allclose(got[usual], expected[usual], rtol=2e-3, atol=2e-3, equal_nan=True):
        raise Wrong(f"{got[usual]} is not {expected[usual]}")


def answered(valid, call):
    """The answer of a call, None where it was refused; raise unless that is right."""
    try:
        with np.errstate(all="ignore"):
            answer = call()
    except KoubaiError:
        if valid:
            raise Wrong("refused what is right") from None
        return None
    if not valid:
        raise Wrong("took what is not right")
    return answer


# ------------------------------------------------------------------------------------------------ predictions


def predict(random):
    net, engine = str(random.choice(list(SHAPES))), str(random.choice(ENGINES))
    x = hostile(random, SHAPES[net])
    right = meant(x, SHAPES[net])
    ask = str(random.choice(["predict", "decide", "predict_classes"]))
    y = answered(right is not None, partial(getattr(run(net, engine), ask), x))
    if y is not None and ask == "predict":
        same(y, expected_outputs(net, engine, right), right)
    elif y is not None and y.shape != (len(right),):
        raise Wrong(f"{y.shape} classes for {len(right)} samples")
    return y is not None


def levels(random):
    net, engine = str(random.choice(list(SHAPES))), str(random.choice(ENGINES))
    codes = hostile(random, SHAPES[net], 0, 255)
    if random.random() < 0.6 and (plain := numbers_meant(codes)) is not None:
        with np.errstate(all="ignore"):
            codes = laid_out(random, plain.astype(np.uint8))
    is_bytes = isinstance(codes, np.ndarray) and codes.dtype == np.uint8 and codes.ndim > 0
    right = codes.astype(np.float32) / 51 if is_bytes and codes.shape[1:] == SHAPES[net] else None
    ask = run(net, engine).session.outputs
    y = answered(right is not None, lambda: ask(Levels(codes, np.float32(0), np.float32(51))))
    if y is not None:
        same(y, expected_outputs(net, engine, right), right)
    return y is not None


def formulas(random):
    net = str(random.choice(list(SHAPES)))
    session = run(net, "reference").session
    x = hostile(random, SHAPES[net])
    array = numbers_meant(x)
    valid = array is not None and array.ndim > 0 and array.shape[1:] == SHAPES[net]
    cell = session.network.bind(session.state().weights, training=True)
    y = answered(valid, lambda: cell.forward(x))
    if y is None:
        return False
    with np.errstate(all="ignore"):
        right = array.astype(np.float64)
        same(y, expected_outputs(net, "reference", right), right)
    dy = hostile(random, (CLASSES,))
    gradient = numbers_meant(dy)
    fits = gradient is not None and gradient.shape == y.shape
    if fits or gradient is None or gradient.shape[1:] != (CLASSES,):
        answered(fits, lambda: cell.backward(dy))
    return True


# ------------------------------------------------------------------------------------------------ training


def advance(random):
    net, engine = str(random.choice(list(SHAPES))), str(random.choice(ENGINES))
    if random.random() < 0.3:
        indices = hostile(random, (BATCH,), -3, SAMPLES + 3)
    else:
        drawn = random.integers(0, SAMPLES, (random.integers(0, 4), BATCH))
        indices = laid_out(random, drawn.astype(random.choice(["i8", ">i4", "u1"])))
    array = numbers_meant(indices)
    valid = array is not None and array.dtype.kind in "iu" and array.ndim == 2 and array.shape[1] == BATCH
    valid = valid and (not array.size or (array.min() >= 0 and array.max() < SAMPLES))
    program = program_of(net, engine)
    losses = answered(valid, lambda: program.advance(indices))
    if losses is not None:
        program.restore(start(net, engine))
        plain = compile_job(program.job, "reference")
        plain.restore(start(net, engine))
        same(losses, plain.advance(array.astype(np.int64)))
    return losses is not None


def restore(random):
    net, engine = str(random.choice(list(SHAPES))), str(random.choice(ENGINES))
    program, state = program_of(net, engine), start(net, engine).copy()
    path = str(random.choice(list(state.weights.params)))
    spec = tuple(run(net, engine).session.network.param_specs[path].shape)
    given = laid_out(random, numbers(random, spec)) if random.random() < 0.5 else hostile(random, spec[1:])
    state.weights.params[path] = given
    array = numbers_meant(given)
    fits = isinstance(given, np.ndarray) and array is not None and array.shape == spec
    try:
        taken = answered(fits, lambda: program.restore(state) or True)
        if taken:
            with np.errstate(all="ignore"):
                same(program.state().weights.params[path], array.astype(np.float32))
    finally:
        program.restore(start(net, engine))
    return taken is not None


def job(random):
    net, engine = str(random.choice(list(SHAPES))), str(random.choice(ENGINES))
    program = program_of(net, engine)
    usual = program.job
    x, t = usual.x, usual.t
    match random.integers(4):
        case 0:
            x = hostile(random, SHAPES[net])
        case 1:
            t = hostile(random, (), -2, CLASSES + 2)
        case 2:
            x = laid_out(random, numbers(random, (SAMPLES, *SHAPES[net])))
        case 3:
            t = laid_out(random, random.integers(-random.integers(2), CLASSES + random.integers(2), SAMPLES))
    try:
        with np.errstate(all="ignore"):
            taken = program.replace(replace(usual, x=x, t=t))
    except KoubaiError:
        taken = False
    finally:
        program.replace(usual)
        program.restore(start(net, engine))
    if taken and (
        meant(x, SHAPES[net]) is None or not ((numbers_meant(t) >= 0) & (numbers_meant(t) < CLASSES)).all()
    ):
        raise Wrong("took what is not right")
    return bool(taken)


# --------------------------------------------------------------------------------------- data and losses


def loss(random):
    made = LOSSES[str(random.choice(list(LOSSES)))]()
    width = int(random.integers(1, 4))
    y = hostile(random, (width,), 0.1, 0.9)
    n = len(right) if (right := numbers_meant(y)) is not None and right.ndim else 3
    if random.random() < 0.7:
        t = laid_out(
            random, random.integers(-1, width + 1, n).astype(random.choice(["i8", "u1", ">i2", "?"]))
        )
    else:
        t = hostile(random, (width,) if random.random() < 0.5 else (), 0, 1)
    ask = str(random.choice(["value", "gradient", "decide"]))
    arguments = (y,) if ask == "decide" else (y, t)
    try:
        with np.errstate(all="ignore"):
            answer = getattr(made, ask)(*arguments)
    except KoubaiError:
        return False
    if right is None or right.ndim != 2:
        raise Wrong("took what is not right")
    clean, target = right.astype(np.float64), numbers_meant(t)
    if ask == "decide":
        chosen = clean[:, 0] > made.cut if clean.shape[1] == 1 else clean.argmax(axis=1)
        if not np.array_equal(answer, chosen):
            raise Wrong(f"{answer} is not {chosen}")
        return True
    if len(target) != len(clean):
        raise Wrong("took targets of another number")
    if target.ndim == 1 and target.dtype.kind in "biu" and len(target):
        classes = 2 if clean.shape[1] == 1 and made.target != "classes" else clean.shape[1]
        if int(target.min()) < 0 or int(target.max()) >= classes:
            raise Wrong("took a label that is no class")
    with np.errstate(all="ignore"):
        expected = np.atleast_2d(getattr(made, ask)(clean, target))
        usual = np.abs(np.nan_to_num(clean, nan=1e9)).max(initial=0) < 10 and clean.dtype == np.float64
        if usual and right.dtype.itemsize > 2:
            same(np.atleast_2d(np.asarray(answer, np.float64)), expected)
    return True


def arrays(random):
    net = str(random.choice(list(SHAPES)))
    x, t = hostile(random, SHAPES[net]), hostile(random, (), 0, CLASSES)
    clean = numbers_meant(x)
    if clean is not None and clean.ndim and random.random() < 0.7:
        t = laid_out(random, random.integers(0, CLASSES, len(clean)))
    try:
        made = kb.data.arrays(x, t, x, t).load()
    except KoubaiError:
        return False
    with np.errstate(all="ignore"):
        wide = clean[:, None] if clean.ndim == 1 else clean
        if not np.array_equal(made.x_train, wide.astype(np.float32)):
            raise Wrong("other inputs")
    kb.data.describe(made)
    return True


def dataset(random):
    net = str(random.choice(list(SHAPES)))
    x, t = hostile(random, SHAPES[net]), hostile(random, (), 0, CLASSES)
    clean = numbers_meant(x)
    classes = CLASSES if random.random() < 0.7 else None
    if clean is not None and clean.ndim and random.random() < 0.7:
        t = laid_out(random, random.integers(0, CLASSES, len(clean)))
    try:
        made = kb.Dataset("mine", x_train=x, t_train=t, x_val=x, t_val=t, x_test=x, t_test=t, classes=classes)
    except KoubaiError:
        return False
    if not np.array_equal(made.x_train, clean.astype(made.x_train.dtype), equal_nan=True):
        raise Wrong("other inputs")
    if not np.array_equal(
        np.ravel(made.t_train), np.ravel(numbers_meant(t).astype(made.t_train.dtype)), equal_nan=True
    ):
        raise Wrong("other targets")
    return True


@cache
def scaled_data():
    random = np.random.default_rng(2)
    return kb.data.arrays(
        random.normal(size=(20, 2)), random.normal(5, 3, (20, 2)), target_scale="standard"
    ).load()


def as_stored(random):
    y = hostile(random, (2,))
    right = numbers_meant(y)
    valid = right is not None and right.ndim == 2 and right.shape[1] == 2
    got = answered(valid, lambda: scaled_data().as_stored(y))
    if got is not None:
        units = scaled_data().target_units
        same(got, right.astype(np.float64) * units.width + units.shift, right)
    return got is not None


CALLS = (predict, predict, levels, formulas, advance, restore, job, loss, loss, arrays, dataset, as_stored)


def call_many(count, seed):
    """Return counts of (function, answered or refused), and a line for each call that went wrong."""
    counts, wrong, ignored = Counter(), [], []
    hook, sys.unraisablehook = sys.unraisablehook, ignored.append  # an index out of bounds ends there
    try:
        for number in range(count):
            random = np.random.default_rng([seed, number])
            call = CALLS[number % len(CALLS)]
            try:
                counts[call.__name__, "answered" if call(random) else "refused"] += 1
            except Exception as error:  # whatever it is, it is what we look for
                last = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{last.filename}:{last.lineno}"
                wrong.append(f"{call.__name__} [{seed}, {number}]: {type(error).__name__}: {error} ({place})")
            if ignored:
                wrong.append(
                    f"{call.__name__} [{seed}, {number}]: compiled code: {ignored.pop().exc_value!r}"
                )
                ignored.clear()
    finally:
        sys.unraisablehook = hook
    return counts, wrong


def report(count, seed):
    """Print what came of so many calls; return 0 where all were right."""
    began = time.perf_counter()
    counts, wrong = call_many(count, seed)
    for (name, how), n in sorted(counts.items()):
        print(f"{name:12} {how:9} {n}")
    print(f"{count} calls, {len(wrong)} wrong, {time.perf_counter() - began:.0f} s")
    print(*wrong[:40], sep="\n")
    return 1 if wrong else 0
