"""Which documents are duplicates, and which of them stay.

    exact.py     signatures: a digest of each text, raw or normalised
    minhash.py   signatures: besides, two sketches of its n-grams; one proposes pairs, the other verifies them
    minima.py    the schemes by which sketches are made, datasketch's among them; minima_torch: the same by torch
    banding.py   bands and rows for a threshold
    bands.py     candidate pairs: documents that share a band of the first sketch
    verify.py    their similarity, estimated on the second
    keep.py      star: in rank order a document is dropped iff a verified neighbour ranked above it is kept
"""
