"""An experimenter: arms over seeds, gone on with, verdicts with intervals, numbers for a paper."""

import csv
from pathlib import Path

import koubai as kb
from koubai.lab import Arm, Claim, Experiment, run

base = kb.Recipe(kb.Mlp(hidden=(20,)), kb.data.digits(), optimizer=kb.SGD(0.01), steps=60)
arms = (
    Arm("sgd"),
    Arm("sgd, again as it is", {"optimizer": kb.SGD(0.0101)}),
    Arm("adam", {"optimizer": kb.Adam(0.01)}),
)
claims = (Claim("adam", "sgd"), Claim("sgd, again as it is", "sgd"))
experiment = Experiment("optimizers", base, arms, claims=claims, seeds=tuple(range(6)))

# Two seeds first; the others later: what is there is not trained again.
few = run(Experiment("optimizers", base, arms, claims=claims, seeds=(0, 1)), out=Path("runs"))
assert few.reused == 0
whole = run(experiment, out=Path("runs"))
assert whole.reused == 6

# One claim holds, one cannot be told: the words say which, with intervals.
true, idle = whole.verdicts
assert true.outcome == "supported"
assert idle.outcome != "supported"
difference = true.comparison
assert difference.pairs == 6
assert 0.2 < difference.interval.low <= difference.difference <= difference.interval.high

# The same seed gives the same numbers, to the last bit, whoever runs it.
once, twice = (kb.fit(base.edit(seed=3), progress=False, engine="reference") for _ in range(2))
assert once.scores == twice.scores

# Every number for one's own statistics.
rows = [(one.arm, one.seed, one.scores["test_accuracy"]) for one in whole.runs]
with Path("runs.csv").open("w", newline="", encoding="utf-8") as file:
    csv.writer(file).writerows(rows)
assert len(rows) == 18
mean = sum(accuracy for arm, _, accuracy in rows if arm == "adam") / 6
assert abs(mean - whole.summary("adam").mean) < 1e-12
assert "supported" in whole._repr_html_().lower()
