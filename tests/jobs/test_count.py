from collections import Counter

import pytest


@pytest.fixture(scope="module")
def tables(built):
    mill, uri = built
    made = mill.lineage(uri)
    texts = {r["doc_id"]: r["text"] for r in mill.rows(made["annotations"])}
    domains = {r["doc_id"]: r["domain"] for r in mill.rows(made["domains"])}
    return mill, made, texts, domains


@pytest.mark.parametrize(("tokenizer", "count"), [("words", lambda t: len(t.split())), ("bytes", lambda t: len(t.encode()))])
def test_tokens_are_counted_over_the_edited_text_of_survivors(tables, tokenizer, count):
    mill, made, texts, domains = tables
    uri = mill("count", f"domains={made['domains'].path}", f"tokenizer={tokenizer}")
    found = {r["doc_id"]: r["tokens"] for r in mill.rows(uri)}
    assert found == {d: count(text) if domains[d] else None for d, text in texts.items()}


def test_the_manifest_holds_what_each_domain_has(tables):
    _, made, texts, domains = tables
    counts = made["counts"].counts
    tokens, sizes, documents = Counter(), Counter(), Counter()
    for doc_id, domain in domains.items():
        if domain:
            tokens[domain] += len(texts[doc_id].split())
            sizes[domain] += len(texts[doc_id].encode())
            documents[domain] += 1
    for domain in documents:
        assert counts[f"tokens/{domain}"] == tokens[domain]
        assert counts[f"bytes/{domain}"] == sizes[domain]
        assert counts[f"documents/{domain}"] == documents[domain]
    assert counts["dropped.upstream"] == sum(d is None for d in domains.values())


def test_the_default_tokenizer_needs_no_file(tables):
    mill, made, _, _ = tables
    counted = mill.manifest(mill("count", f"domains={made['domains'].path}"))
    assert counted.details["unit"] == "tokens"
    words = sum(n for name, n in made["counts"].counts.items() if name.startswith("tokens/"))
    assert sum(n for name, n in counted.counts.items() if name.startswith("tokens/")) >= words


def test_a_tokenizer_file_that_is_not_there_is_named(tables, tmp_path):
    mill, made, _, _ = tables
    result = mill.run("count", f"domains={made['domains'].path}", "tokenizer=huggingface",
                      f"tokenizer.path={tmp_path / 'none.json'}")
    assert result.code == 2
    assert "none.json" in result.err


def test_a_tokenizer_file_must_be_given(tables):
    mill, made, _, _ = tables
    result = mill.run("count", f"domains={made['domains'].path}", "tokenizer=huggingface")
    assert result.code == 2
    assert "tokenizer.path must be given" in result.err


def test_the_same_tokenizer_elsewhere_counts_nothing_again(tables, tmp_path, tasks_run):
    """What counts is the file's content, not where it lies."""
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = {chr(c): c for c in range(33, 127)} | {"[UNK]": 0}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    uris = []
    mill, there, texts, domains = tables
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        made.save(str(tmp_path / folder / "tokenizer.json"))
        uris.append(mill("count", f"domains={there['domains'].path}", "tokenizer=huggingface",
                         f"tokenizer.path={tmp_path / folder / 'tokenizer.json'}"))
    assert uris[0] == uris[1]
    assert tasks_run["Tally"] == there["domains"].shards
    found = {r["doc_id"]: r["tokens"] for r in mill.rows(uris[0])}
    assert found == {d: len(made.encode(text).ids) if domains[d] else None for d, text in texts.items()}
