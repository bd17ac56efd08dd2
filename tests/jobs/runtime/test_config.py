import dataclasses
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import MISSING, OmegaConf

from corpusmill.jobs.runtime import config
from corpusmill.jobs.runtime.config import Common, EngineConfig, StoreConfig, quantity
from corpusmill.jobs.runtime.engine import InlineEngine, RayEngine
from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.signals import BasicSignals


@dataclasses.dataclass
class Inner:
    size: int = 1
    names: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Outer(Common):
    given: str = MISSING
    inner: Inner = dataclasses.field(default_factory=Inner)
    free: dict[str, Any] = dataclasses.field(default_factory=dict)


@pytest.mark.parametrize(("text", "value"), [
    (7, 7), ("2000000", 2_000_000), ("1e9", 10**9), (1e6, 10**6), ("1.5e3", 1500), ("1_000_000", 10**6), ("10B", 10**10),
    ("10b", 10**10), ("2.5k", 2500), ("3 M", 3 * 10**6), ("1T", 10**12), ("64MB", 64 * 10**6), ("64MiB", 64 << 20),
    ("1 GiB", 1 << 30), ("0.5kib", 512), ("0", 0), ("2e+3", 2000),
])
def test_quantities(text, value):
    assert quantity("mix.budget", text) == value
    assert isinstance(quantity("mix.budget", text), int)


@pytest.mark.parametrize("text", ["", "many", "-5", "10X", "1.5", "0.3k3", True, None, "1e-3", "NaN", "inf", "_1", "1 2", "B"])
def test_what_is_no_quantity_is_refused_with_the_key(text):
    with pytest.raises(ConfigError, match=r"^mix\.budget="):
        quantity("mix.budget", text)


@given(st.integers(0, 10**30))
def test_whole_numbers_are_exact(n):
    assert quantity("k", n) == quantity("k", str(n)) == quantity("k", f"{n:_}") == n
    assert quantity("k", f"{n}MiB") == n << 20


def build(**values):
    return config.strict(Outer, OmegaConf.create({"given": "x"} | values))


def test_a_configuration_is_rebuilt_with_its_types():
    built = build(inner={"size": "5", "names": ["a"]}, limit="1e3", free={"a": {"b": 1}})
    assert built == Outer(given="x", inner=Inner(5, ["a"]), limit=1000, free={"a": {"b": 1}})


@pytest.mark.parametrize(("values", "message"), [
    ({"givn": "y"}, "there is no setting 'givn': did you mean 'given'"),
    ({"inner": {"siz": 1}}, r"there is no setting 'inner\.siz': did you mean 'size'\? there is names, size"),
    ({"store": {"rot": "x"}}, r"'store\.rot': did you mean 'root'"),
    ({"inner": {"size": "big"}}, r"inner\.size: .*'big'"),
    ({"inner": {"names": "a"}}, r"inner\.names"),
    ({"plan": "perhaps"}, r"plan: .*perhaps"),
    ({"limit": "all"}, "limit='all' is not a count"),
    ({"sample": 0}, r"sample=0(\.0)?: give a share above 0"),
    ({"sample": 1.2}, r"sample=1\.2"),
])
def test_what_is_wrong_is_named_with_what_would_be_right(values, message):
    with pytest.raises(ConfigError, match=message):
        build(**values)


def test_what_must_be_given_is_named():
    with pytest.raises(ConfigError, match="given must be given: given=…"):
        config.strict(Outer, OmegaConf.create({"given": "???"}))


def test_interpolations_are_resolved_before_types_are_checked():
    assert build(inner={"size": "${limit}"}, limit=7).inner.size == 7


def signals(**parameters):
    return {"_target_": "corpusmill.operators.quality.signals.BasicSignals"} | parameters


def test_an_operator_is_made_from_its_target():
    made = config.instantiate(signals(name="x"), "quality.operators[0]")
    assert made == BasicSignals("x")
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(("node", "message"), [
    ({"_target_": "os.system"}, r"op\._target_='os\.system': only operators of corpusmill\.operators can be named"),
    ({"_target_": "corpusmill.operatorsx.evil"}, "only operators"),
    ({"_target_": "corpusmill.jobs.runtime.main.main"}, "only operators"),
    ({}, "only operators"),
    ({"_target_": "corpusmill.operators.quality.nothing.X"}, "there is no such operator"),
    ({"_target_": "corpusmill.operators.quality.signals.X"}, "there is no such operator"),
    ({"_target_": "corpusmill.operators.quality.signals.np"}, "is not an operator"),
    ({"_target_": "corpusmill.operators.contract.describe"}, "is not an operator"),
    (signals(nome="x"), r"op\.nome: BasicSignals has no such parameter; did you mean 'name'"),
    ({"_target_": "corpusmill.operators.quality.compression.Compression", "sample": 0}, "sample must be 1 to"),
    ({"_target_": "corpusmill.operators.quality.compression.Compression", "sample": "x"}, "op"),
])
def test_only_operators_with_their_own_parameters_are_made(node, message):
    with pytest.raises(ConfigError, match=message):
        config.instantiate(node, "op")


def _nested(inner):
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)


@given(st.recursive(st.integers() | st.text(max_size=3), _nested, max_leaves=8))
def test_frozen_parameters_have_no_lists_and_compare_by_value(value):
    def thawed(v):
        if isinstance(v, dict):
            return {k: thawed(x) for k, x in v.items()}
        assert not isinstance(v, list)
        return [thawed(x) for x in v] if isinstance(v, tuple) else v

    assert thawed(config.frozen(value)) == value


def test_the_engine_that_a_configuration_names():
    assert config.make_engine(EngineConfig("inline", shuffle=3)) == InlineEngine(3)
    engine = config.make_engine(EngineConfig("ray", workers=3, attempts=1, address="a:1"))
    assert isinstance(engine, RayEngine)
    assert (engine.workers, engine.attempts, engine.address) == (3, 1, "a:1")
    assert config.make_engine(EngineConfig()).workers >= 1
    with pytest.raises(ConfigError, match=r"engine\.workers=0"):
        config.make_engine(EngineConfig(workers=0))
    with pytest.raises(ConfigError, match=r"engine\.kind='rey': did you mean 'ray'"):
        config.make_engine(EngineConfig("rey"))


def test_the_store_that_a_configuration_names(tmp_path):
    assert config.make_store(StoreConfig(root=str(tmp_path))).root == str(tmp_path)
    with pytest.raises(ConfigError, match="store=s3 it is s3://bucket/prefix"):
        config.make_store(StoreConfig("s3", root="here"))
    with pytest.raises(ConfigError, match=r"store\.kind='gs'"):
        config.make_store(StoreConfig("gs"))
