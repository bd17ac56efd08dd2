"""What a document is worth: signals that describe it, and the rules that decide.

    signals      BasicSignals: characters, words and lines in exact counts; counting holds its kernel
    compression  Compression: how much of a text repeats what stands before it
    gopher       Gopher: the counts of Gopher's rules; gopher_counting holds its kernel, repetition what finds n-grams
    langid       Language: by a fastText classifier, on text without markup
    select       rules and selectors over signals: keep or drop, and the reason
    rules        bounds, lists of values, dates, bounds for each group, inverses; values holds what they look at
    selectors    Ranked: quantile, top, gumbel; Pareto: by chance; cutoffs holds how exact cuts are learned without a shuffle
    parsing      rules and selectors from a profile, and from a manifest
    histogram    logarithmic histograms of what rules bound, in additive counts
"""
