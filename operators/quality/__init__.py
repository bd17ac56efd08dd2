"""What a document is worth: signals that describe it, and the rules that decide.

    signals      BasicSignals: characters, words and lines in exact counts; counting holds its kernel
    compression  Compression: how much of a text repeats what stands before it
    select       rules over signals: keep or drop, and the reason
"""
