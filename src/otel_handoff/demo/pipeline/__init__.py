"""The patient: a row pipeline that carries the defect otel-handoff was written for.

Written afresh after ELSPETH (https://github.com/tachyon-beep/elspeth) with its names and signatures, and small. There
is ONE `PluginContext` for a whole run. The executor writes the ids of the current row and attempt to it, and a worker
thread reads them off it later, when they may already be those of another. Nothing in this package knows about
OpenTelemetry or otel-handoff, and nothing in it is to be repaired: it is here to be instrumented from outside.
"""
