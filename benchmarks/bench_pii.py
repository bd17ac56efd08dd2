"""Personal data, bad words and URL lists: MB/s on one core, and what is found of data planted in real text.

    python benchmarks/bench_pii.py [--corpus FOLDER] [--repeat 5] [--json PATH]

MB = 10^6 bytes of UTF-8 text. Times are processor time, the best of ``--repeat`` passes over each file, held in memory;
compilation is left out. ``mask`` also writes the texts anew and looks at them again.

Planted: 500 items of each kind, at random places between words of the corpus, each in the notations that the kind has in the
wild, those included that the grammars do not know; and as many that look alike and are none: numbers with a wrong check digit,
versions, times, dates, ISBNs, random digits. ``recall``: items of which a span of their kind covers at least
half. ``precision``: of the spans that touch planted text, those that touch an item of their kind.
"""

import argparse
import json
import random
import string
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import CORPUS, machine

from corpusmill.jobs.runtime import kernels
from corpusmill.operators.contract import chain
from corpusmill.operators.quality.badwords import BadWords
from corpusmill.operators.quality.pii import PII
from corpusmill.operators.quality.pii_numbers import IBAN_LENGTHS
from corpusmill.operators.quality.pii_spans import KINDS
from corpusmill.operators.quality.url import Url, UrlList
from corpusmill.operators.schema import DOCUMENTS

FIELDS = pa.schema([DOCUMENTS.field("text"), DOCUMENTS.field("url")])
COUNT = PII(**dict.fromkeys(KINDS))
DRAW = random.Random(18)
ALNUM = string.ascii_letters + string.digits
PLANTED = 500
SLOW = {"digits": "4", "groups of digits": "4111 ", "at signs": "@", "full stops": "a.a.", "addresses": "a@a.",
        "colons": "2001:", "names of keys": "token=", "spans": "bob@example.com 93.184.216.34 ",
        "empty lines": "\n"}  # fmt: skip


def digits(n):
    return "".join(DRAW.choices(string.digits, k=n))


def luhn(body):
    total = sum(sum(divmod(int(c) * 2, 10)) if i % 2 == 0 else int(c) for i, c in enumerate(reversed(body)))
    return body + str(-total % 10)


def grouped(text, sizes, separator):
    parts = []
    for size in sizes:
        parts.append(text[:size])
        text = text[size:]
    return separator.join([part for part in [*parts, text] if part])


def card(wrong=0):
    number = luhn((DRAW.choice(["4", "51", "2221", "6011"]) + digits(15))[:15])
    number = number[:-1] + str((int(number[-1]) + wrong) % 10)
    return grouped(number, [4, 4, 4], DRAW.choice(["", " ", "-"]))


def iban(wrong=0):
    countries = [(c, size) for size, names in IBAN_LENGTHS.items() for c in names.split()]
    country, size = DRAW.choice(countries)
    account = digits(size - 4)
    check = (98 - int(account + "".join(str(int(c, 36)) for c in country) + "00") % 97 + wrong - 2) % 97 + 2
    text = f"{country}{check:02}{account}"
    return text if DRAW.random() < 0.5 else grouped(text, [4] * 8, " ")


def email():
    local = DRAW.choice(["{0}.{1}", "{0}", "{0}_{1}", "{0}+{1}", "{1}{2}"]).format(name(), name(), digits(2))
    return f"{local}@{name()}.{DRAW.choice(['com', 'co.uk', 'de', 'museum', 'org', 'xn--p1ai'])}"


def name():
    return "".join(DRAW.choices(string.ascii_lowercase, k=DRAW.randint(3, 9)))


def ip():
    if DRAW.random() < 0.3:
        return "2a00:" + ":".join(f"{DRAW.getrandbits(16):x}" for _ in range(7)) if DRAW.random() < 0.5 else \
            f"2606:{DRAW.getrandbits(16):x}::{DRAW.getrandbits(16):x}"
    return ".".join(map(str, [DRAW.choice([5, 23, 52, 80, 93, 151, 203]), DRAW.randint(1, 254), DRAW.randint(1, 254),
                              DRAW.randint(1, 254)]))


