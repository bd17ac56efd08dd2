"""Decontaminate against plain-Python references, method by method, and on real evaluation sets."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from barewords import Reference, plain
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality import evalindex
from corpusmill.operators.quality.contamination import COLUMNS, oldest_weight, scan
from corpusmill.operators.quality.decontaminate import Decontaminate
from corpusmill.operators.text import bare
from corpusmill.operators.text.buffers import Texts

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
WORDS = ["a", "b", "The", "don't", "x1", "Été", "中", "文", "ж", "\u00adc", "-", "\n", ".", "🙂"]
TEXT = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
LABEL = st.lists(st.sampled_from(WORDS), min_size=4, max_size=12).map(" ".join)
ITEMS = st.lists(st.tuples(TEXT, LABEL), min_size=1, max_size=4)
MANY = ITEMS | st.lists(st.tuples(TEXT, LABEL), min_size=9, max_size=14)  # so that some n-grams are in more than eight
PLENTY = " ".join(f"word{i}" for i in range(400))


def operator(sets, folder, **settings):
    """The operator on these sets (name → items of query and label), opened."""
    given = [{"path": f"{name}.jsonl", "name": name, "query": "q", "label": "l"} for name in sets]
    made = Decontaminate(sets=given, **settings)
    records = {f"{name}.jsonl": [{"q": q, "l": label} for q, label in items] for name, items in sets.items()}
    data = made.build(records)
    path = folder / f"{hash(data):x}.index"
    path.write_bytes(data)
    if made.bound:
        (folder / "common").write_text('{"common": {}}')
    return made.open({"index": path, "common": folder / "common"})


def rows(apply, texts):
    batch = apply(pa.record_batch([pa.array(texts, pa.string())], names=["text"])).batch
    found = [{k.removeprefix("decontaminate."): v for k, v in row.items()} for row in batch.to_pylist()]
    return [{k: v for k, v in row.items() if k != "text"} for row in found], batch.column("text").to_pylist()


@pytest.mark.parametrize("method", ["gpt3", "datatrove", "llama3", "dolma"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=MANY, second=ITEMS, texts=st.lists(TEXT, max_size=4), data=st.data())
@example(first=[("a b a b a b", "a b a b")], second=[("a b a b", "b a b a b")], texts=["a b " * 30, "b\n" * 9, ""], data=None)
def test_signals_and_edits_are_those_of_the_reference(method, first, second, texts, data, tmp_path):
    sets = {"one": first, "two": second}
    ngram = data.draw(st.integers(2, 5)) if data else 3
    window, fragment = data.draw(st.tuples(st.integers(0, 9), st.integers(0, 9))) if data else (1, 2)
    texts = [*texts, *(f"{text} {q} {label}" for text in texts for q, label in first[:2])]
    extra = {"edit": True, "window": window, "fragment": fragment, "max_documents": 0} if method == "gpt3" else {}
    reference = Reference(sets, method, ngram, 8)
    if not reference.entries:
        return
    apply = operator(sets, tmp_path, method=method, ngram=ngram, **extra)
    found, edited = rows(apply, texts)
    assert found == [reference.signals(text, window, fragment) for text in texts]
    assert edited == [reference.edited(text, window, fragment) if method == "gpt3" else text for text in texts]
    counts = apply(pa.record_batch([pa.array(texts, pa.string())], names=["text"])).counts
    owners = [reference.found_sets(text) for text in texts]
    assert [counts[f"contaminated.{name}"] for name in sets] == [sum(name in one for one in owners) for name in sets]


@pytest.mark.parametrize(("lengths", "n"), [([5] * 40, 8), ([10] * 40, 10), ([30] * 40, 13), ([30] * 18 + [9, 9], 9),
                                            ([30] * 38 + [9, 9], 13), ([12, 30], 12)])
def test_gpt3_takes_the_fifth_percentile_of_the_items_lengths_between_8_and_13(lengths, n, tmp_path):
    """Of n distinct words a document needs as many as the n-gram has, in order, to be hit."""
    items = [(" ".join(f"w{i}x{k}" for k in range(size)), "") for i, size in enumerate(lengths)]
    longest = max(range(len(items)), key=lambda i: lengths[i])
    words = items[longest][0].split()
    if len(words) < n:
        with pytest.raises(ConfigError, match="has 8 words"):
            operator({"s": items}, tmp_path)
        return
    found, _ = rows(operator({"s": items}, tmp_path, max_documents=0), [" ".join(words[:n]), " ".join(words[: n - 1])])
    assert [row["hits"] for row in found] == [1, 0]


ITEM = "Natalia sold clips to forty eight of her friends in April and then she sold half as many clips in May"


def gpt3(tmp_path, **more):
    return operator({"s": [(ITEM, "")]}, tmp_path, edit=True, max_documents=0, **more)


def test_a_clean_document_shorter_than_a_fragment_survives(tmp_path):
    """lm-eval's Janitor deletes it."""
    found, text = rows(gpt3(tmp_path), ["short and clean", "", "x" * 199])
    assert text == ["short and clean", "", "x" * 199]
    assert [(row["hits"], row["pieces"], row["kept_chars"]) for row in found] == [(0, 1, 15), (0, 0, 0), (0, 1, 199)]


