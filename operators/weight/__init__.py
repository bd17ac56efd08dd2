"""Weighers: from the tokens that each domain has to the share of the mixture that it should get.

    shares.py       the Weigher protocol, and the checks that all of them share
    natural.py      as found
    uniform.py      every domain the same
    temperature.py  between the two
    unimax.py       as even as an epoch cap allows
    recipe.py       as written by hand
    recipes.py      as published
    utilimax.py     a portfolio by what each domain does for each task
    alpha.py        by what domains have in common
    optimal.py      the least loss that a law predicts, within limits; solve/ finds it
    tables.py       numbers by domain, which some of them read
    repetition.py   what repeated tokens are worth
    runs.py         the run table that mixture laws are fitted on; laws/ the laws themselves; designs/ which mixtures
                    to run
    balance/        rules that change the proportions while a model learns

``solve(available)`` maps tokens per domain to proportions that sum to 1, sorted by domain name. It is exact arithmetic
up to the last rounding, so the order of the mapping never matters.
"""
