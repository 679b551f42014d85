import numpy as np
import pytest

pytestmark = pytest.mark.slow


def clouds(num_classes, per_class, seed=0):
    """Return embeddings around one centre a class, badly scaled, and the classes."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (num_classes, 8))
    y_true = np.repeat(np.arange(num_classes), per_class)
    embeddings = centres[y_true] + rng.normal(0, 1, (len(y_true), 8))
    scale = np.array([100, 0.01, 1, 1, 1, 1, 1, 1])
    return (embeddings * scale + 50).astype(np.float32), y_true


@pytest.fixture(scope="module")
def head():
    from pipeline.networks import head

    return head


@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_separate_clouds_are_told_apart(head, num_classes):
    embeddings, y_true = clouds(num_classes, 30)
    fitted = head.fit_head(embeddings, y_true, num_classes, c=0.1)
    pred_probs = fitted.pred_probs(embeddings)
    assert fitted.kernel.shape == (8, num_classes)
    assert fitted.bias.shape == (num_classes,)
    assert (pred_probs.argmax(axis=1) == y_true).mean() > 0.98
    assert np.allclose(pred_probs.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_folded_weights_say_what_scikit_learn_says(head, num_classes):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    embeddings, y_true = clouds(num_classes, 20, seed=1)
    fitted = head.fit_head(embeddings, y_true, num_classes, c=0.01)

    scaler = StandardScaler().fit(embeddings)
    regression = LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000)
    regression.fit(scaler.transform(embeddings), y_true)
    expected = regression.predict_proba(scaler.transform(embeddings))
    assert np.allclose(fitted.pred_probs(embeddings), expected, atol=2e-3)


def test_a_rare_category_weighs_as_much_as_a_common_one(head):
    rng = np.random.default_rng(2)
    y_true = np.repeat([0, 1], [200, 10])
    embeddings = (rng.normal(0, 1, (210, 2)) + y_true[:, None]).astype(np.float32)
    fitted = head.fit_head(embeddings, y_true, 2, c=1.0)
    middle = np.full((1, 2), 0.5, np.float32)
    assert 0.3 < fitted.pred_probs(middle)[0, 1] < 0.7


def test_a_feature_that_never_changes_does_no_harm(head):
    embeddings, y_true = clouds(3, 20)
    embeddings[:, 3] = 7
    fitted = head.fit_head(embeddings, y_true, 3, c=0.1)
    assert np.isfinite(fitted.kernel).all()


def test_a_category_without_photos_is_our_mistake(head):
    embeddings, y_true = clouds(2, 5)
    with pytest.raises(ValueError, match="photos of all 3 classes"):
        head.fit_head(embeddings, y_true, 3, c=0.1)