def phone():
    return DRAW.choice([
        lambda: f"+44 20 {digits(4)} {digits(4)}", lambda: f"+49 (0)30 {digits(6)}", lambda: f"+1 (212) 555-{digits(4)}",
        lambda: f"+33{DRAW.randint(1, 9)}{digits(8)}", lambda: f"(212) 555-{digits(4)}", lambda: f"212-555-{digits(4)}",
        lambda: f"1-800-555-{digits(4)}", lambda: f"415.555.{digits(4)}", lambda: f"Tel: 020 {digits(4)} {digits(4)}",
        lambda: f"phone 030/{digits(7)}", lambda: f"212 555 {digits(4)}", lambda: f"0171 {digits(3)} {digits(4)}",
    ])()


def key():
    return DRAW.choice([
        lambda: "AKIA" + "".join(DRAW.choices(string.ascii_uppercase + "234567", k=16)), lambda: "ghp_" + token(36),
        lambda: f"xoxb-{digits(12)}-{token(24)}", lambda: "AIza" + token(35), lambda: "sk-" + token(48),
        lambda: f"eyJ{token(17)}.eyJ{token(40)}.{token(43)}",
        lambda: f"api_key = '{token(32)}'", lambda: f"password: {token(24)}",
    ])()


def token(n):
    return "".join(DRAW.choices(ALNUM, k=n))


