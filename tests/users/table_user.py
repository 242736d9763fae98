"""Someone with a CSV file of customers: words, gaps, a rare class; trains in the shell, asks in Python."""

from pathlib import Path

import numpy as np
import pyarrow
import pytest

import koubai as kb
from koubai.cli.main import main

rng = np.random.default_rng(0)
lines = ["age,city,premium,visits,leaves"]
for i in range(400):
    age, city, premium = (
        int(rng.integers(18, 80)),
        rng.choice(["Sapporo", "Sendai", "Naha"]),
        rng.random() < 0.3,
    )
    leaves = "yes" if age < 30 and not premium else "no"
    visits = "" if i % 40 == 7 else f"{rng.normal(5, 1):.2f}"
    lines.append(f"{age},{city},{str(premium).lower()},{visits},{leaves}")
Path("customers.csv").write_text("\n".join(lines), encoding="utf-8")

# A gap is no surprise: where it is, and what to do.
command = ["train", "--data", "customers.csv", "--target", "leaves", "--out", "runs/first"]
assert main(command) != 0
assert main([*command, "--set", "data.missing=median", "--set", "data.class_weight=balanced"]) == 0

# The run is a folder like any other; it answers for tables with columns in any order.
trained = kb.load("runs/first")
columns = {"visits": [5.0, None], "premium": [False, False], "age": [20, 70]}
people = pyarrow.table({**columns, "city": ["Naha", "Sendai"]})
assert trained.predict_classes(people).tolist() == ["true", "false"]
assert trained.predict_proba(people)[0, 1] > 0.7
with pytest.raises(kb.KoubaiError, match=r"column 'city': a new text in row 1"):
    trained.predict(pyarrow.table({**columns, "city": ["Nahaa", "Sendai"]}))

# And in Python, from the same file.
file = str(Path("customers.csv").absolute())
source = kb.data.table_file(file, "leaves", missing="median", scale="standard", class_weight="balanced")
run = kb.fit(
    kb.Mlp((16,), classes=2),
    source,
    optimizer="adam",
    learning_rate=0.01,
    epochs=40,
    batch_size=20,
    progress=False,
)
assert run.scores["test"].accuracy > 0.85
