"""Small causal language models over bytes, in torch: on a GPU where there is one, else on the processor.

    gpt.py         the model, and its file
    tokens.py      bytes as tokens, or a vocabulary's; documents as one stream
    drawing.py     of each domain what is learned from, and what is held out
    training.py    learning from a stream, step by step, so that it can be stopped and go on
    mixing.py      streams of several domains, and the order in which a run draws from them
    gradients.py   gradients of the output layer by domain, from the pass that learns
    evaluation.py  the loss on held-out tokens, per token and per byte
    scoring.py     log-probabilities of a document's bytes
"""
