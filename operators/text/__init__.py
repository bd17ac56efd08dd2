"""Text as bytes that kernels read in place.

    simd        blocks of 64 bytes as bit masks: the only machine-level module
    buffers     Texts: safe addresses of the documents of an Arrow array
    unicode     classes of code points, pinned to one Unicode version
    wordbreak   word-break classes of code points; segments: words by UAX #29
    categories  further classes, for rules that others have published
    words       whitespace, words and characters; lines: line feeds
    bare        words without case and punctuation, as hashes
    shingles    n-grams of words or characters as hashes; profiles: what systems fold in a text before
    spacy       words as spaCy's blank("en") finds them; spacy_words and spacy_urls hold the kernels, spacy_classes,
                spacy_exceptions and spacy_rules their tables
    layer       TextLayer: words and lines located once for a chain (_words, _lines)
    normalise   Normalise: one form for line ends, invisible characters, blank space; rewriting holds its kernels
    sentences   how many sentences a text has, as Punkt would count them; spacy_sentences: as spaCy's rules count them
    editing     kernels that operators which remove lines are made of
    urls        RemoveUrls: URLs and runs of empty lines leave the text; removing holds its kernels, domains its list
    markup      text without tags, scripts and entities
    fasttext    classifiers read from fastText's files; classifying: the kernels that apply them
    content     digests of Arrow content; hashing: the hash kernels below it
    tokens      tokenizers that count
    columns     the text column, a batch with columns appended, and the frame of operators that edit
"""
