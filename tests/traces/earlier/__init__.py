"""Traces that earlier versions wrote, each with what it was judged to be: later versions must read them alike.

A folder for each version. `python -m tests.traces.earlier` makes that of the present one, which a release adds
(docs/releasing.md); one that was released is never made again.
"""
