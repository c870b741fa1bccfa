-- What was used. usage_records are lines that are never changed; what quotas are checked against are
-- the ledger's sums (view quota_usage).

-- name: usage_add
-- $2 kind, $3 key, $4 amount, $5 conversation, $6 turn, $7 provider, $8 model, $9 tokens in, $10
-- tokens out, $11 cost, $12 reservation in the ledger, $13 now. At the reservation's time, as the ledger's
-- own line, so that both are of one month.
INSERT INTO usage_records (tenant_n, kind, key, amount, conversation_n, turn_n, provider, model,
    tokens_in, tokens_out, cost_micros, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
    coalesce((SELECT at FROM ledger_reservations WHERE id = $12), $13))
ON CONFLICT (tenant_n, kind, key) DO NOTHING;

-- name: usage_warn
-- $2 kind, $3 start of the period, $4 level, $5 now. Once.
INSERT INTO quota_warnings (tenant_n, kind, period_start, level, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_n, kind, period_start, level) DO NOTHING;

-- name: usage_unwarn
-- $2 kind, $3 start of the period, $4 levels above this are not reached any more (storage was freed).
DELETE FROM quota_warnings
WHERE tenant_n = $1 AND kind = $2 AND period_start = $3 AND level > $4;

-- name: usage_series_sqlite
-- $2 list of [start, end) in microseconds. What was used in each, by its place in the list.
SELECT b.key AS bucket, u.kind, sum(u.amount) AS amount, coalesce(sum(u.cost_micros), 0) AS cost_micros
  FROM json_each($2) b CROSS JOIN usage_records u
 WHERE u.tenant_n = $1 AND u.at >= json_extract(b.value, '$[0]')
   AND u.at < json_extract(b.value, '$[1]')
 GROUP BY 1, 2;

-- name: usage_series_postgres
SELECT b.place - 1 AS bucket, u.kind, CAST(sum(u.amount) AS bigint) AS amount,
       CAST(coalesce(sum(u.cost_micros), 0) AS bigint) AS cost_micros
  FROM jsonb_array_elements($2) WITH ORDINALITY AS b (span, place) CROSS JOIN usage_records u
 WHERE u.tenant_n = $1
   AND u.at >= timestamptz 'epoch' + CAST(b.span ->> 0 AS bigint) * interval '1 microsecond'
   AND u.at < timestamptz 'epoch' + CAST(b.span ->> 1 AS bigint) * interval '1 microsecond'
 GROUP BY 1, 2;
