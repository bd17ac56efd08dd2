import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.centre import Centre
from corpusmill.operators.weight.designs.space import space_of


def test_the_same_mixture_again_and_again():
    space = space_of({"a": 0.5, "b": 0.3, "c": 0.2})
    assert Centre().draw(space, 3, 0).tolist() == [[0.5, 0.3, 0.2]] * 3
    assert Centre(at="uniform").draw(space, 1, 0)[0] == pytest.approx([1 / 3] * 3)
    assert Centre(count=7).size(3) == 7


def test_a_centre_outside_the_bounds_is_brought_within():
    space = space_of({"a": 0.5, "b": 0.3, "c": 0.2}, high={"a": 0.4})
    assert Centre().draw(space, 1, 0)[0] == pytest.approx([0.4, 0.36, 0.24])


@pytest.mark.parametrize("settings", [{"at": "middle"}, {"count": 0}, {"count": 2.5}, {"count": True}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Centre(**settings)
