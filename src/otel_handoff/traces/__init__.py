"""Traces read back from files.

files, folders ──── which are to be read
content ─────────── what bytes are, by the first of them
streams, pieces ─── a file's bytes, unpacked; and its lines, documents and messages
decoding, forms ─── a line as JSON, and where in it spans are; logs: what is around it; foreign: what is none
otlp, parts ─────── these as spans, each part checked; quick: all at once, where it is by the book
messages ────────── a message in Protobuf as spans
spans ───────────── what comes out
"""
