"""PII against regular expressions of the same grammars, on made text, on real text, and with planted data of both kinds."""

import random
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.operators.errors import ConfigError
from corpusmill.operators.quality.pii import PII
from corpusmill.operators.quality.pii_spans import KINDS
from corpusmill.operators.schema import DOCUMENTS

sys.path.append(str(Path(__file__).parent))
import pii_reference as reference

CORPUS = Path(__file__).parents[4] / "shared" / "data" / "corpus"
FIELDS = pa.schema([DOCUMENTS.field("text")])
COUNT = dict.fromkeys(KINDS)
TOKEN = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"  # 36 characters
JWT = f"eyJ{TOKEN}.eyJ{TOKEN}.{TOKEN}"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/IBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
PIECES = [
    "bob.smith@example.co.uk", "a@b", "@", "icon@2x.png", "..", "_x_@y.de", "'o@p.org'", "8.8.8.8", "93.184.216.34", "10.0.0.1",
    "192.168.1.255", "1.2.3.4.5", "256.1.1.1", "01.2.3.99", "2001:db8::1", "2a00:1450:4001:81b::200e", "fe80::1", "a::b",
    "2606:4700:0:0:0:0:0:1111", "12:30:45", "+44 20 7946 0958", "+1 (212) 555-0100", "+4294967295", "(212) 555-0100",
    "212-555-0100", "1.212.555.0100", "212-555.0100", "Tel: ", "phone ", "hôtel ", "\u0302", "FAX: ",
    "020 7946 0958", "(030) 123456",
    "4111 1111 1111 1111", "4111-1111-1111-1112", "378282246310005", "3782 822463 10005", "30569309025904",
    "6200000000000000003",
    "GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "DE88370400440532013000", "NO9386011117947",
    "AKIAIOSFODNN7EXAMPLE",
    f"ghp_{TOKEN}", f"sk-{TOKEN}", JWT, PEM, "-----BEGIN PRIVATE KEY-----", "-----", "token=", "api_key: '", '"password" => "',
    TOKEN, "AbCdEfGh12", "=", ":", "=>", "+", "(", ")", ".", "-", "/", "1", "21", "555", "x", "é", "中", "🙂", "\u200b", "א",
    " ", "  ", "\n", "\r\n", "\x00", "e\u0301",
]  # fmt: skip
MADE = st.lists(st.one_of(st.sampled_from(PIECES), st.text("0123456789 .-()+:@aF", max_size=12),
                          st.text(st.characters(codec="utf-8"), max_size=4)), max_size=14).map("".join)


def run(texts, **parameters):
    return PII(**parameters).open({})(pa.record_batch([pa.array(texts, pa.string())], schema=FIELDS))


def found(texts, **parameters):
    return [[(s["start"], s["end"], s["kind"]) for s in row]
            for row in run(texts, **parameters).batch["pii.found"].to_pylist()]


def expected(text):
    data = text.encode()
    return [(len(data[:a].decode()), len(data[:b].decode()), kind) for a, b, kind in reference.spans(data)]


@settings(max_examples=200)
@given(st.lists(MADE, max_size=4))
@example(["x" * 63 + "8.8.8.88 " * 20 + "é" * 40 + PEM + "tel 555 1234"])
@example(["a@b.co@d.com c..d@e.org 1212-555-0100 +49 (0)30 123456 tel. (030)(1)23456"])
def test_spans_are_those_of_the_regular_expressions(texts):
    assert found(texts, **COUNT) == [expected(text) for text in texts]


@settings(max_examples=40)
@given(st.lists(MADE, max_size=4))
def test_counts_are_those_of_the_spans(texts):
    rows = run(texts).batch.to_pylist()
    for row in rows:
        spans = row["pii.found"]
        assert [row[f"pii.{kind}"] for kind in KINDS] == [sum(s["kind"] == kind for s in spans) for kind in KINDS]
        personal = [s["end"] - s["start"] for s in spans if s["kind"] != "private_ip"]
        assert (row["pii.spans"], row["pii.chars"]) == (len(personal), sum(personal))


@settings(max_examples=80)
@given(st.lists(MADE, max_size=4), st.sampled_from([
    {}, dict.fromkeys(KINDS, ""), {"email": "email@example.com", "ip": "22.214.171.124"},
    {"phone": "1", "private_ip": "10.0.0.1"},
]))
def test_a_second_run_changes_nothing(texts, masks):
    once = run(texts, **masks).batch["text"]
    again = run(once.to_pylist(), **masks)
    assert again.batch["text"].equals(once)
    assert again.counts == {"edited": 0, "uncovered": 0}


@settings(max_examples=40)
@given(st.lists(MADE, max_size=4))
def test_masking_replaces_spans_and_nothing_else(texts):
    outcome = run(texts)
    if outcome.counts["uncovered"]:
        return
    for text, masked, spans in zip(texts, outcome.batch["text"].to_pylist(), found(texts), strict=True):
        pieces, at = [], 0
        for start, end, kind in spans:
            mask = getattr(PII(), kind)
            pieces += [text[at:start], text[start:end] if mask is None else mask]
            at = end
        assert masked == "".join(pieces) + text[at:]
    assert outcome.counts["edited"] == sum(a != b for a, b in zip(texts, outcome.batch["text"].to_pylist(), strict=True))


