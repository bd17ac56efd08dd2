"""The best mixture by a law: what is sought, within which limits, how it is found, and whether it is worth having.

    objective     predicted losses, weighed or the worst, and the divergence from natural
    constraints   the region: shares, groups, fixed ratios, epochs
    optimiser     SLSQP from several starts; Frank and Wolfe's gap; shadow prices
    draws         RegMix's rule: the mean of the best of many draws
    report        the optimum beside what it competes with, and the fallback to UniMax
"""
