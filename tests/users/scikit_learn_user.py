"""Someone who knows scikit-learn: text labels, a pipeline, a search, a model in a file."""

import pickle
from pathlib import Path

import numpy as np
from sklearn.datasets import load_wine
from sklearn.metrics import classification_report, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from koubai.sklearn import HiddenActivations, KoubaiClassifier, KoubaiRegressor

wine = load_wine()
names = wine.target_names[wine.target]
X_train, X_test, y_train, y_test = train_test_split(wine.data, names, stratify=names, random_state=0)

# As they would with MLPClassifier.
clf = KoubaiClassifier(
    (20,), learning_rate=0.01, epochs=40, early_stopping=True, class_weight="balanced", random_state=0
)
clf.fit(X_train, y_train)
print(classification_report(y_test, clf.predict(X_test)))
assert clf.score(X_test, y_test) > 0.9
assert roc_auc_score(y_test, clf.predict_proba(X_test), multi_class="ovr") > 0.95
assert cross_val_score(clf, wine.data, names, cv=3).min() > 0.85

# A search over what koubai is made of, behind another step.
pipe = make_pipeline(QuantileTransformer(n_quantiles=20), KoubaiClassifier((10,), epochs=20, random_state=0))
grid = {"koubaiclassifier__activation": ["relu", "tanh"], "koubaiclassifier__optimizer": ["adam", "nesterov"]}
search = GridSearchCV(pipe, grid, cv=2).fit(X_train, y_train)
assert search.score(X_test, y_test) > 0.85, search.best_params_

# In a file and back; the same answers, to the bit.
Path("model.pkl").write_bytes(pickle.dumps(search))
again = pickle.loads(Path("model.pkl").read_bytes())
assert np.array_equal(again.predict_proba(X_test), search.predict_proba(X_test))

# Values, and features for another model.
model = KoubaiRegressor((20,), epochs=40, random_state=0).fit(wine.data[:, 1:], wine.data[:, 0])
assert model.score(wine.data[:, 1:], wine.data[:, 0]) > 0.5
assert HiddenActivations(clf).fit(X_train, y_train).transform(X_test).shape == (len(X_test), 20)

# What only koubai has: the run with its findings.
assert clf.run_.findings == [], clf.run_.findings
