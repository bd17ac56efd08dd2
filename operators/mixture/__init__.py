"""The mixture: from proportions and a budget to copies of documents in one global order.

    rehydrate.py  cluster size → how often a document counts
    budget.py     proportions × budget under an epoch cap → whole tokens per domain
    draw.py       tokens per domain → how often each document is copied
    order.py      copies → their place in the mixture

"Tokens" are whatever unit the budget is in; words and bytes are planned and drawn in the same way. Nothing here
depends on how documents are spread over shards: what is summed over shards is whole numbers, and randomness is a hash
of document, seed and purpose.
"""
