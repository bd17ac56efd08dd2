"""What a document is worth: signals that describe it, and the rules that decide.

    signals      BasicSignals: characters, words and lines in exact counts; counting holds its kernel
    compression  Compression: how much of a text repeats what stands before it
    gopher       Gopher: the counts of Gopher's rules; gopher_counting holds its kernel, repetition what finds n-grams
    pii          PII: personal data and keys, counted, located, masked; pii_spans, pii_addresses, pii_numbers, pii_secrets and
                 pii_masking hold its kernels
    url          Url: host and registered domain; UrlList: what a list says of the URL; url_parsing holds the kernels
    badwords     BadWords: entries of a list in the text; badwords_matching holds the automaton
    langid       Language: by a fastText classifier, on text without markup
    select       rules over signals: keep or drop, and the reason
    histogram    logarithmic histograms of what rules bound, in additive counts
"""
