"""Looking at documents one by one.

    samples    seeded draws of the rows that came to an outcome, and documents by their id
    words      two texts side by side, with the words that differ
"""
