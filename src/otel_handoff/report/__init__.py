"""`otel-handoff report`: one page that shows each mismatch, both threads, and the write that did it.

groups ──── findings of `otel_handoff.check` by the line that wrote the wrong value; which of them are drawn
about ───── what the page says of itself
strip ───── the whole run over time, with every mismatch on it
places ──── processes: what they are called, and whose clock is behind
scene ───── what was around one mismatch: its row, the row whose ids were used, and the others in that time
axis, scale  the time axis: stretches in which something happens, and folds in between; round times on it
tracks, lanes  what happens at the same time, below one another; threads, and processes
drawing ─── a scene as SVG
article ─── a mismatch with its drawing; listing: all of them by cause, as many as have room
deliveries  rows that left for another process, and what became of them
index ───── every submission in a line, for the search; records: the wrong records, to be copied
parts ───── what pages are made of: the document, of page.html, page.css and the scripts, and what goes on it
page ────── the whole
perfetto ── the whole trace for ui.perfetto.dev
run, command: one report, and the command line
"""
