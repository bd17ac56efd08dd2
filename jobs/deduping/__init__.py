"""How duplicates are found: what tasks of the jobs dedup and trim do, in the order of the data.

    signing.py      signatures of each document
    holdings.py     what is published already, and takes part beside the job's own documents
    against.py      the corpora that a user names
    index.py        what was published under a name, generation by generation
    publishing.py   what is kept, added to it
    again.py        documents of it that come again
    owners.py       consecutive shards as one task, and messages by shard
    exact.py        rows of equal text meet by its digest
    near.py         rows that share a band meet by its hash; candidates are verified side by side
    evidence.py     what verifies them: lanes of the signatures, or the n-grams of the texts
    likeness.py     how alike compared pairs are, counted
    pairs.py        the dataset of verified pairs
    semantic.py     sketches meet by k-means cell; the pairs that decide
    verdicts.py     star or components over the pairs; a row for each document
    partitioned.py  the same where pairs are too many for one task
    guard.py        stops the job where a source would be all but wiped out

    sightings.py    trim: what may be repeated is found by keys alone, and then sent to where it meets
    trimming.py     trim: rounds until it is known which documents stay; rows and edits of each shard
"""
