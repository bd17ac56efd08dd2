"""Embedders: how documents become the points that k-means clusters, each named by ``regroup.embedder``.

    embedder         what all of them have in common: words with directions of their own, or points from elsewhere
    tfidf            TF-IDF of hashed words in a few latent directions (default)
    fasttext         vectors of words, learned from the sample by skip-grams of words and their n-grams
    word_vectors     the learning of these: numba, one thread
    language_model   the mean of what a model of ``train_lm`` makes of a text's bytes
    transformer      a local folder of a model, through transformers (extra ``embedders``)
    column           vectors that are there already, in the metadata or in a Parquet file beside the documents
    registry         the embedder that a model of domains was made with
"""
