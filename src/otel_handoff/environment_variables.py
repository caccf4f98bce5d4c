"""Settings from the environment. Each is also a flag of `opentelemetry-instrument` (`--handoff_mode observe`)."""

OTEL_HANDOFF_MODE = "OTEL_HANDOFF_MODE"
"""
.. envvar:: OTEL_HANDOFF_MODE

`pin` (default), `observe`, `strict` or `off`.
"""

OTEL_HANDOFF_WATCH = "OTEL_HANDOFF_WATCH"
"""
.. envvar:: OTEL_HANDOFF_WATCH

`true` (default) or `false`: whether reads and writes of the fields on the context class are seen.
"""

OTEL_HANDOFF_TRACE = "OTEL_HANDOFF_TRACE"
"""
.. envvar:: OTEL_HANDOFF_TRACE

`child` (default): a row span is a child of the span that was current at submission.
`link`: it starts a trace of its own, with a link.
"""

OTEL_HANDOFF_SPANS = "OTEL_HANDOFF_SPANS"
"""
.. envvar:: OTEL_HANDOFF_SPANS

`all` (default): each row has a span, and each of its calls. `sampled`: only in traces that are sampled.
`mismatch`: only a row that disagrees with its submission, or was not judged, at its end.
"""

OTEL_HANDOFF_ATTRIBUTES = "OTEL_HANDOFF_ATTRIBUTES"
"""
.. envvar:: OTEL_HANDOFF_ATTRIBUTES

`few` (default), or `all`: whether the span of a row in order says, too, what nobody needs of it: `thread.id` and
`handoff.submission.location`.
"""

OTEL_HANDOFF_IDS = "OTEL_HANDOFF_IDS"
"""
.. envvar:: OTEL_HANDOFF_IDS

`plain` (default), or `hashed`: in telemetry, logs and error messages each id is replaced by a hash of it.
`OTEL_HANDOFF_IDS_KEY` holds the key of these hashes, if there is to be one. It is no flag: a secret does not belong on
a command line.
"""

OTEL_HANDOFF_BOUNDARIES = "OTEL_HANDOFF_BOUNDARIES"
"""
.. envvar:: OTEL_HANDOFF_BOUNDARIES

`module:NAME` of a list of `Boundary`; commas between several. For the instrumentor `handoff`.
"""

OTEL_HANDOFF_REMOTE = "OTEL_HANDOFF_REMOTE"
"""
.. envvar:: OTEL_HANDOFF_REMOTE

`true` (default), or `false`: nothing goes along with a row's work to another process, and nothing that comes from one
is read.
"""

OTEL_HANDOFF_FILE = "OTEL_HANDOFF_FILE"
"""
.. envvar:: OTEL_HANDOFF_FILE

With `OTEL_TRACES_EXPORTER=handoff_file` (extra `file`): the file that spans are appended to, as OTLP JSON lines.
Default: `handoff-traces.jsonl`.
"""

OTEL_HANDOFF_FIND = "OTEL_HANDOFF_FIND"
"""
.. envvar:: OTEL_HANDOFF_FIND

A folder, or `1` for `handoff-find`: hand-offs that nobody declared are looked for, and what was found is written into
it when the process ends, and on SIGUSR2; `otel-handoff find --read FOLDER` tells it. For a while: it slows a program.
"""

OTEL_HANDOFF_PROVOKE = "OTEL_HANDOFF_PROVOKE"
"""
.. envvar:: OTEL_HANDOFF_PROVOKE

For tests, never in production. `1`: workers are held back at random, so that races show soon. Another whole number
from 2: the same, with that number as the seed. Nothing else turns it on.
"""

OTEL_HANDOFF_PROVOKE_WAIT = "OTEL_HANDOFF_PROVOKE_WAIT"
"""
.. envvar:: OTEL_HANDOFF_PROVOKE_WAIT

Seconds that a worker is held back while nothing moves on. Default: 0.25. More than the host waits for a row, or its
retries are not seen.
"""
