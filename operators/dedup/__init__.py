"""Which documents are duplicates, and which of them stay.

    exact.py     signatures: a digest of each text, raw or normalised, or of the URL
    urls.py      what two URLs of one page have in common
    minhash.py   signatures: besides, two sketches of its word n-grams; one proposes pairs, the other verifies them
    semantic.py  signatures: besides, the k-means cell and a sketch of all words
    bands.py     candidate pairs: documents that share a band of the first sketch
    verify.py    their similarity, estimated on the second
    cells.py     star within cells: sketches are compared with those of kept documents
    keep.py      star: in rank order a document is dropped iff a verified neighbour ranked above it is kept
"""
