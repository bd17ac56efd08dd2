"""Text as bytes that kernels read in place.

    simd        blocks of 64 bytes as bit masks: the only machine-level module
    buffers     Texts: safe addresses of the documents of an Arrow array
    unicode     classes of code points, pinned to one Unicode version
    words       whitespace, words and characters; lines: line feeds
    shingles    folded words and their n-grams as hashes
    spacy       words as spaCy's blank("en") finds them; spacy_words and spacy_urls hold the kernels, spacy_classes,
                spacy_exceptions and spacy_rules their tables
    layer       TextLayer: words and lines located once for a chain (_words, _lines)
    normalise   Normalise: one form for line ends, invisible characters, blank space; rewriting holds its kernels
    markup      text without tags, scripts and entities
    fasttext    classifiers read from fastText's files; classifying: the kernels that apply them
    content     digests of Arrow content; hashing: the hash kernels below it
    tokens      tokenizers that count
    columns     the text column, and a batch with columns appended
"""
