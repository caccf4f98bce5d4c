"""Tests of the traces read back."""
