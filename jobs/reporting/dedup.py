"""The section on duplicates: clusters, where copies come from, how alike pairs are, and how far all this is to be trusted."""

from collections import Counter
from collections.abc import Iterator, Mapping

from corpusmill.jobs.deduping.likeness import BINS
from corpusmill.jobs.reporting.charts import Column, curve, linear, plain
from corpusmill.jobs.reporting.facts import Facts
from corpusmill.jobs.reporting.gallery import fold, pair
from corpusmill.jobs.reporting.html import Html, join, name, number, percent, plural, tag
from corpusmill.jobs.reporting.measures import Clusters
from corpusmill.jobs.reporting.origins import Origins
from corpusmill.jobs.reporting.pairs import NEARLY, PairFacts, Precision, Recall, Share, Similarities
from corpusmill.jobs.reporting.sections import section
from corpusmill.jobs.reporting.tables import Column as Heading
from corpusmill.jobs.reporting.tables import hint, legend, share_of, table

TWENTIETHS = 20  # columns of similarities
POINTS = 100  # of the curve


def duplicates(facts: Facts) -> Html:
    """Nothing where no duplicates were looked for, or none found and no pair compared."""
    if facts.clusters is None and facts.pairs is None:
        return join([])
    cards = [*(_clusters(facts.clusters) if facts.clusters else []), *(_pairs(facts.pairs) if facts.pairs else [])]
    return section("Duplicates", hint(_explained(facts)), tag("div", *cards, class_="grid"),
                   _trust(facts.pairs) if facts.pairs else "", _origins(facts.origins) if facts.origins else "",
                   _least(facts.pairs.precision) if facts.pairs and facts.pairs.precision else "")


def _explained(facts: Facts) -> str:
    found = facts.clusters
    if found is None:
        return "Documents that repeat each other: none was dropped."
    dropped, made = sum(found.kinds.values()), facts.dataset("duplicates")
    kept = "None" if made is not None and made.parameters.get("copies") == "drop_all" else "One of each"
    return (f"{plural(found.count, 'cluster')} of documents that repeat each other. {kept} is kept, so "
            f"{plural(dropped, 'document')} {'was' if dropped == 1 else 'were'} dropped: {_kinds(found)}.")


def _kinds(found: Clusters) -> str:
    return " and ".join(f"{number(n)} {kind} ones" for kind, n in found.kinds.items())


def _clusters(found: Clusters) -> list[Html]:
    says = ", ".join(f"{plural(n, 'cluster')} of {size}" for size, n in found.sizes.items())
    sizes = [Column(size.replace("-", "–"), n) for size, n in found.sizes.items()]
    kinds = [Column(kind, n, n) for kind, n in found.kinds.items()]
    return [_card("Clusters by number of documents", plain(sizes, says)),
            _card("Dropped documents by kind", plain(kinds, _kinds(found)))]


def _card(heading: str, *content: object) -> Html:
    return tag("div", tag("h3", heading), *content, class_="card")


def _pairs(found: PairFacts) -> Iterator[Html]:
    if found.similarities is not None:
        yield _similarities(found.similarities)
    if found.recall is not None:
        yield _recall(found.recall)


def _similarities(found: Similarities) -> Html:
    verified, missed = (_twentieths(side) for side in (found.verified, found.missed))
    at = sorted({*verified, *missed})
    columns = [Column(b, verified[b] + missed[b], verified[b]) for b in at]
    first = min(at[0], int(found.threshold * TWENTIETHS), TWENTIETHS - 2) // 2 * 2
    ticks = [(b, f"{b / TWENTIETHS:.1f}") for b in range(first, TWENTIETHS + 1, 2)]
    misses = f"{number(missed.total())} near {'miss' if missed.total() == 1 else 'misses'}"
    says = f"{plural(verified.total(), 'pair')} at least {found.threshold:g} alike, {misses}"
    drawn = linear(columns, ticks, [(found.threshold * TWENTIETHS, f"≥ {found.threshold:g}")], says)
    return _card("Compared pairs by similarity", legend(("drop", "verified"), ("kept", "near misses")), drawn, hint(f"{says}."))


def _twentieths(hundredths: Mapping[int, int]) -> Counter[int]:
    """Wider than the steps between estimates on a hundred lanes, so that each column holds as many of them."""
    found: Counter[int] = Counter()
    for b, n in hundredths.items():
        found[b * TWENTIETHS // BINS] += n
    return found


def _recall(found: Recall) -> Html:
    line = [(i / POINTS, found(i / POINTS)) for i in range(POINTS + 1)]
    points = [(float(at), share, f"{percent(share)} at {at}") for at, share in found.at.items()]
    says = ", ".join(says for _, _, says in points)
    return _card("Chance of being compared", curve(line, points, says),
                 hint(f"{found.bands} bands of {plural(found.rows, 'row')}: {says}."))


def _trust(found: PairFacts) -> Html:
    rows = [*(_precision(found.precision) if found.precision else []),
            *(_expected(found) if found.recall and found.similarities else [])]
    if not rows:
        return join([])
    columns = [Heading("How far to trust it", "name"), Heading("Share"), Heading("95 % between"), Heading("Of", "words")]
    return table(columns, rows, list)


def _precision(found: Precision) -> Iterator[list[object]]:
    of = f"{number(found.sampled)} of {plural(found.pairs, 'verified near pair')}, their texts compared in full"
    for share, least in ((found.alike, found.threshold), (found.nearly, found.threshold - NEARLY)):
        yield [f"Precision: in truth at least {least:.4g} alike", share_of(share.count, found.sampled), _between(share), of]


def _between(share: Share) -> str:
    return f"{percent(share.low)} – {percent(share.high)}"


def _expected(found: PairFacts) -> Iterator[list[object]]:
    recall, similarities = found.recall, found.similarities
    if recall is None or similarities is None or recall.found is None:
        return
    verified = plural(sum(similarities.verified.values()), "pair")
    skipped = f"; besides, {plural(recall.skipped, 'pair')} of large buckets went uncompared" if recall.skipped else ""
    yield [f"Recall: expected of all near pairs at least {similarities.threshold:g} alike", percent(recall.found), "–",
           f"{verified} found, each standing for as many as its chance says{skipped}"]


def _origins(found: Origins) -> Html:
    heads = [*found.sources, *([f"{number(found.others)} others"] if found.others else [])]
    explained = (f"Dropped documents by their source (rows), and the source of the one that each was taken for (columns): "
                 f"{number(found.within)} within a source, {number(found.total - found.within)} across sources.")
    columns = [Heading("Dropped of", "name"), *(Heading(name(head or "unknown")) for head in heads), Heading("All")]
    rows = list(zip(heads, found.documents, strict=True))
    foot = ["All", *(number(sum(row[i] for row in found.documents)) for i in range(len(heads))), number(found.total)]
    return join([hint(explained), table(columns, rows, lambda row: _row(*row), foot)])


def _row(source: str, counts: tuple[int, ...]) -> list[object]:
    return [name(source or "unknown"), *(number(n) if n else "" for n in counts), number(sum(counts))]


def _least(found: Precision) -> Html:
    about = f"the {len(found.least)} least alike of the {number(found.sampled)} that were compared in full"
    return fold(tag("strong", "Verified near pairs"), about, map(pair, found.least)) if found.least else join([])
