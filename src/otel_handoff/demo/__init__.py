"""`otel-handoff demo`: a small real pipeline with the defect in it, run with and without otel-handoff.

pipeline ─── the patient: writes one context object for every row while workers read it
transform ── what it does to a row; service: whom it asks; corpus: the rows
schedule ─── which rows are held up, and until when: the same in every mode
truth ────── what the landscape says went wrong, without the detector
run ──────── one mode on one landscape; command: the command line
"""