def test_overlapping_hits_are_one_cut(tmp_path):
    """Eleven hits in a row are eleven cuts to lm-eval's Janitor, which drops such a document."""
    document = f"{PLENTY} {ITEM} {PLENTY}"
    found, text = rows(gpt3(tmp_path), [document])
    assert found[0]["hits"] == len(ITEM.split()) - 12 >= 8
    assert found[0]["pieces"] == 2
    start, end = document.index(ITEM), document.index(ITEM) + len(ITEM)
    assert text == [document[: start - 200] + "\n\n" + document[end + 200 :]]
    assert found[0]["kept_chars"] == len(text[0]) - 2 == len(document) - len(ITEM) - 400


def test_fragments_go_and_many_pieces_are_counted(tmp_path):
    clean = "y" * 399 + " "
    document = f" {ITEM} ".join([clean * 3] * 12)
    found, text = rows(gpt3(tmp_path), [document, f"{'z' * 350} {ITEM}", f"{'z' * 450} {ITEM}"])
    assert (found[0]["pieces"], found[0]["kept_chars"]) == (12, len(text[0]) - 22)
    assert (found[1]["pieces"], found[1]["kept_chars"], text[1]) == (1, 0, "")
    assert (found[2]["pieces"], text[2]) == (1, "z" * 251)


def test_the_window_is_counted_in_characters(tmp_path):
    document = f"{'é' * 500} {ITEM} {'🙂' * 500}"
    assert rows(gpt3(tmp_path), [document])[1] == [f"{'é' * 301}\n\n{'🙂' * 301}"]


def test_case_and_punctuation_do_not_hide_an_item(tmp_path):
    document = "* " + ITEM.upper().replace(" ", " … -- ") + "!"
    found, _ = rows(gpt3(tmp_path), [document])
    assert (found[0]["set"], found[0]["item"], found[0]["item_matched_words"]) == ("s", "0", found[0]["item_words"])


def test_counts_tell_documents_by_set_and_item(tmp_path):
    shared = "one two three four five six seven eight nine ten"
    apply = operator({"s": [(shared, ""), ("this other item has eight words and two more", "")], "t": [(shared, "")]}, tmp_path,
                     method="llama3")
    counts = apply(pa.record_batch([pa.array([shared, "x", "this other item has eight words and two more", shared])],
                                   names=["text"])).counts
    assert counts == {"contaminated": 3, "contaminated.s": 3, "contaminated.t": 2, "contaminated.s/0": 2, "contaminated.s/1": 1}


PREAMBLE = "Write a function that is given a list of numbers and gives back another list of numbers"


def test_the_item_is_found_among_many_that_begin_alike(tmp_path):
    """Every n-gram of the preamble stands in twelve items: of these the first eight would be blamed."""
    items = [(f"{PREAMBLE} {' '.join(f'w{i}x{k}' for k in range(9))}", "") for i in range(12)]
    asked, shown = [query for query, _ in items], f"{PREAMBLE} or so"
    apply = operator({"s": items, "t": [(PREAMBLE, "")]}, tmp_path, method="llama3")
    found, _ = rows(apply, [*asked, shown, PREAMBLE])
    assert [row["item"] for row in found] == [*map(str, range(12)), "0", "0"]
    assert all(row["item_matched_words"] == row["item_words"] for row in found[:12])
    assert found[12]["item_matched_words"] == len(PREAMBLE.split())
    counts = apply(pa.record_batch([pa.array([shown])], names=["text"])).counts
    assert (counts["contaminated.s"], counts["contaminated.t"]) == (1, 1)


def test_an_item_that_many_share_is_found_whole(tmp_path):
    found, _ = rows(operator({"s": [(ITEM, "")] * 30}, tmp_path, method="llama3"), [ITEM])
    assert (found[0]["item"], found[0]["item_matched_words"]) == ("0", len(ITEM.split()))


def test_an_item_that_repeats_itself_is_matched_wherever_it_does(tmp_path):
    verse = "row row row your boat gently down the stream"
    song = f"{verse} merrily merrily merrily life is but a dream {verse}"
    found, _ = rows(operator({"s": [(song, "")]}, tmp_path, method="llama3"), [verse])
    assert (found[0]["item_matched_words"], found[0]["item_words"]) == (2 * len(verse.split()), len(song.split()))


