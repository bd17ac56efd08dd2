"""Sources: the files that documents come from, and how each kind of them is read.

    files        what a path, folder or glob names, locally or in an object store
    listing      lists of paths, and data set folders with a card
    catalogue    what is known of a source as a whole
    bundles      which files one task reads
    reading      the one entry: a file or a bundle in, documents and bad rows out
    pieces       what the readers share: settings, columns, the quarantine
    parquet, jsonl, textfiles, machine, warc    the readers
    inflate, roff                               what they lean on
    members, records, responses                 web archives: gzip members, their records, the HTTP responses in them
    html, extraction                            pages as text, and the process in which that happens
"""