DECOYS = {
    "card": lambda: card(DRAW.randint(1, 9)),
    "iban": lambda: iban(DRAW.randint(1, 90)),
    "version": lambda: ".".join(str(DRAW.randint(0, 20)) for _ in range(4)),
    "number": lambda: digits(DRAW.randint(7, 12)),
    "isbn": lambda: f"978-{digits(1)}-{digits(4)}-{digits(4)}-{digits(1)}",
    "time": lambda: f"2024-{DRAW.randint(10, 12)}-{DRAW.randint(10, 28)} {DRAW.randint(10, 23)}:{digits(1)}0:30.{digits(3)}",
    "handle": lambda: DRAW.choice([f"@{name()}", f"{name()}@{name()}", f"{name()}@2x.png"]),
    "code": lambda: DRAW.choice([f"a::{name()}", f"{name()} = {token(32)}", f"token = {name()}_{name()}_{name()}"]),
    "private": lambda: f"192.168.{DRAW.randint(0, 255)}.{DRAW.randint(1, 254)}",
}  # fmt: skip
ITEMS = {"email": email, "ip": ip, "phone": phone, "card": card, "iban": iban, "key": key}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of Parquet files with the columns text and url")
    parser.add_argument("--repeat", type=int, default=5, help="passes, of which the best counts")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    kernels.use_cache()
    with tempfile.TemporaryDirectory() as folder:
        steps = opened(Path(folder))
        for step in steps.values():
            step(batch_of(["compiled: a@b.co 93.184.216.34 tel. 555 1234"]))
        files = {path.stem: record(path) for path in sorted(options.corpus.glob("*.parquet"))}
        if not files:
            sys.exit(f"no Parquet files in {options.corpus}")
        figures = {name: rates(batch_of([unit * (10_000_000 // len(unit))]), steps, 2) for name, unit in SLOW.items()}
        figures |= {name: rates(batch, steps, options.repeat) for name, batch in files.items()}
    figures["ALL FILES"] = {key: sum(figures[name][key] for name in files) for key in ("MB", *steps)}
    print("MB/s".ljust(34) + "".join(name.rjust(14) for name in steps))
    for name, row in figures.items():
        print(f"{name[:24]:24}{row['MB']:10.1f}" + "".join(f"{row['MB'] / row[step]:14.0f}" for step in steps))
    found = planted([text for batch in files.values() for text in batch["text"].to_pylist()[::200]])
    for kind, row in found.items():
        print(kind.ljust(12), row)
    if options.json:
        speeds = {name: {step: round(row["MB"] / row[step], 1) for step in steps} for name, row in figures.items()}
        report = {"unit": "MB/s of text, one core, processor time, best of passes", "machine": machine(), "figures": speeds,
                  "planted": found, "spans": real(files)}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def opened(folder):
    """The chains that are timed, with made lists: 400 words, a million hosts."""
    words = sorted({name() for _ in range(400)})
    (folder / "words.txt").write_text("\n".join(words))
    (folder / "hosts.txt").write_text("\n".join(f"{name()}{i}.example" for i in range(1_000_000)))
    files = {"badwords": {"list": folder / "words.txt"}, "substrings": {"list": folder / "words.txt"},
             "url_list": {"list": folder / "hosts.txt"}}
    chains = {"count": [COUNT], "mask": [PII()], "bad words": [BadWords("words.txt")],
              "substrings": [BadWords("words.txt", name="substrings", boundaries=False)], "URLs": [Url(), UrlList("hosts.txt")]}
    return {name: chain(operators, FIELDS).open(files) for name, operators in chains.items()}


def batch_of(texts):
    return pa.record_batch([pa.array(texts, pa.string()), pa.nulls(len(texts), pa.string())], schema=FIELDS)


def record(path):
    table = pq.read_table(path, columns=["text", "url"]).cast(FIELDS).combine_chunks()
    return table.to_batches()[0]


def rates(batch, steps, repeat):
    """Megabytes, and the seconds of each step."""
    row = {"MB": batch.column("text").nbytes / 1e6}
    for name, step in steps.items():
        row[name] = min(seconds(step, batch) for _ in range(repeat))
    return row


def seconds(step, batch):
    start = time.thread_time()
    step(batch)
    return time.thread_time() - start


def planted(texts):
    """Recall, precision and what was taken for a span, by kind."""
    words = " ".join(texts).split(" ")
    pieces, items, at = [], [], 0
    plan = [(kind, make, True) for kind, make in ITEMS.items()] + [(kind, make, False) for kind, make in DECOYS.items()]
    for kind, make, wanted in DRAW.sample(plan * PLANTED, len(plan) * PLANTED):
        start = DRAW.randrange(len(words) - 20)
        for text, inside in ((" ".join(words[start:start + 20]) + " ", False), (make(), True), (" ", False)):
            if inside:
                items.append((at, at + len(text), kind, wanted))
            pieces.append(text)
            at += len(text)
    spans = COUNT.open({})(batch_of(["".join(pieces)])).batch["pii.found"].to_pylist()[0]
    return judged(items, [(s["start"], s["end"], s["kind"]) for s in spans if s["kind"] != "private_ip"])


def judged(items, spans):
    recalled, planted, right, wrong, taken = Counter(), Counter(), Counter(), Counter(), {}
    after = 0
    for start, end, kind, wanted in items:
        while after < len(spans) and spans[after][1] <= start:
            after += 1
        here = [s for s in spans[after:after + 8] if s[0] < end and start < s[1]]
        hit = wanted and any(s[2] == kind and s[1] - s[0] >= 0.5 * (end - start) for s in here)
        planted[kind] += wanted
        recalled[kind] += hit
        for s in here:
            (right if wanted and s[2] == kind else wrong)[s[2]] += 1
            if not (wanted and s[2] == kind):
                taken.setdefault(s[2], Counter())[kind] += 1
    return {kind: {"planted": planted[kind], "recall": round(recalled[kind] / planted[kind], 4),
                   "precision": round(right[kind] / max(right[kind] + wrong[kind], 1), 4),
                   "taken for it": dict(taken.get(kind, {}))} for kind in ITEMS}  # fmt: skip


def real(files):
    """Spans by kind in each file."""
    step = COUNT.open({})
    found = {}
    for stem, batch in files.items():
        columns = step(batch).batch
        found[stem] = {kind: sum(columns[f"pii.{kind}"].to_pylist()) for kind in KINDS}
    return found


if __name__ == "__main__":
    main()
