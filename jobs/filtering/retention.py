"""What each source lost, and which lost more than its share.

A source loses over its share where its part of all dropped documents is more than ``TIMES`` its part of all documents: then its
documents are dropped more than ``TIMES`` as often as those of the whole corpus are.
"""

import dataclasses
from collections.abc import Mapping

from corpusmill.jobs.runtime.tally import read_by_source

TIMES = 3
LEAST = 10  # dropped documents of a source: of fewer nothing follows


@dataclasses.dataclass(frozen=True, slots=True)
class Loss:
    """A source that lost over its share."""

    source: str
    documents: int
    dropped: int
    times: float  # how many times as often as over the whole corpus
    reason: str  # that dropped most of it
    by_reason: int

    def __str__(self) -> str:
        """As a sentence."""
        return (f"source {self.source} lost {self.dropped:,} of its {self.documents:,} documents, {self.times:.1f} times its "
                f"share, {self.by_reason:,} of them to {self.reason}: look at some with corpusmill inspect, and ask whether "
                "the rule is meant for such text (see `when`)")


def losses(counts: Mapping[str, int]) -> tuple[Loss, ...]:
    """The sources that lost over their share, by the counts of a manifest of decisions; the hardest hit first."""
    tallied = read_by_source(dict(counts))
    everything = sum(sum(outcomes.values()) for outcomes in tallied.values())
    gone = everything - sum(outcomes.get("kept", 0) for outcomes in tallied.values())
    found = []
    for source, outcomes in tallied.items():
        documents = sum(outcomes.values())
        dropped = documents - outcomes.get("kept", 0)
        # In integers, so that exactly three times the share is not above it.
        if dropped >= LEAST and dropped * everything > TIMES * gone * documents:
            reason, n = max(((r, n) for r, n in outcomes.items() if r != "kept"), key=lambda item: (item[1], item[0]))
            found.append(Loss(source, documents, dropped, dropped * everything / (gone * documents), reason, n))
    return tuple(sorted(found, key=lambda loss: (-loss.times, loss.source)))
