"""koubai's networks as scikit-learn estimators: in a Pipeline, a GridSearchCV, a cross_val_score.

    from koubai.sklearn import KoubaiClassifier

    clf = KoubaiClassifier(hidden=(40,), epochs=30, random_state=0).fit(X, y)
    clf.predict_proba(X), clf.score(X, y), clf.run_.findings

What is understood as in scikit-learn is named as there; the rest is named as in koubai.
"""

from koubai.sklearn.classifier import KoubaiClassifier
from koubai.sklearn.hidden import HiddenActivations
from koubai.sklearn.regressor import KoubaiRegressor

__all__ = ["HiddenActivations", "KoubaiClassifier", "KoubaiRegressor"]
