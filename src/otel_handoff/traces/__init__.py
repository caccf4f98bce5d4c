"""Traces read back from files.

files ──── the lines of files, folders and standard input
content ── what a file is, by its first bytes
otlp ───── a line of OTLP JSON as spans
parts ──── the parts of such a message, each checked
"""
