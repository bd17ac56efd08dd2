"""Which documents are duplicates, and which of them stay; what texts repeat, and what is cut out of them.

    exact.py     signatures: a digest of each text, raw or normalised
    minhash.py   signatures: besides, two sketches of its word n-grams; one proposes pairs, the other verifies them
    bands.py     candidate pairs: documents that share a band of the first sketch
    verify.py    their similarity, estimated on the second
    keep.py      star: in rank order a document is dropped iff a verified neighbour ranked above it is kept

    paragraphs.py  trimming: paragraphs or lines, by a digest of each
    substrings.py  trimming: runs of tokens, wherever they begin
    winnowing.py   windows of tokens as hashes, and the anchors by which equal ones meet
    repeats.py     in rank order a document loses what one above it, that stays, holds; and is dropped if too little is left
    cutting.py     texts without the pieces that they lose
"""
