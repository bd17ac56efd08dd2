"""Small training runs, one for each mixture of a design.

    corpus.py      the token streams of every domain
"""
