from pathlib import Path

import pytest
import yaml

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.weight.recipes import Published

CONF = Path(__file__).parents[3] / "conf" / "weigh"
RECIPES = ("gpt3", "pile", "llama", "redpajama", "slimpajama", "babylm_10m", "babylm_100m", "babylm_2024")
TABLE = {"Web": {"weight": 6, "epochs": 1.0}, "Books3": {"weight": 3, "epochs": 2.0, "withdrawn": "claims"},
         "Code": {"weight": 1, "epochs": 3.0}}


def published(name, **options):
    told = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return Published(**{key: value for key, value in told.items() if key != "_target_"} | options)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_gives_its_weights_and_says_where_they_are_from(name):
    recipe = published(name)
    total = sum(facts["weight"] for facts in recipe.domains.values())
    found = recipe.weigh(dict.fromkeys(recipe.domains, 10), {})
    assert found.proportions == pytest.approx({d: facts["weight"] / total for d, facts in recipe.domains.items()})
    assert found.details["published"]["source"] == recipe.source
    assert any(year in recipe.source for year in ("20", "card"))


def test_weights_of_the_pile_are_sizes_times_epochs():
    """All 22 components: raw GiB × epochs / 1254.20, within .006 percentage points of what is printed."""
    pile = published("pile")
    assert len(pile.domains) == 22
    assert sum(facts["size"] for facts in pile.domains.values()) == pytest.approx(825.18, abs=0.02)
    for name, facts in pile.domains.items():
        assert abs(100 * facts["size"] * facts["epochs"] / 1254.20 - facts["weight"]) < 0.006, name
    sizes = {name: round(facts["size"] * 2**30) for name, facts in pile.domains.items()}
    by_epochs = published("pile", by="epochs").weigh(sizes, {}).proportions
    assert all(abs(100 * by_epochs[name] - facts["weight"]) < 0.006 for name, facts in pile.domains.items())


def test_epochs_of_gpt3_follow_from_weights_within_their_rounding():
    """Weight × 300 B / size, of weights that are printed with two digits and sum to 1.01."""
    gpt3 = published("gpt3").domains
    assert sum(facts["weight"] for facts in gpt3.values()) == pytest.approx(1.01)
    for name, facts in gpt3.items():
        assert facts["weight"] * 300 / facts["size"] == pytest.approx(facts["epochs"], rel=0.2), name


def test_weights_of_other_tables_add_up_as_printed():
    totals = {"llama": 1.0, "redpajama": 1210, "slimpajama": 100, "babylm_10m": 9.96, "babylm_100m": 98.04, "babylm_2024": 99}
    for name, total in totals.items():
        assert sum(facts["weight"] for facts in published(name).domains.values()) == pytest.approx(total), name


@pytest.mark.parametrize(("name", "gone"), [("pile", "Books3"), ("llama", "Books"), ("redpajama", "Books"),
                                            ("slimpajama", "Books")])
def test_withdrawn_sources_are_marked(name, gone):
    assert [d for d, facts in published(name).domains.items() if facts.get("withdrawn")] == [gone]


def test_a_withdrawn_domain_is_told_and_left_out_where_it_is_not_there():
    there = Published(TABLE).weigh({"Web": 5, "Books3": 5, "Code": 5}, {})
    assert there.proportions == pytest.approx({"Web": 0.6, "Books3": 0.3, "Code": 0.1})
    assert there.notes == ("Books3 was withdrawn: claims; see to it that you may use it",)
    gone = Published(TABLE).weigh({"Web": 5, "Code": 5}, {})
    assert gone.proportions == pytest.approx({"Web": 6 / 7, "Code": 1 / 7})
    assert gone.notes == ("Books3 was withdrawn: claims; the others share its weight",)
    assert gone.details["published"]["left_out"] == ["Books3"]


def test_epochs_multiply_what_there_is():
    found = Published(TABLE, by="epochs").weigh({"Web": 10, "Code": 20}, {})
    assert found.proportions == pytest.approx({"Web": 10 / 70, "Code": 60 / 70})


def test_names_are_mapped_to_those_of_the_data():
    found = Published(TABLE, rename={"Web": "crawl", "Books3": "books"}).weigh({"crawl": 5, "books": 5, "Code": 5}, {})
    assert found.proportions == pytest.approx({"crawl": 0.6, "books": 0.3, "Code": 0.1})
    with pytest.raises(ConfigError, match=r"weigh.rename names 'Wob', which is not there: did you mean 'Web'"):
        Published(TABLE, rename={"Wob": "crawl"}).weigh({"crawl": 5}, {})


def test_domains_of_one_side_only_are_errors_unless_asked_for():
    with pytest.raises(ConfigError, match=r"the recipe \(name yours.*\) names the domain 'Code'.*'Codes'"):
        Published(TABLE).weigh({"Web": 5, "Codes": 5}, {})
    with pytest.raises(ConfigError, match=r"leaves out 'Wiki'.*weigh.missing=zero"):
        Published(TABLE).weigh({"Web": 5, "Code": 5, "Wiki": 5}, {})
    with pytest.raises(ConfigError, match="asks for 'Code', where there are no tokens"):
        Published(TABLE).weigh({"Web": 5, "Code": 0}, {})
    found = Published(TABLE, absent="zero", missing="zero").weigh({"Web": 5, "Wiki": 5}, {})
    assert found.proportions == {"Web": 1.0, "Wiki": 0.0}
    with pytest.raises(ConfigError, match="no domain in common"):
        Published(TABLE, absent="zero", missing="zero").weigh({"Wiki": 5}, {})


@pytest.mark.parametrize(("domains", "options", "message"), [
    ({}, {}, "weigh.domains={}"), ({"a": 3}, {}, "weigh.domains.a=3: give weight"), ({"a": {"epochs": 1}}, {}, "give weight"),
    ({"a": {"weight": -1}}, {}, "weigh.domains.a.weight=-1"), ({"a": {"weight": 1, "x": 1}}, {}, "give weight"),
    ({"a": {"weight": 1}}, {"by": "epochs"}, "weigh.by=epochs, but weigh.domains.a has none"),
    ({"a": {"weight": 1}}, {"by": "x"}, "weigh.by='x'"), ({"a": {"weight": 1}}, {"absent": "x"}, "weigh.absent='x'"),
])  # fmt: skip
def test_a_wrong_setting_is_named(domains, options, message):
    with pytest.raises(ConfigError, match=message):
        Published(domains, **options)
