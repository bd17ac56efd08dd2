"""Looking at documents one by one.

    samples    seeded draws of the rows that came to an outcome, and documents by their id
    deciding   the value that a rule looked at, and the kept documents that came near its bound
    words      two texts side by side, with the words that differ
"""
