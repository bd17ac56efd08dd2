import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.operators.domain.keys import UNKNOWN, Keys, Learned
from corpusmill.operators.errors import ConfigError, DataError

ALL = Keys(("cluster", "quality_bin", "language", "source"), quality="quality.score", bins=3, min_documents=2)


def columns(*rows):
    names = ("cluster", "quality_bin", "language", "source")
    types = (pa.string(), pa.float32(), pa.string(), pa.string())
    return {name: pa.array([row[i] for row in rows], kind) for i, (name, kind) in enumerate(zip(names, types, strict=True))}


def test_a_domain_is_named_by_all_parts_in_order():
    found = ALL.combined(columns(("law", 0.9, "en", "web"), ("law", 0.1, None, "a/b%"), ("art", None, "de", "web"),
                                 (None, 0.5, "en", "web"), ("art", float("nan"), "de", "web")), (0.3, 0.6))
    assert found.to_pylist() == ["law/high/en/web", f"law/low/{UNKNOWN}/a%2Fb%25", f"art/{UNKNOWN}/de/web", None,
                                 f"art/{UNKNOWN}/de/web"]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=200), st.integers(2, 12))
def test_bins_hold_as_many_values_each_where_there_are_no_ties(values, bins):
    keys = Keys(("cluster", "quality_bin"), quality="q", bins=bins)
    given_ = np.array(values) + np.arange(len(values)) / 1e4
    edges = keys.edges(given_)
    rows = {"cluster": pa.array(["c"] * len(values)), "quality_bin": pa.array(given_)}
    names = keys.combined(rows, edges).to_pylist()
    sizes = [names.count(f"c/{label}") for label in keys.labels]
    assert sum(sizes) == len(values)
    assert max(sizes) - min(sizes) <= 1
    order = [keys.labels.index(name.removeprefix("c/")) for name in np.array(names)[np.argsort(given_)]]
    assert order == sorted(order)


def test_what_is_on_an_edge_is_below_it():
    keys = Keys(("cluster", "quality_bin"), quality="q", bins=2)
    found = keys.combined({"cluster": pa.array(["c", "c"]), "quality_bin": pa.array([5, 6])}, (5.0,))
    assert found.to_pylist() == ["c/low", "c/high"]


def test_rare_combinations_go_to_their_cluster():
    rows = columns(("law", 0.9, "en", "web"), ("law", 0.9, "en", "web"), ("law", 0.1, "en", "web"), ("art", 0.9, "en", "web"))
    names = ALL.combined(rows, (0.3, 0.6)).to_pylist()
    learned = Learned.of(ALL, (0.3, 0.6), {name: names.count(name) for name in names})
    assert learned.domains == ("law/high/en/web",)
    assert learned.label(rows).to_pylist() == ["law/high/en/web", "law/high/en/web", "law", "art"]


def test_an_unseen_combination_goes_to_its_cluster_and_no_cluster_is_null():
    learned = Learned(ALL, (0.3, 0.6), ("law/high/en/web",))
    assert learned.label(columns(("law", 0.9, "fr", "web"), (None, 0.9, "en", "web"))).to_pylist() == ["law", None]


def test_the_file_round_trips_and_another_is_told():
    learned = Learned(ALL, (0.1, 1 / 3), ("ä/low", "b/high"))
    assert Learned.from_bytes(learned.to_bytes()) == learned
    for wrong in (b"{}", b"\xff", b'{"format": "other"}'):
        with pytest.raises(DataError, match="there holds no keys of domains"):
            Learned.from_bytes(wrong, "there")


@pytest.mark.parametrize(("setting", "told"), [
    ({"keys": ("source",)}, r"regroup\.keys=\[source\]: give a list that begins with cluster"),
    ({"keys": ("cluster", "licence")}, "each at most once"), ({"keys": ("cluster", "source", "source")}, "each at most once"),
    ({"keys": "cluster"}, "give a list"), ({"keys": ("cluster", "quality_bin")}, r"regroup\.quality does not name a signal"),
    ({"bins": 1}, r"regroup\.bins=1"), ({"min_documents": -1}, r"regroup\.min_documents=-1"),
])
def test_keys_that_cannot_be_are_refused(setting, told):
    with pytest.raises(ConfigError, match=told):
        Keys(**setting)


def test_quantiles_of_nothing_are_refused():
    with pytest.raises(DataError, match=r"regroup\.quality=quality\.score: no survivor has a value"):
        ALL.edges(np.zeros(0))
    assert Keys().edges(np.zeros(0)) == ()
