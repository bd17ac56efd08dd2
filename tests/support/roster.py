"""Every operator of the package, as the suites that hold all of them to something run it, with small files to apply.

The models are of random words, the lists of harmless ones: what they find means nothing.
"""

import atexit
import dataclasses
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa

from corpusmill.operators.quality.badwords import BadWords
from corpusmill.operators.quality.c4 import C4Lines
from corpusmill.operators.quality.classifier import Classifier
from corpusmill.operators.quality.compression import Compression
from corpusmill.operators.quality.corruption import Corruption
from corpusmill.operators.quality.datatrove import Datatrove
from corpusmill.operators.quality.decontaminate import Decontaminate
from corpusmill.operators.quality.difficulty import Difficulty
from corpusmill.operators.quality.gopher import Gopher
from corpusmill.operators.quality.gopher_dolma import GopherDolma
from corpusmill.operators.quality.importance import ImportanceWeight
from corpusmill.operators.quality.langid import Language
from corpusmill.operators.quality.language_model import LanguageModel
from corpusmill.operators.quality.multilingual import Multilingual
from corpusmill.operators.quality.nemo import Nemo
from corpusmill.operators.quality.outlier import Outlier
from corpusmill.operators.quality.perplexity import Perplexity
from corpusmill.operators.quality.pii import PII
from corpusmill.operators.quality.refinedweb import RefinedWebLines
from corpusmill.operators.quality.signals import BasicSignals
from corpusmill.operators.quality.url import Url, UrlList
from corpusmill.operators.quality.web import WebSignals
from corpusmill.operators.schema import DOCUMENTS
from corpusmill.operators.text.layer import TextLayer
from corpusmill.operators.text.normalise import Normalise
from corpusmill.operators.text.urls import RemoveUrls

TESTS = Path(__file__).parents[1] / "operators"
EVALSET = [{"id": "b and a", "q": "a b " * 20}, {"id": "x", "q": "\n".join("x" * n for n in range(30)), "l": "中 é 🙂- " * 9}]
CUT = Decontaminate(name="cut", sets=[{"path": "q", "query": "q", "label": "l"}], ngram=3, edit=True, max_documents=0,
                    window=2, fragment=5)
PARAGRAPHS = dataclasses.replace(CUT, name="paragraphs", method="dolma", edit=False, window=200, fragment=200)
OPERATORS = [
    Normalise(), PII(), BasicSignals(), Classifier(positive="aa"), Compression(), Gopher(), GopherDolma(),
    WebSignals(ngrams="uax29"), Language(), Nemo(), Corruption(), Datatrove(),
    Multilingual({"en": ("a", "of", "with"), "zh": ("中", "文")}, language="source"),
    Difficulty(), ImportanceWeight(), Outlier(), Perplexity(), CUT, PARAGRAPHS,
    LanguageModel(head=100, device="cpu"),
    BadWords("words.txt"), Url(), UrlList("hosts.txt"), RemoveUrls(), RefinedWebLines(), C4Lines(), TextLayer(),
]  # fmt: skip
FILES = {
    "quality": {"model": TESTS / "text" / "models" / "runs.ftz"},
    "language": {"model": TESTS / "text" / "models" / "pruned.ftz"},
    "importance": {"ratios": TESTS / "quality" / "models" / "importance"},
    "outlier": {"model": TESTS / "quality" / "models" / "domains"},
    "perplexity": {"model": TESTS / "quality" / "models" / "ngrams"},
    "lm": {"model": TESTS / "quality" / "models" / "lm"},
    "badwords": {"list": TESTS / "quality" / "lists" / "words.txt"},
    "url_list": {"list": TESTS / "quality" / "lists" / "hosts.txt"},
}
INDICES = Path(tempfile.mkdtemp(prefix="indices-"))
atexit.register(shutil.rmtree, INDICES)
for operator in (CUT, PARAGRAPHS):
    (INDICES / operator.name).write_bytes(operator.build({"q": EVALSET}))
    FILES[operator.name] = {"index": INDICES / operator.name}
# What published results are of.
TEXTS = [
    "", "plain\n", "Ünïcode “quoted”, 中文\u3000한국어 ٣ 🙂\u200b \r\n\r\n\r\n\r\n\r\nend\x0c",
    "• one.\n• one.\n- two?\n  \n" * 9,
    "\n".join(f"line {i % 7} of many, with {i} words" for i in range(300)), "x" * 70_000, "\x00\x1c\x85\xad" * 20,
]  # fmt: skip
FIELDS = pa.schema([DOCUMENTS.field(name) for name in ("doc_id", "text", "source", "url")])


def batch_of(values, names=FIELDS.names):
    """Documents of these texts. A URL may be whatever a text may be, and so it is; sources change with the length."""
    columns = {
        "doc_id": pa.array([i.to_bytes(16, "big") for i in range(len(values))], pa.binary(16)),
        "text": pa.array(values, pa.string()),
        "source": pa.array([("en", "zh", "und")[len(value) % 3] for value in values], pa.string()),
        "url": pa.array(values, pa.string()),
    }
    return pa.record_batch([columns[name] for name in names], schema=pa.schema([FIELDS.field(name) for name in names]))


def opened(operator):
    """The operator's function, with its files."""
    return operator.open(FILES.get(operator.name, {}))
