"""The jobs, in the order of the data; each is one stage and one file.

    stage        reads                             writes
    ingest       files, or this machine            documents
    annotate     documents                         annotations (signals, edited text)
    filter       annotations                       decisions
    dedup        documents, decisions              signatures, pairs, duplicates
    trim         documents, decisions, duplicates  trims (edited text)
    regroup      documents, decisions, …, trims    domains
    count        domains, text                     counts
    design       domains, counts                   design
    weigh        domains, counts                   proportions
    runs         run tables, CSV                   runs
    fit_law      a run table                       law, predictions
    proxy        a design, domains, text           domain_tokens, runs
    balance      domains, counts                   proportions
    compare      proportions, mixtures, law, runs  comparison
    mix          proportions, counts, text         mixture
    train_perplexity  documents, decisions         perplexity_model
    train_lm     documents, decisions              language_model
    compare_embedders  documents, language_model  embedders
    train_dsir   documents, twice                  importance_model
    train_classifier  files or documents           classifier
    report       any manifest and its lineage      report
    export       any manifest                      one Parquet file
    inspect      any manifest                      documents that came to an outcome, printed
    lineage      any manifest                      one document's way, printed
    build        all of the above in one session   mixture and report
"""
