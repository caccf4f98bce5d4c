"""`otel-handoff report`: one page that shows each mismatch, both threads, and the write that did it.

groups ──── findings of `otel_handoff.check` by what wrote the wrong value; which of them are drawn
scene ───── what was around one: its row, the row whose ids were used, and the others in that time
axis ────── the time axis: stretches in which something happens, and folds in between
tracks ──── what happens at the same time, below one another
drawing ─── a scene as SVG
index ───── every submission in a line, for the search
page ────── the file, of page.html, page.css and page.js
perfetto ── the whole trace for ui.perfetto.dev
run, command: one report, and the command line
"""
