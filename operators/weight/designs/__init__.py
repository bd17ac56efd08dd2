"""Designs: which mixtures to run, so that a law can be fitted on what comes of them.

    space.py       what all of them share: the domains, the natural mixture, floors and caps; the projection into them
    contract.py    what a design is
    dirichlet.py   draws around the natural mixture, near and far (RegMix)
    sobol.py       the simplex filled evenly
    halvings.py    caps, their halves, quarters, …, and nothing (Data Mixing Laws)
    lattice.py     vertices, blends of a few domains and the centroid; the simplex lattice
    corners.py     one source alone, and all but one
    centre.py      one mixture again and again, for the noise
    compose.py     several of them in one table, runs held out among them
    properties.py  what a table of mixtures can tell apart
"""
