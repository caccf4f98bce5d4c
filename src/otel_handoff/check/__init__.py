"""`otel-handoff check`: each submission judged again, from its spans alone.

store ──── spans of any number, in any order, in a database on disk; which row each belongs to
finding ── one mismatch, as a detector reported it on a span or as it was found here
judge ──── the funnel: spans in, findings out
found ──── what is wrong in a store that a judge has settled
asked ──── one id: which submissions carried it, and what of the findings concerns it
kinds ──── findings that are alike
reading ── files in, a judge with all that was in them
progress ─ how far that is, at a terminal
text, records: what people are given; run: one check; command: the command line
"""
