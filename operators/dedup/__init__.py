"""Which documents are duplicates, and which of them stay; what texts repeat, and what is cut out of them.

    exact.py         signatures: a digest of each text, raw or normalised, or of the URL
    urls.py          what two URLs of one page have in common
    minhash.py       signatures: besides, two sketches of its n-grams; one proposes pairs, the other verifies them
    minima.py        the schemes by which sketches are made, datasketch's among them; minima_torch: the same by torch
    banding.py       bands and rows for a threshold
    semantic.py      signatures: besides, the k-means cell and a sketch of all words
    rank.py          which of two ranks above: generation, source, signals, date, length, doc_id
    bands.py         candidate pairs: documents that share a band of the first sketch
    shingle_sets.py  the sets that are sketched, in full
    verify.py        the similarity of candidates, estimated on the second sketch or exact over those sets
    cells.py         star within cells: sketches are compared with those of kept documents
    ranking.py       documents by their place in rank
    keep.py          star: in rank order a document is dropped iff a verified neighbour ranked above it is kept
    components.py    or else: of all that pairs join, however far, the first in rank is kept
    rounds.py        either one where the pairs are in parts

    paragraphs.py  trimming: paragraphs or lines, by a digest of each
    substrings.py  trimming: runs of tokens, wherever they begin
    winnowing.py   windows of tokens as hashes, and the anchors by which equal ones meet
    repeats.py     in rank order a document loses what one above it, that stays, holds; and is dropped if too little is left
    cutting.py     texts without the pieces that they lose
"""
