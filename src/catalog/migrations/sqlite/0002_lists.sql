-- A page of a tenant's list is read from the index alone: calls are keyed by SID, so that each of fifty would lie on
-- a page of its own. Its last columns are those of `calls` that rows.rs reads.
DROP INDEX calls_of_tenant;
CREATE INDEX calls_of_tenant ON calls (tenant, listed_at, call_sid, account_sid, started_at, duration_s, from_party,
                                       to_party, direction, title);