@pytest.mark.parametrize(("text", "kinds"), [
    ("mail bob@example.com now", "email"), ("bob@localhost", ""), ("a.@example.com", ""), ("icon@2x.png", ""),
    ("x" * 65 + "@example.com", ""), ("http://203.0.113.9/", "private_ip"), ("at 93.184.216.34, port 80", "ip"),
    ("version 4.2.1.3", ""), ("v93.184.216.34", ""), ("93.184.216.34.5", ""), ("ssh 2a00:1450:4001:81b::200e", "ip"),
    ("std::string a::b", ""), ("4111 1111 1111 1111", "card"), ("4111 1111 1111 1112", ""), ("0.4111111111111111", ""),
    ("GB82 WEST 1234 5698 7654 32", "iban"), ("GB82WEST12345698765432", "iban"), ("GB83WEST12345698765432", ""),
    ("+44 20 7946 0958", "phone"), ("x = +2147483647", ""), ("(212) 555-0100", "phone"), ("2125550100", ""),
    ("tel. 020 7946 0958", "phone"), ("020 7946 0958", ""), ("hotel 020 7946 0958", ""), ("AKIAIOSFODNN7EXAMPLE", "key"),
    ("xAKIAIOSFODNN7EXAMPLE", ""), (f"my_api_key = '{TOKEN}'", "key"), ("token = request_headers_authorization(", ""),
    (PEM, "key"), (PEM[:-5], ""), (JWT, "key"),
    ("L'hôtel 2 000 000", ""), ("un ho\u0302tel 2 000 000", ""), ("étel. 020 7946 0958", ""), ("٣tel. 020 7946 0958", ""),
    ("2tel. 020 7946 0958", ""), ("«tel. 020 7946 0958", "phone"), ("☎\ufe0fTel. 020 7946 0958", "phone"),
    ("电话tel: 020 7946 0958", "phone"), ("home_phone: 020 7946 0958", "phone"), ("\u0302tel. 020 7946 0958", "phone"),
])  # fmt: skip
def test_what_is_personal_and_what_is_not(text, kinds):
    assert " ".join(kind for _, _, kind in found([f"so, {text}"])[0]) == kinds


@pytest.mark.corpus
def test_spans_of_real_text_are_those_of_the_regular_expressions():
    """Every 40th document of each file, and so of each domain."""
    files = sorted(CORPUS.glob("*.parquet"))
    if not files:
        pytest.skip(f"no corpus in {CORPUS}")
    texts = [text for path in files
             for text in pq.read_table(path, columns=["text"])["text"].to_pylist()[::40] if len(text) < 30_000]
    assert found(texts, **COUNT) == [expected(text) for text in texts]


def test_ibans_of_the_registry_are_found_and_any_wrong_digit_is_not():
    draw, samples = random.Random(5), []
    for country, size in reference.IBAN_SIZES.items():
        account = "1234" + "".join(draw.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=int(size) - 8))
        check = 98 - int("".join(str(int(c, 36)) for c in f"{account}{country}00")) % 97
        samples.append(f"{country}{check:02}{account}")
    assert [[kind for *_, kind in row] for row in found(samples)] == [["iban"]] * len(samples)
    wrong = [s[:5] + draw.choice("013456789") + s[6:] for s in samples]
    assert not any("iban" in [kind for *_, kind in row] for row in found(wrong))


def test_a_replacement_that_grows_many_documents_is_written_whole():
    texts = [f"{i} a{i}@example.com é" * (i % 5) for i in range(200)]
    assert run(texts, email="<" + "m" * 300 + ">").batch["text"].to_pylist() == \
        [f"{i} <{'m' * 300}> é" * (i % 5) for i in range(200)]


def test_what_masking_uncovers_is_masked_too():
    outcome = run(["so 212-555-0100-93.184.216.34"])
    assert outcome.batch["text"].to_pylist() == ["so |||PHONE_NUMBER|||-|||IP_ADDRESS|||"]
    assert outcome.counts == {"edited": 1, "uncovered": 1}


ADVERSARIAL = {
    "digits": "4", "groups of digits": "4111 ", "at signs": "@", "full stops": "a.a.", "addresses": "a@a.", "colons": "2001:",
    "keys": "token=eyJ-----BEGIN ", "tokens": "sk-", "web tokens": "eyJaaaaaaaaaaaaa.", "pluses": "+4 (1",
    "IBANs": "GB82 WEST ",
    "spans": "a@b.co 8.8.8.88 ",
}  # fmt: skip


@pytest.mark.parametrize("unit", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_time_is_linear_in_text_that_almost_matches(unit):
    """Four times the text takes about four times the time; a quadratic step would take sixteen."""
    run(["compiled"])
    small, large = (min(seconds(unit * (size // len(unit))) for _ in range(3)) for size in (250_000, 1_000_000))
    assert large < 10 * small + 0.05


def seconds(text):
    start = time.process_time()
    run([text])
    return time.process_time() - start


def test_a_mask_that_is_no_text_is_refused():
    with pytest.raises(ConfigError, match="email must be a mask or null; got 5"):
        PII(email=5)


@pytest.mark.parametrize(("masks", "message"), [
    ({"phone": "write to bob@example.com"}, r"mask phone='write to bob@example.com' holds .* 'bob@example.com' \(email\)"),
    ({"email": "+44 20 7946 0958"}, r"\(phone\)"), ({"email": "email@example.com "}, r"\(email\)"),
    ({"ip": "10.0.0.1"}, r"\(private_ip\)"), ({"name": "é", "key": "é: DE89370400440532013000"}, r"operator 'é': .*\(iban\)"),
])  # fmt: skip
def test_a_mask_that_holds_personal_data_is_refused(masks, message):
    """Such masks masked one another by turns: what a run left depended on how often it had gone round."""
    with pytest.raises(ConfigError, match=message):
        PII(**masks)


def test_the_default_masks_hold_no_personal_data():
    masks = [getattr(PII(), kind) or "" for kind in KINDS]
    assert found(masks, **COUNT) == [[]] * len(masks)
