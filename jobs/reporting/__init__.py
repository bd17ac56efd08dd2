"""What a report tells, and how it looks.

facts      collects what the manifests of a lineage say; no shard is read
funnel     documents, text and tokens after each stage, by reason and by source
domains    each domain as found, as planned and as drawn
timings    how the run of each stage went, from its run.json
prose      title, summary sentence, headline numbers and notices
page       the sections of the page
html       markup in which all text is escaped, and numbers for people
style      the style sheet
"""
