"""Mixture laws: from the runs of a table to the loss of a mixture that was never trained.

``contract`` what a law is
"""
