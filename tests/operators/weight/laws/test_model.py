import dataclasses
import json

import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError, DataError
from corpusmill.operators.weight.laws import LAWS, law_of
from corpusmill.operators.weight.laws.model import LawModel
from corpusmill.operators.weight.runs import Points


def made(n=12, m=3):
    mix = np.random.default_rng(5).dirichlet(np.ones(m), n)
    losses = 2 + 1 / (mix**0.4 @ np.array([[1.0, 2], [0.5, 0.1], [0.2, 1]]))
    law = law_of("additive")
    return LawModel(law, law.fit(Points(mix), losses), ("code", "ünï", "web"), ("a", "b"), mix, losses,
                    {"a": {"mre": 0.1}, "b": {"mre": 0.2}}, np.array([0.01, 0.02]), ("few runs",))


def test_a_model_comes_back_from_json_as_it_was():
    model = made()
    again = LawModel.from_json(model.to_json(), "law.json")
    asked = Points(np.array([[0.1, 0.2, 0.7], [1, 0, 0]]))
    assert again.to_json() == model.to_json()
    assert (again.predict(asked) == model.predict(asked)).all()
    assert (again.gradient(asked) == model.gradient(asked)).all()
    assert again.noise.tolist() == [0.01, 0.02]
    held_out = LawModel.from_json(dataclasses.replace(model, held_out=model.losses + 1).to_json(), "law.json").held_out
    assert held_out.tolist() == (model.losses + 1).tolist()
    assert LawModel.from_json(dataclasses.replace(model, noise=None).to_json(), "law.json").noise is None


@pytest.mark.parametrize("spoil", [
    lambda f: f.pop("design"), lambda f: f.update(format="other/1"), lambda f: f["law"].update(name="addictive"),
    lambda f: f["law"].update(version="0"), lambda f: f["fitted"].pop("floor"), lambda f: f.update(domains=["a"]),
])
def test_what_is_no_law_is_refused_with_its_place(spoil):
    facts = json.loads(made().to_json())
    spoil(facts)
    with pytest.raises(DataError, match=r"^somewhere is no law\.json"):
        LawModel.from_json(json.dumps(facts).encode(), "somewhere")
    with pytest.raises(DataError, match=r"^somewhere is no law\.json"):
        LawModel.from_json(b"\xff", "somewhere")


def test_the_distance_to_the_hull_is_total_variation():
    """The hull of these three is the triangle of mixtures with at least half of the third domain."""
    model = dataclasses.replace(made(), design=np.array([[0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 1]]))
    assert model.distance(np.array([0.2, 0.2, 0.6])) == pytest.approx(0, abs=1e-12)
    assert model.distance(np.array([0.5, 0.3, 0.2])) == pytest.approx(0.3)
    assert model.distance(np.array([1.0, 0, 0])) == pytest.approx(0.5)


def test_laws_are_named():
    assert all(law_of(name).name == name for name in LAWS)
    with pytest.raises(ConfigError, match="did you mean additive"):
        law_of("aditive")
    with pytest.raises(ConfigError, match=r"has no .hubr.*did you mean huber"):
        law_of("additive", hubr=1)
