"""What a report tells, and how it looks.

facts      collects what the manifests of a lineage say
funnel     documents, text and tokens after each stage, by reason and by source
measures   histograms of what rules bound, and sizes of clusters
examples   documents that came to each outcome, and pairs of duplicates
origins    sources of duplicates, and of what they were taken for
pairs      near duplicates: how alike they are, how many are right and how many are missed
retention  what other thresholds would keep, of each source
domains    each domain as found, as planned and as drawn
timings    how the run of each stage went, from its run.json
prose      title, summary sentence, headline numbers and notices
sections   the parts of the page that tell what happened; reasons: why documents were dropped
pictures   those that are drawn: signals against their bounds, the map of domains; charts: the drawing
regrouping how many domains there are and why, and the sources of each
dedup      the section on duplicates
gallery    the examples, folded
weights    laws, proportions and their course; weighing: the section on them
figures    those of weighing, by matplotlib
page       the page around them, with timings, configuration and digests
tables     tables and bars
html       markup in which all text is escaped, and numbers for people
style      the style sheet
"""
