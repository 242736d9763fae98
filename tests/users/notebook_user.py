"""Someone in a notebook, used to Keras: names as text, epochs, curves, a confusion matrix, a file."""

import pytest
from sklearn.metrics import confusion_matrix, f1_score

import koubai as kb

run = kb.fit(
    kb.Mlp(hidden=(40,)),
    kb.data.digits(validation=200),
    optimizer="adam",
    learning_rate=0.01,
    epochs=10,
    batch_size=32,
    threads="auto",
    progress=False,
)
raw = kb.data.digits().read(None)
assert run.score(raw.x_test, raw.t_test) > 0.9
assert run.score(raw.x_test, raw.t_test, lambda t, y: f1_score(t, y, average="macro")) > 0.9
print(confusion_matrix(raw.t_test, run.decide(raw.x_test)))
assert run.predict_proba(raw.x_test[:3]).shape == (3, 10)

run.plot("accuracy").write_html("accuracy.html", include_plotlyjs=False)
assert "accuracy" in run.plot("accuracy").layout.yaxis.title.text.lower()
assert "<table>" in run._repr_html_()

# The usual slips, each with the word that is meant.
for slip, meant in {"lr": "learning_rate", "epoch": "epochs", "criterion": "loss"}.items():
    with pytest.raises(kb.KoubaiError, match=meant):
        kb.fit(kb.Mlp(), kb.data.digits(), **{slip: 1})
with pytest.raises(kb.KoubaiError, match="did you mean 'adam'"):
    kb.fit(kb.Mlp(), kb.data.digits(), optimizer="adma")

run.save("digits")
assert kb.load("digits").score(raw.x_test, raw.t_test) == run.score(raw.x_test, raw.t_test)
