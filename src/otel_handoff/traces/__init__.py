"""Traces read back from files.

files ── the lines of files, folders and standard input
otlp ─── a line of OTLP JSON as spans
"""
