"""What a document is worth: signals that describe it, and the rules that decide.

    counts       Counts: what operators share whose signals are counts of one kernel
    signals      BasicSignals: characters, words and lines in exact counts; counting holds its kernel
    classifier   Classifier: how probable each label is, by any fastText classifier
    compression  Compression: how much of a text repeats what stands before it
    gopher       Gopher: the counts of Gopher's rules; gopher_counting holds its kernel, repetition what finds n-grams
    difficulty   Difficulty: syllables, sentences, Flesch reading ease, and how varied the words are
    perplexity   Perplexity: by an n-gram model; ngrams holds the model and its kernel, ngram_fit learns it
    language_model  LanguageModel: the same by a causal transformer (operators.lm), on a GPU where there is one
    importance   ImportanceWeight: how much likelier a text is among those wanted than among all
    outlier      Outlier: distance to the domains that regroup=kmeans learned
    gopher_dolma GopherDolma: the same as Dolma's taggers define it; gopher_dolma_counting holds its kernel
    web          WebSignals: the counts of Gopher, C4 and FineWeb in one pass; web_counting holds what is not Gopher's
    pii          PII: personal data and keys, counted, located, masked; pii_spans, pii_addresses, pii_numbers, pii_secrets and
                 pii_masking hold its kernels
    url          Url: host and registered domain; UrlList: what a list says of the URL; url_parsing holds the kernels
    badwords     BadWords: entries of a list in the text; badwords_matching holds the automaton, lists reads
                 the files of both
    c4           C4Lines: C4's rules for lines, which edit the text; c4_editing holds its kernel
    refinedweb   RefinedWebLines: RefinedWeb's, as DCLM runs them; refinedweb_editing holds its kernel
    datatrove    Datatrove: the counts of datatrove's Gopher and FineWeb filters; datatrove_counting and
                 datatrove_repetition hold its kernels
    nemo         Nemo: the counts of NeMo Curator's English heuristics; nemo_counting, nemo_phrases and nemo_repetition hold
                 its kernels
    corruption   Corruption: broken encodings, and text that says everything twice; corruption_counting holds its kernel
    multilingual Multilingual: words, stop words and sentence ends by language; multilingual_counting holds its kernel
    langid       Language: by a fastText classifier, on text without markup
    decontaminate  Decontaminate: what documents share with evaluation sets; evalsets reads these, evalindex is their index,
                 contamination holds the kernels, common_ngrams finds those that are boilerplate
    select       rules and selectors over signals: keep or drop, and the reason
    rules        bounds, lists of values, dates, bounds for each group, inverses; values holds what they look at
    selectors    Ranked: quantile, top, gumbel; Pareto: by chance; cutoffs holds how exact cuts are learned without a shuffle
    parsing      rules and selectors from a profile, and from a manifest
    histogram    logarithmic histograms of what rules bound, in additive counts
"""
