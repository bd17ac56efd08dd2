"""Small causal language models over bytes, in torch: on a GPU where there is one, else on the processor.

    gpt.py         the model, and its file
    tokens.py      bytes as tokens, documents as one stream
    training.py    learning from a stream, step by step, so that it can be stopped and go on
    scoring.py     log-probabilities of a document's bytes
"""
