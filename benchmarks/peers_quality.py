"""One peer's filters over one file, in the peer's own environment; bench_quality.py runs it.

    PYTHON benchmarks/peers_quality.py PEER FILE [--out FILE]

Imports nothing of corpusmill. FILE has one JSON list [id, text] per line. Prints one JSON object: processor seconds of the
filters alone (not of reading), documents, and how many are kept; ``--out`` writes a line of JSON per document: id, the reasons
that the peer gives (empty where it keeps the document).
"""

import argparse
import importlib
import json
import sys
import time
from pathlib import Path


def datatrove():
    """The four filters of FineWeb's chain, in its order (examples/fineweb.py)."""
    data = importlib.import_module("datatrove.data")
    filters = importlib.import_module("datatrove.pipeline.filters")
    chain = [filters.GopherRepetitionFilter(), filters.GopherQualityFilter(),
             filters.C4QualityFilter(filter_no_terminal_punct=False), filters.FineWebQualityFilter()]

    def judge(name, text):
        document = data.Document(text=text, id=name)
        for step in chain:
            found = step.filter(document)
            if found is not True:
                return [found[1] if isinstance(found, tuple) else "dropped"]
        return []

    return judge, importlib.metadata.version("datatrove")


def datatrove_pii():
    """datatrove's PII formatter: e-mail and IP addresses."""
    formatter = importlib.import_module("datatrove.pipeline.formatters").PIIFormatter()
    return lambda name, text: [] if formatter.format(text) == text else ["pii"], importlib.metadata.version("datatrove")


def dolma():
    """The taggers gopher_v1 and c4_v2; they tag and decide nothing."""
    types = importlib.import_module("dolma.core.data_types")
    registry = importlib.import_module("dolma.core.registry").TaggerRegistry
    importlib.import_module("dolma.taggers")
    taggers = [registry.get(name)() for name in ("gopher_v1", "c4_v2")]

    def judge(name, text):
        for tagger in taggers:
            tagger.predict(types.Document(source="", version="", id=name, text=text))
        return []

    return judge, importlib.metadata.version("dolma")


def curator():
    """The English heuristics in the order of heuristic_filter_english_pipeline.yaml."""
    heuristic = importlib.import_module("nemo_curator.stages.text.filters.heuristic")
    repetition = importlib.import_module("nemo_curator.stages.text.filters.heuristic.repetition")
    chain = [getattr(heuristic, f"{name}Filter")() for name in (
        "NonAlphaNumeric", "SymbolsToWords", "Numbers", "Urls", "WhiteSpace", "Parentheses", "BoilerPlateString")]
    chain += [getattr(repetition, f"Repeated{name}Filter")() for name in (
        "Lines", "Paragraphs", "LinesByChar", "ParagraphsByChar")]
    chain += [getattr(heuristic, f"{name}Filter")() for name in (
        "WordCount", "Punctuation", "WordsWithoutAlphabets", "CommonEnglishWords", "MeanWordLength", "LongWord", "Ellipsis")]
    chain += [repetition.RepeatingTopNGramsFilter(n=n, max_repeating_ngram_ratio=bound)
              for n, bound in ((2, 0.2), (3, 0.18), (4, 0.16))]
    chain += [repetition.RepeatingDuplicateNGramsFilter(n=n, max_repeating_duplicate_ngram_ratio=round(0.2 - n / 100, 2))
              for n in range(5, 11)]
    chain += [heuristic.BulletsFilter()]

    def judge(name, text):
        for step in chain:
            step._sentences = step._paragraphs = step._ngrams = None
            if not step.keep_document(step.score_document(text)):
                return [step.name]
        return []

    return judge, importlib.metadata.version("nemo-curator")


def juicer():
    """The heuristic filters of data-juicer that need no model: statistics, then the decision."""
    ops = importlib.import_module("data_juicer.ops.filter")
    fields = importlib.import_module("data_juicer.utils.constant").Fields
    chain = [ops.AlphanumericFilter(tokenization=False), ops.AverageLineLengthFilter(), ops.CharacterRepetitionFilter(),
             ops.MaximumLineLengthFilter(), ops.SpecialCharactersFilter(), ops.TextLengthFilter(),
             ops.WordsNumFilter(tokenization=False), ops.WordRepetitionFilter(tokenization=False)]

    def judge(name, text):
        samples = {"text": [text], fields.stats: [{}]}
        for step in chain:
            samples = step.compute_stats_batched(samples)
        return [] if all(all(step.process_batched(samples)) for step in chain) else ["dropped"]

    return judge, importlib.metadata.version("py-data-juicer")


PEERS = {function.__name__: function for function in (datatrove, datatrove_pii, dolma, curator, juicer)}


def main():
    importlib.import_module("importlib.metadata")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, help="write each document's reasons here")
    options = parser.parse_args()
    documents = [json.loads(line) for line in options.file.read_text().splitlines()]
    judge, version = PEERS[options.peer]()
    judge("warm", "A few words, so that whatever is loaded late is there.\nTwo lines of them.")
    start = time.process_time()
    found = [(name, judge(name, text)) for name, text in documents]
    seconds = time.process_time() - start
    if options.out:
        options.out.write_text("".join(json.dumps([name, reasons]) + "\n" for name, reasons in found))
    report = {"seconds": seconds, "documents": len(found), "kept": sum(not r for _, r in found), "version": version}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
