"""For the people who write plugins: find a race before production does.

plugin ──── the pytest plugin, with its marker and fixture; imports nothing of the rest until it is asked to
session ─── the instrumented run: which mismatch belongs to which test
verdict ─── what a test may have, and what fails it
options ─── from the command line, the ini file and the environment to a session
totals ──── what a run adds up to, and whether that allows a verdict
words ───── how it is said
provoke ─── holds workers back at seeded points, until the submitter has moved on
patience ── where that is worth it
"""