@pytest.mark.parametrize(("window", "cuts"), [(-1, []), (0, [[0, 2, 2 + len(ITEM)]])])
def test_spans_are_cut_only_where_a_window_is_given(window, cuts, tmp_path):
    """Methods that only count asked for as much memory for cuts as for hits."""
    (tmp_path / "i").write_bytes(Decontaminate(sets=["s"]).build({"s": [{"q": ITEM}]}))
    index, texts = evalindex.load(tmp_path / "i", f"{tmp_path}").tables, Texts.of(pa.array([f"x {ITEM} y"]))
    counts, best = np.zeros((len(COLUMNS), 1), np.int64), np.full(1, -1, np.int64)
    found = scan(texts.addresses, texts.lengths, index, np.zeros(len(index.keys), np.bool_), bare.tables(), 0, window,
                 oldest_weight(index), int(index.words.max()), counts, best, np.zeros(1, np.int64))
    assert (found.tolist(), best.tolist()) == (cuts, [0])


def test_datatrove_leaves_the_question_alone(tmp_path):
    words = [f"w{i}" for i in range(40)]
    question, answer = " ".join(words[:20]), " ".join(words[20:])
    texts = [question, f"{question} {words[20]}", answer, " ".join(words[9:21]), " ".join(words[8:20])]
    found, _ = rows(operator({"s": [(question, answer)]}, tmp_path, method="datatrove"), texts)
    assert [row["hits"] for row in found] == [0, 1, 9, 1, 0]


def test_dolma_compares_whole_paragraphs(tmp_path):
    long, short = " ".join(f"w{i}" for i in range(13)), " ".join(f"w{i}" for i in range(12))
    found, _ = rows(operator({"s": [(f"{long}\n{short}", "")]}, tmp_path, method="dolma"),
                    [f"before\n{long.upper()}.\nafter", long, short, f"{long} more", f"more {long}"])
    assert [row["hits"] for row in found] == [1, 1, 0, 0, 0]
    assert found[0]["item_matched_words"] == 13


@pytest.mark.parametrize(("parameters", "message"), [
    ({"method": "gpt4"}, "method must be one of gpt3, datatrove, llama3, dolma; got 'gpt4'"),
    ({"ngram": 1}, "ngram must be 2 to 50 words; got 1"), ({"ngram": 51}, "got 51"),
    ({"window": -1}, "window must be 0 or more"),
    ({"method": "dolma", "edit": True}, "edit belongs to method=gpt3"),
    ({"method": "llama3", "max_documents": 3}, "max_documents belongs to method=gpt3"),
    ({"method": "datatrove", "window": 100}, "window belongs to method=gpt3; datatrove only counts: leave window out; got 100"),
    ({"method": "dolma", "fragment": 0}, "fragment belongs to method=gpt3"),
    ({"max_documents": 0, "common": "0f"}, "common=0f would be passed over: with max_documents=0"),
    ({"method": "llama3", "common": "0f"}, "common=0f would be passed over"),
])
def test_parameters_that_contradict_each_other_are_refused(parameters, message):
    with pytest.raises(ConfigError, match=message):
        Decontaminate(**parameters)


def test_an_operator_without_its_files_says_so(tmp_path):
    with pytest.raises(ConfigError, match="its index has not been fetched"):
        Decontaminate().open({})
    with pytest.raises(ConfigError, match="has no evaluation sets: name their files"):
        _ = Decontaminate().sources
    with pytest.raises(ConfigError, match="name the fields that hold them in `label`"):
        Decontaminate(sets=["a.jsonl"], method="datatrove").build({"a.jsonl": [{"q": ITEM}]})


@pytest.mark.corpus
def test_every_planted_item_of_real_evaluation_sets_is_found(tmp_path):
    """Whole items of 13 words and more, in capitals and without their punctuation, in the middle of real documents."""
    if not (SHARED / "evalsets").is_dir():
        pytest.skip("the shared evaluation sets are not here")
    rng, names = random.Random(3), ["gsm8k_test", "arc_challenge_test", "truthfulqa"]
    records = {f"{n}.jsonl": [json.loads(line) for line in (SHARED / "evalsets" / f"{n}.jsonl").read_text().splitlines()]
               for n in names}
    made = Decontaminate(sets=[{"path": path, "query": "question"} for path in records], method="gpt3", max_documents=0)
    (tmp_path / "index").write_bytes(made.build(records))
    carriers = pq.read_table(SHARED / "corpus" / "health_qa-00000.parquet", columns=["text"])["text"].to_pylist()[:300]
    planted = [(path, r) for path, all_records in records.items() for r in all_records if len(r["question"].split()) >= 20]
    texts, expected = list(carriers), [None] * len(carriers)
    for path, record in rng.sample(planted, 300):
        text = rng.choice(carriers)
        words = [w.upper() if rng.random() < 0.3 else w for w in record["question"].replace(".", " ").replace(",", ";").split()]
        texts.append(f"{text[: len(text) // 2]} {' '.join(words)} {text[len(text) // 2 :]}")
        expected.append((path.partition(".")[0], plain(record["question"])))
    found, _ = rows(made.open({"index": tmp_path / "index"}), texts)
    asked = {record["id"]: plain(record["question"]) for all_records in records.values() for record in all_records}
    # By its words: a set may ask the same twice.
    assert [(row["set"], asked[row["item"]]) if row["hits"] else None for row in found] == expected
    assert all(row["item_matched_words"] == row["item_words"] for row in found)
