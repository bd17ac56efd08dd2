import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.corners import Corners, LeaveOneOut
from corpusmill.operators.weight.designs.space import space_of

SIZES = {"a": 0.5, "b": 0.3, "c": 0.2}


def test_each_source_alone():
    assert Corners().draw(space_of(SIZES), 9, 0).tolist() == np.eye(3).tolist()
    assert len(Corners().draw(space_of(SIZES), 2, 0)) == Corners().size(3) - 1


def test_most_of_one_source_and_the_others_as_found():
    assert Corners(0.8).draw(space_of(SIZES), 9, 0)[0] == pytest.approx([0.8, 0.12, 0.08])
    capped = Corners().draw(space_of(SIZES, high={"a": 0.9}), 9, 0)
    assert capped[0] == pytest.approx([0.9, 0.06, 0.04])
    with pytest.raises(ConfigError, match="share_of_one"):
        Corners(0)


def test_all_but_one():
    mixes = LeaveOneOut().draw(space_of(SIZES), 9, 0)
    assert mixes == pytest.approx(np.array([[0, 0.6, 0.4], [5 / 7, 0, 2 / 7], [0.625, 0.375, 0]]))
    floored = LeaveOneOut().draw(space_of(SIZES, low={"a": 0.1}), 9, 0)
    assert floored[0] == pytest.approx([0.1, 0.54, 0.36])


def test_all_but_the_only_one_is_the_others_evenly():
    assert LeaveOneOut().draw(space_of({"a": 1, "b": 0, "c": 0}), 9, 0)[0] == pytest.approx([0, 0.5, 0.5])
