"""Which documents are duplicates, and which of them stay.

    exact.py     signatures: a digest of each text, raw or normalised
    keep.py      star: in rank order a document is dropped iff a verified neighbour ranked above it is kept
"""
