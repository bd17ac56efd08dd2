import itertools

import numpy as np
import pytest

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.designs.halvings import Halvings
from corpusmill.operators.weight.designs.space import space_of

CAPS = {"cc": 1.0, "code": 0.5, "books": 0.26}


def every(caps, grid):
    """All such mixtures, by plain enumeration: the first domain takes what the others leave."""
    levels = []
    for cap in caps[1:]:
        level, found = np.floor(cap / grid) * grid, {0.0}
        while level >= grid:
            found.add(level)
            level /= 2
        levels.append(sorted(found))
    return {(1 - sum(rest), *rest) for rest in itertools.product(*levels) if 0 <= 1 - sum(rest) <= caps[0]}


def test_all_mixtures_of_halved_caps_are_found_and_no_others():
    space = space_of(dict.fromkeys(CAPS, 1), high=CAPS)
    expected = {tuple(np.round(mix, 9)) for mix in every([1.0, 0.5, 0.26], 1 / 16)}
    found = Halvings(candidates=100, groups=1).draw(space, 10_000, 0)
    order = [space.domains.index(name) for name in CAPS]
    assert {tuple(np.round(mix, 9)) for mix in found[:, order]} == expected
    assert len(found) == len(expected)


def test_of_random_groups_the_one_that_determines_most_is_kept():
    space = space_of(dict.fromkeys(CAPS, 1), high=CAPS)

    def worth(groups, seed):
        mixes = Halvings(groups=groups).draw(space, 6, seed)
        return np.linalg.slogdet(mixes.T @ mixes)[1]

    assert np.mean([worth(200, s) for s in range(5)]) > np.mean([worth(1, s) for s in range(5)]) + 0.1


def test_caps_of_availability_are_kept_with_seven_domains():
    caps = dict(zip("abcdefg", [1, 1, 0.5857, 0.2588, 0.2254, 0.1779, 0.1727], strict=True))
    mixes = Halvings().draw(space_of(dict.fromkeys(caps, 1), high=caps), 20, 0)
    assert mixes.shape == (20, 7)
    assert (mixes <= np.array(list(caps.values())) + 1e-9).all()
    assert np.abs(mixes.sum(1) - 1).max() < 1e-9


def test_settings_that_make_no_sense_are_refused():
    for settings in ({"grid": 0}, {"grid": 0.7}, {"candidates": 0}, {"groups": 0}, {"candidates": 1.5}, {"groups": 2.0}):
        with pytest.raises(ConfigError, match=next(iter(settings))):
            Halvings(**settings)
