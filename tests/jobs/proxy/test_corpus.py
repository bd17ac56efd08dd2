"""The token streams of domains, from documents to artifacts."""

import itertools

import pytest
from proxies import WORDS, write_domains

from corpusmill.jobs.proxy import corpus
from corpusmill.jobs.runtime import aligned, inputs
from corpusmill.jobs.runtime.engine import InlineEngine
from corpusmill.jobs.runtime.tasks import Session
from corpusmill.operators.errors import ConfigError, DataError


def made(mill, uri, engine=None, **settings):
    here = Session(mill.store, engine or InlineEngine(), quiet=True)
    found = inputs.resolve(mill.store, {"domains": uri}, ["domains", "documents"])
    return corpus.made(here, corpus.StreamsConfig(**{"held_out": 1000} | settings), found, aligned.Subset())


def test_streams_are_the_same_for_any_shards_and_order(mill, three_domains):
    one = made(mill, three_domains())
    small = ("ingest.shard_bytes=4000", "ingest.row_group_bytes=1000")
    many = made(mill, three_domains(*small), InlineEngine(shuffle=3))
    assert many.key != one.key
    assert many.details["domains"] == one.details["domains"]
    assert made(mill, three_domains()).digest == one.digest


def test_streams_hold_the_documents_and_tell_what_there_was(mill, three_domains, tmp_path):
    tokens = made(mill, three_domains())
    texts = {row["text"] for row in write_domains(tmp_path / "again.jsonl")}
    for name in WORDS:
        domain, told = corpus.fetched(mill.store, tokens, name), tokens.details["domains"][name]
        learned, held = ([bytes(part.astype("uint8")).decode() for part in split(stream)]
                         for stream in (domain.learned, domain.held_out))
        assert set(learned) <= texts
        assert sum(map(len, held)) == 1000
        assert not set(learned) & set(held)
        assert len(learned) == len(set(learned)) >= 48
        assert told["unique_tokens"] == told["learned"] == len(domain.learned) == sum(map(len, learned)) + len(learned) + 1
        assert domain.widths[domain.held_out].sum() == 1000


def split(stream):
    """Documents between boundaries."""
    edges = (stream == 256).nonzero()[0].tolist()
    return [stream[a + 1 : b] for a, b in itertools.pairwise(edges)]


def test_a_bound_on_tokens_takes_the_beginning(mill, three_domains):
    uri = three_domains()
    whole, part = made(mill, uri), made(mill, uri, max_tokens=2000)
    for name in WORDS:
        more, less = (corpus.fetched(mill.store, tokens, name) for tokens in (whole, part))
        assert less.learned.tolist() == more.learned[:2000].tolist()
        assert less.held_out.tolist() == more.held_out.tolist()
        assert part.details["domains"][name]["unique_tokens"] == len(more.learned)


def test_tokens_of_a_vocabulary_are_fewer_and_hold_the_same_bytes(mill, three_domains):
    tokens = made(mill, three_domains(), tokenizer="cl100k", vocabulary=280)
    assert 257 < tokens.details["vocabulary"] <= 280
    domain = corpus.fetched(mill.store, tokens, "river")
    assert domain.widths[domain.held_out].sum() == 1000
    assert len(domain.held_out) < 500
    assert tokens.details["domains"]["river"]["unique_tokens"] == len(domain.learned)


def test_mistakes_are_told(mill, three_domains):
    uri = three_domains()
    with pytest.raises(ConfigError, match=r"streams\.tokenizer='byte': did you mean 'bytes'"):
        made(mill, uri, tokenizer="byte")
    with pytest.raises(ConfigError, match=r"streams\.max_tokens=0"):
        made(mill, uri, max_tokens=0)
    with pytest.raises(DataError, match="domain 'field' has"):
        made(mill, uri, held_out=10**6)
    with pytest.raises(DataError, match=r"no domain 'lake'.*field, pond, river"):
        corpus.fetched(mill.store, made(mill, uri), "lake")
