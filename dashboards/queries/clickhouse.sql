-- What an auditor asks of the traces of otel-handoff, on the table otel_traces that the Collector's ClickHouse exporter makes.
-- A value in {braces} is a parameter, and the file needs both; the database is that of collector/gateway.yaml:
-- clickhouse-client --database otel --param_token_id=token-0006 --param_state_id=state-0007-0 --queries-file clickhouse.sql
-- The fields are those of ELSPETH (elspeth.state_id, ...); those of a boundary of your own are <boundary>.<field>. An event's second
-- name is that of earlier versions.

-- 1. Which records are wrong? Each call and result that was filed under another row's ids, where it stands and where it belongs.
SELECT
    Event.Timestamp AS at,
    Event.Attributes['elspeth.run_id'] AS run_id,
    Event.Attributes['elspeth.row_id'] AS row_id,
    Event.Attributes['elspeth.token_id'] AS token_id,
    Event.Attributes['handoff.mismatch.evidence'] AS evidence,
    Event.Attributes['handoff.call.target'] AS recorded_by,
    toUInt32OrNull(Event.Attributes['elspeth.call.index']) AS call_index,
    Event.Attributes['handoff.observed.state_id'] AS filed_under,
    Event.Attributes['elspeth.state_id'] AS belongs_under,
    TraceId AS trace_id,
    SpanId AS span_id
FROM otel_traces
ARRAY JOIN Events AS Event
WHERE Event.Name IN ('handoff.mismatch.found', 'handoff.mismatch')
    AND Event.Attributes['handoff.mismatch.outcome'] = 'used'
    AND evidence IN ('call', 'result') -- a read or a span filed nothing
ORDER BY at, span_id;

-- 2. Why? The same mismatches by the write that did it, the most frequent first.
SELECT
    Event.Attributes['handoff.culprit.location'] AS written_at,
    Event.Attributes['handoff.culprit.field'] AS field,
    Event.Attributes['handoff.culprit.thread.name'] AS written_by,
    Event.Attributes['handoff.mismatch.outcome'] AS outcome,
    count() AS mismatches,
    min(Event.Timestamp) AS first,
    max(Event.Timestamp) AS last
FROM otel_traces
ARRAY JOIN Events AS Event
WHERE Event.Name IN ('handoff.mismatch.found', 'handoff.mismatch')
GROUP BY written_at, field, written_by, outcome
ORDER BY mismatches DESC, written_at, field, outcome;

-- 3. What happened to one row? Every span under its ids, of whatever instrumentation, in order.
SELECT
    Timestamp AS at,
    SpanName AS span,
    SpanAttributes['handoff.submission.id'] AS submission,
    SpanAttributes['elspeth.state_id'] AS state_id,
    SpanAttributes['thread.name'] AS thread,
    SpanAttributes['handoff.mismatch.outcome'] AS outcome,
    round(Duration / 1e6, 3) AS milliseconds,
    TraceId AS trace_id
FROM otel_traces
WHERE SpanAttributes['elspeth.token_id'] = {token_id:String}
ORDER BY at, span;

-- 4. Who else's records are under one state id? Calls that belong to other rows, and were filed under this one.
SELECT
    Event.Timestamp AS at,
    Event.Attributes['elspeth.token_id'] AS belongs_to,
    Event.Attributes['elspeth.state_id'] AS belongs_under,
    Event.Attributes['handoff.mismatch.evidence'] AS evidence,
    toUInt32OrNull(Event.Attributes['elspeth.call.index']) AS call_index
FROM otel_traces
ARRAY JOIN Events AS Event
WHERE Event.Name IN ('handoff.mismatch.found', 'handoff.mismatch')
    AND Event.Attributes['handoff.mismatch.outcome'] = 'used'
    AND evidence IN ('call', 'result')
    AND Event.Attributes['handoff.observed.state_id'] = {state_id:String}
ORDER BY at;

-- 5. How sound is each run? Its row spans (one for each attempt), those with a wrong id that took effect, and how long rows waited.
-- Rows are counted by their submission, as earlier versions did not mark the row of a wrong call. With OTEL_HANDOFF_SPANS=mismatch these are the rows
-- that are not in order alone: those that are, query 8 counts.
SELECT
    SpanAttributes['elspeth.run_id'] AS run_id,
    uniqExactIf(SpanAttributes['handoff.submission.id'], SpanKind = 'Consumer') AS attempts,
    uniqExactIf(SpanAttributes['handoff.submission.id'], SpanAttributes['handoff.mismatch.outcome'] = 'used') AS wrong,
    uniqExactIf(SpanAttributes['handoff.submission.id'], SpanAttributes['handoff.stale'] = 'true') AS stale,
    quantileExactIf(0.5)(toFloat64OrZero(SpanAttributes['handoff.queue.duration']), SpanKind = 'Consumer') AS median_wait,
    maxIf(toFloat64OrZero(SpanAttributes['handoff.queue.duration']), SpanKind = 'Consumer') AS longest_wait
FROM otel_traces
WHERE SpanAttributes['handoff.submission.id'] != ''
GROUP BY run_id
ORDER BY run_id;

-- 6. Which wrong ids belong to no submission that was traced? They are not another row's: look at who wrote them. (Not with
-- OTEL_HANDOFF_SPANS=mismatch: a row in order has no span there, and may have such an id.)
SELECT DISTINCT
    Event.Attributes['handoff.observed.state_id'] AS filed_under,
    Event.Attributes['handoff.culprit.location'] AS written_at
FROM otel_traces
ARRAY JOIN Events AS Event
WHERE Event.Name IN ('handoff.mismatch.found', 'handoff.mismatch')
    AND filed_under != ''
    AND filed_under NOT IN (SELECT SpanAttributes['elspeth.state_id'] FROM otel_traces WHERE SpanKind = 'Consumer')
ORDER BY filed_under;

-- 7. Of which rows is it not known whether they are right? Those that were not checked, by boundary and reason. A row whose span has
-- fields was compared in all others.
SELECT
    SpanAttributes['handoff.boundary'] AS boundary,
    SpanAttributes['handoff.unchecked.reason'] AS reason,
    SpanAttributes['handoff.unchecked.fields'] AS fields,
    sum(greatest(1, toUInt32OrZero(SpanAttributes['handoff.unchecked.rows']))) AS rows,
    countIf(SpanAttributes['handoff.unchecked.pinned'] = 'true') AS pinned,
    min(Timestamp) AS first,
    max(Timestamp) AS last
FROM otel_traces
WHERE reason != ''
GROUP BY boundary, reason, fields
ORDER BY rows DESC, boundary, reason, fields;

-- 8. How many rows were in order that have no span, and how many that were not have none, as their traces were not sampled? With
-- OTEL_HANDOFF_SPANS=mismatch; otherwise there are none of either.
SELECT
    SpanAttributes['handoff.boundary'] AS boundary,
    sum(toUInt64OrZero(SpanAttributes['handoff.judged.rows'])) AS in_order,
    sum(toUInt64OrZero(SpanAttributes['handoff.judged.lost'])) AS lost
FROM otel_traces
WHERE SpanAttributes['handoff.judged.rows'] != ''
GROUP BY boundary
ORDER BY boundary;
