"""Dynamic mixtures: from what training told since the last update to the proportions of the next round.

    contract.py   what a rule is, what it is told, and the floor under the shares
    gram.py       from gradients of the output layer: Balance (R&B), DoGE, DGA
    losses.py     from losses: DoReMi (against a reference), ODM (a bandit), Fixed (none of it)
    probes.py     from short runs on one domain each: Aioli, SkillIt
    samples.py    weights of the sequences within a batch, by their loss: LinUpper

Rules are frozen dataclasses of their constants. ``jobs/balance.py`` trains a model by one. What a rule remembers between
updates is a mapping of arrays, so that a run that was stopped goes on from a file.
"""
