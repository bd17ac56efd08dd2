"""Sources: the files that documents come from, and how each kind of them is read.

    files        what a path, folder or glob names, locally or in an object store
    bundles      which files one task reads
    reading      the one entry: a file or a bundle in, documents and bad rows out
    pieces       what the readers share: settings, columns, the quarantine
    parquet, jsonl, textfiles, machine    the readers
    inflate, roff                         what they lean on
"""
