"""The steps of a filter beside the decisions themselves.

    cutoffs    the cut-offs of selectors: passes over the signals of all shards, then an artifact
    wording    rules and selectors as people write them
    retention  what each source lost, and which lost more than its share
"""
