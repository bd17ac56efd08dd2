import pyarrow as pa
import pytest

from corpusmill.jobs.runtime import inputs
from corpusmill.operators.errors import ConfigError

SCHEMA = pa.schema([("n", pa.int64())])
SHARDS = [[{"n": 1}]]


def test_inputs_that_are_not_given_come_from_the_lineage(make, local):
    documents = make("documents", SHARDS, SCHEMA)
    decisions = make("decisions", SHARDS, SCHEMA, on=documents)
    found = inputs.resolve(local, {"documents": None, "decisions": decisions.path}, ["documents", "decisions"])
    assert found == {"documents": documents, "decisions": decisions}


def test_a_required_input_that_nothing_leads_to_is_named(make, local):
    documents = make("documents", SHARDS, SCHEMA)
    with pytest.raises(ConfigError, match=r"domains=MANIFEST must be given.*documents=.* does not lead to it"):
        inputs.resolve(local, {"documents": documents.path}, ["domains"])
    with pytest.raises(ConfigError, match="no input does not lead to it"):
        inputs.resolve(local, {"documents": None}, ["documents"])


def test_an_input_must_be_the_one_that_the_others_were_made_from(make, local):
    one, two = make("documents", SHARDS, SCHEMA), make("documents", [[{"n": 2}]], SCHEMA)
    decisions = make("decisions", SHARDS, SCHEMA, on=two)
    with pytest.raises(ConfigError, match="was made from"):
        inputs.resolve(local, {"documents": one.path, "decisions": decisions.path}, [])


def test_two_inputs_of_different_lineages_are_refused(make, local):
    one, two = make("documents", SHARDS, SCHEMA), make("documents", [[{"n": 2}]], SCHEMA)
    decisions, domains = make("decisions", SHARDS, SCHEMA, on=one), make("domains", SHARDS, SCHEMA, on=two)
    given = {"decisions": decisions.path, "domains": domains.path}
    with pytest.raises(ConfigError, match=r"come from two documents datasets.*give documents="):
        inputs.resolve(local, given, [])


def test_the_view_is_that_of_the_annotations_and_their_own_edits(make):
    documents = make("documents", SHARDS, SCHEMA)
    plain = make("annotations", SHARDS, SCHEMA, on=documents)
    edited = make("annotations", SHARDS, SCHEMA, on=documents, edits={0: {0: "x"}})
    again = make("annotations", SHARDS, SCHEMA, on=documents, edits={0: {0: "y"}}, view=(edited.reference,))
    assert inputs.view_of({"documents": documents}) == ()
    assert inputs.view_of({"annotations": plain}) == ()
    assert inputs.view_of({"annotations": edited}) == (edited.reference,)
    assert inputs.view_of({"annotations": again}) == (edited.reference, again.reference)
