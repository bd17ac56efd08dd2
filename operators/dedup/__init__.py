"""Which documents are duplicates, and which of them stay.

    exact.py         signatures: a digest of each text, raw or normalised
    minhash.py       signatures: besides, two sketches of its word n-grams; one proposes pairs, the other verifies them
    rank.py          which of two ranks above: generation, source, signals, date, length, doc_id
    bands.py         candidate pairs: documents that share a band of the first sketch
    shingle_sets.py  the sets that are sketched, in full
    verify.py        the similarity of candidates, estimated on the second sketch or exact over those sets
    ranking.py       documents by their place in rank
    keep.py          star: in rank order a document is dropped iff a verified neighbour ranked above it is kept
    components.py    or else: of all that pairs join, however far, the first in rank is kept
    rounds.py        either one where the pairs are in parts
"""
