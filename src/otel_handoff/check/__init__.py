"""`otel-handoff check`: each submission judged again, from its spans alone.

store ──── spans of any number, in any order, in a database on disk; which row each belongs to
carried ── what a span carries of ids, so that the database can tell those that agree with their row
finding ── one mismatch, as a detector reported it on a span or as it was found here
judge ──── the funnel: spans in, findings out
found ──── what is wrong in a store that a judge has settled
again ──── findings that are one: a row met the same wrong id again
asked ──── one id: which submissions carried it, and what of the findings concerns it
kinds ──── findings that are alike
reading ── files in, a judge with all that was in them
progress ─ how far that is, at a terminal
unread ─── what could not be read
checked ── what was there, what of it was judged, and what was not
reasons ── why a row was not judged, for people
verdict ── what may be said then: that there is no mismatch, or that it is not known
text, records (and their columns), words: what people are given; run: one check; command: the command line
"""
