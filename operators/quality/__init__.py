"""What a document is worth: signals that describe it, and the rules that decide.

    signals      BasicSignals: characters, words and lines in exact counts; counting holds its kernel
    compression  Compression: how much of a text repeats what stands before it
    gopher       Gopher: the counts of Gopher's rules; gopher_counting holds its kernel, repetition what finds n-grams
    datatrove    Datatrove: the counts of datatrove's Gopher and FineWeb filters; datatrove_counting and
                 datatrove_repetition hold its kernels
    langid       Language: by a fastText classifier, on text without markup
    select       rules over signals: keep or drop, and the reason
    histogram    logarithmic histograms of what rules bound, in additive counts
"""
