"""Domains: the label that regrouping gives to every surviving document.

    label    from a column that is there
    carried  from fields of the metadata, as topics that a classifier gave
    kmeans   KMeans: clusters found in the data; Learn, the Fit that finds them
    embed    documents as points: hashed words, projected
    embedders/  how else documents become points
    latent   the projection: TF-IDF and a truncated SVD
    seeding  where k-means begins; lloyd: k-means in memory; streaming: over points that do not fit
    clusters k-means with several clusters for each domain; merging: of those
    choice   how many domains: silhouette, stability, words of the smallest
    keys     domains of several parts: cluster, quality bin, language, source
    model    what was learned, as an artifact that assigns documents
    comparing  what clusters are worth: explained losses, silhouette, purity
    cards    what a domain is about, and names that stay when domains are learned anew
"""
