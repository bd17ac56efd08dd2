import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from corpusmill.jobs.reporting import figures

DOMAINS = ["books", "code", "web"]


def draw(seed, *shape):
    return np.random.default_rng(seed).random(shape)


def points(axes):
    return np.asarray(axes.collections[0].get_offsets())


def test_every_run_stands_where_it_was_observed_and_predicted():
    observed, predicted = draw(1, 40, 3), draw(2, 40, 3)
    drawn = figures.predicted_observed(DOMAINS, observed, predicted)
    panels = [a for a in drawn.axes if a.get_visible()]
    assert [a.get_title() for a in panels] == DOMAINS
    for place, panel in enumerate(panels):
        assert np.allclose(points(panel), np.stack([observed[:, place], predicted[:, place]], 1))
        diagonal = panel.lines[0].get_xydata()
        assert (diagonal[:, 0] == diagonal[:, 1]).all()


def test_panels_beyond_the_last_target_are_not_seen():
    drawn = figures.predicted_observed([str(i) for i in range(7)], draw(1, 5, 7), draw(2, 5, 7))
    assert [a.get_visible() for a in drawn.axes] == [True] * 7 + [False] * 3


def test_losses_stand_at_their_shares_and_the_law_goes_through():
    shares, losses, at = draw(3, 20, 2), draw(4, 20, 2), np.linspace(0, 1, 9)
    lines = draw(5, 2, 9)
    panels = figures.loss_share(["web", "code"], shares, losses, lines, at).axes
    assert np.allclose(points(panels[1]), np.stack([shares[:, 1], losses[:, 1]], 1))
    assert panels[1].lines[0].get_ydata().tolist() == lines[1].tolist()


def test_each_strategy_has_its_shares():
    shares = {"natural": [0.2, 0.3, 0.5], "unimax": [0.3, 0.3, 0.4]}
    (axes,) = figures.strategies(DOMAINS, shares).axes
    assert [c.get_label() for c in axes.collections[:2]] == ["natural", "unimax"]
    for drawn, values in zip(axes.collections, shares.values(), strict=False):
        assert np.asarray(drawn.get_offsets())[:, 0].tolist() == values
        assert np.round(np.asarray(drawn.get_offsets())[:, 1]).tolist() == [0, 1, 2]


def test_a_gram_matrix_shows_cosines():
    gradients = np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    axes = figures.gram(DOMAINS, gradients @ gradients.T).axes[0]
    half = 0.5 ** 0.5
    assert np.asarray(axes.images[0].get_array()) == pytest.approx(np.array([[1, 0, half], [0, 1, half], [half, half, 1]]))


def test_a_domain_without_gradient_is_no_warning():
    axes = figures.gram(DOMAINS[:2], np.array([[0.0, 0.0], [0.0, 1.0]])).axes[0]
    assert np.asarray(axes.images[0].get_array()).tolist() == [[0, 0], [0, 1]]


def test_trajectories_and_curves():
    shares = draw(6, 4, 3)
    (axes,) = figures.trajectories(DOMAINS, [0, 10, 20, 30], shares).axes
    assert [line.get_ydata().tolist() for line in axes.lines] == shares.T.tolist()
    (axes,) = figures.curves({"law": [1, 2]}, {"law": [3.0, 2.5]}, "loss").axes
    assert axes.lines[0].get_xydata().tolist() == [[1, 3.0], [2, 2.5]]


def test_a_picture_holds_all_it_needs_and_is_the_same_each_time():
    one, other = (figures.picture(figures.gram(DOMAINS, np.eye(3)), 'cosines of "3" domains') for _ in range(2))
    assert one == other
    assert 'alt="cosines of &quot;3&quot; domains"' in one
    data = base64.b64decode(re.search(r"base64,([^\"]+)", one).group(1))
    assert ET.fromstring(data).tag.endswith("svg")
    assert b"http://" not in data.replace(b"http://www.w3.org", b"").replace(b"http://purl.org", b"").replace(
        b"http://creativecommons.org", b"")


def test_names_out_of_the_data_are_text_and_nothing_else():
    names = ["$x_{", "_hidden", "法律<b>", "a\x00b", "two $ and $"]
    for drawn in (figures.strategies(names, {"_own $": [0.2] * 5}), figures.gram(names, np.eye(5)),
                  figures.trajectories(names, [1, 2], np.full((2, 5), 0.2)), figures.predicted_observed(
                      names, draw(1, 3, 5), draw(2, 3, 5))):
        data = base64.b64decode(re.search(r"base64,([^\"]+)", figures.picture(drawn, "says")).group(1)).decode()
        texts = "".join(ET.fromstring(data).itertext())
        for name in ("$x_{", "_hidden", "法律<b>", "a�b", "two $ and $"):
            assert name in texts
