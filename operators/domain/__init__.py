"""Domains: the label that regrouping gives to every surviving document.

    label    from a column that is there
"""
