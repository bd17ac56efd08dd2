"""How survivors get their domains: what tasks of the job regroup do.

    survivors.py  the rows that no stage dropped, and counts of what became of the others
    iterating.py  k-means over the points of all of them
    keying.py     domains of several parts: cluster, quality, language, source
"""
