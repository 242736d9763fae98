"""scikit-learn's own checks of an estimator, all of them."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from koubai.sklearn import HiddenActivations, KoubaiClassifier, KoubaiRegressor

# As scikit-learn says of its own random estimators (RandomForestClassifier, BaggingClassifier, KMeans ...).
REASON = "sample_weight is not equivalent to removing/repeating samples."


def known(estimator):
    return {"check_sample_weight_equivalence_on_dense_data": REASON}


@parametrize_with_checks(
    [
        KoubaiClassifier((20,), epochs=60, learning_rate=0.02, batch_size=40),
        KoubaiRegressor((20,), epochs=60, learning_rate=0.02, batch_size=40),
        HiddenActivations(KoubaiClassifier((5,), epochs=2)),
    ],
    expected_failed_checks=known,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)
