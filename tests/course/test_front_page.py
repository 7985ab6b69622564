"""What the front page, the results, the cards and the stored measurements say agrees."""

import json
import re
from pathlib import Path

import pytest
from data_samples import real

from helpers import models
from reading_faces.training import realism
from reading_faces.training.measure import evaluate

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "data" / "results"
REALISM = STORED / "realism.json"
# What `evaluate` printed; the other files there are quoted by lessons.
RESULTS = [
    path for path in sorted(STORED.glob("*.json")) if "metrics" in json.loads(path.read_text())
]
FRONT_PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")


def headline(metrics: dict) -> str:
    """Write the number that a result is quoted by."""
    if "unknown_auroc" in metrics:
        return f"{metrics['unknown_auroc']:.3f}"
    if "macro_auc" in metrics:
        return f"{metrics['macro_auc']:.3f}"
    for name in ("mean_of_folds", "pairs_accuracy", "accuracy", "mean_error_interocular"):
        if name in metrics:
            return f"{100 * metrics[name]:.1f} %"
    return f"{100 * metrics['prototype_agreement']['agreement']:.1f} %"


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_the_page_of_results_quotes_each_stored_result(path):
    result = json.loads(path.read_text())
    rows = [line for line in PAGE.splitlines() if f"`{result['command']}`" in line]
    assert len(rows) == 1, f"one row of docs/results.md should give the command {result['command']}"
    assert headline(result["metrics"]) in rows[0]
    assert f"| {result['n']:,} |" in rows[0]


def test_the_front_page_quotes_five_results_and_links_to_each():
    rows = re.findall(
        r"^\| \[.+\]\((data/results/.+\.json)\) \| (.+) \| (.+) \|$", FRONT_PAGE, re.M
    )
    assert len(rows) == 5
    for name, on, quoted in rows:
        result = json.loads((ROOT / name).read_text())
        assert f"**{headline(result['metrics'])}**" in quoted
        assert f"{result['n']:,}" in on or str(result["n"]) in on


def test_there_are_results_on_real_faces_for_each_model():
    stored = [json.loads(path.read_text()) for path in RESULTS]
    assert {(r["task"], r["source"]) for r in stored} >= {
        ("keypoints", "facial-keypoints"),
        ("emotion", "fer2013"),
        ("action-units", "ckplus-action-units"),
        ("identity", "orl"),
    }


def how(result: dict) -> list:
    """Say how a result was measured, to find the one that was measured alike."""
    asked = [result[name] for name in ("task", "source", "split", "tta")]
    return asked + [
        result["metrics"].get(name) for name in ("unknown", "enrolled", "judged", "searched")
    ]


@pytest.mark.parametrize("task", models.TASKS)
def test_a_card_reports_what_was_measured_when_the_model_was_made(task):
    card = json.loads((ROOT / "data" / "weights" / f"{task}.json").read_text())
    stored = [json.loads(path.read_text()) for path in RESULTS]
    for measured in card["measured"]:
        (same,) = [r for r in stored if how(r) == how(measured) and "jitter" not in r]
        for name, value in measured["metrics"].items():
            if isinstance(value, float):
                assert same["metrics"][name] == pytest.approx(value, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "at_most", "at_least"),
    [
        pytest.param(
            "keypoints-facial-keypoints-test",
            {"mean_error_interocular": 0.05, "failure_rate_10pct": 0.05},
            {},
            marks=[pytest.mark.whole, real("facial-keypoints")],
        ),
        ("keypoints-made-test", {"rmse_px": 1.8}, {}),
        ("action-units-made-test", {}, {"macro_auc": 0.93, "macro_f1": 0.75}),
        pytest.param(
            "emotion-fer2013-public",
            {},
            {"accuracy": 0.62},
            marks=[pytest.mark.whole, real("fer2013")],
        ),
    ],
)
def test_the_shipped_weights_reach_what_is_claimed(name, at_most, at_least):
    stored = json.loads((STORED / f"{name}.json").read_text())
    model = models.load(stored["task"].replace("-", "_"))
    measured = evaluate(model, stored["source"], stored["split"]).result["metrics"]
    for metric in [*at_most, *at_least]:
        assert at_least.get(metric, 0) <= measured[metric] <= at_most.get(metric, 1e9)
        # Another processor rounds otherwise, and a face or two on the border changes sides.
        assert measured[metric] == pytest.approx(stored["metrics"][metric], abs=2e-3)


def test_weights_that_have_seen_drawings_alone_know_their_units_as_ever():
    model = models.load(ROOT / "data" / "weights" / "made" / "action_units.weights.h5")
    measured = evaluate(model, "made", "test").result["metrics"]
    claimed = model.card["measured"][0]["metrics"]
    assert measured["macro_auc"] > 0.95 and measured["macro_f1"] > 0.8
    for name in ("macro_auc", "macro_f1"):
        assert measured[name] == pytest.approx(claimed[name], abs=2e-3)


def test_the_page_of_results_quotes_each_measure_of_how_real_made_faces_are():
    for measure in json.loads(REALISM.read_text())["measures"]:
        value = measure["value"]
        written = f"{value:.2f} px" if "px" in measure["name"] else f"{100 * value:.1f} %"
        rows = [row for row in PAGE.splitlines() if f"| **{written}** |" in row]
        assert any(f"| {measure['n']:,} |" in row for row in rows), measure


@pytest.mark.whole
@real("facial-keypoints")
@real("fer2013")
def test_models_that_saw_made_faces_only_do_on_real_ones_what_is_stored():
    stored = {m["name"]: m["value"] for m in json.loads(REALISM.read_text())["measures"]}
    for measure in realism.compare_models():
        assert measure["reached"] is not False
        assert measure["value"] == pytest.approx(stored[measure["name"]], abs=5e-3)
