-- Tombstones: what bears one of these names, or belongs to a call that does, is erased from the moment it is known.
CREATE TABLE erasures (
    sid       TEXT PRIMARY KEY,
    erased_at INTEGER NOT NULL,
    -- The provider's copy goes too.
    at_source INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Copies at the provider that are still to be deleted; a call stands for all its recordings.
CREATE TABLE source_deletions (
    sid         TEXT PRIMARY KEY,
    account_sid TEXT NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    due_at      INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX source_deletions_due ON source_deletions (due_at);

ALTER TABLE calls ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

-- From when a landed recording ages, in milliseconds: the start of its call, else its landing. For what had landed before
-- this was noted, and has no start, that is now.
ALTER TABLE recordings ADD COLUMN aged_from INTEGER;
UPDATE recordings SET aged_from = coalesce((SELECT started_at FROM calls c WHERE c.call_sid = recordings.call_sid),
                                           CAST(strftime('%s', 'now') AS INTEGER) * 1000)
WHERE state = 'ready';
CREATE INDEX recordings_by_age ON recordings (aged_from, sid, size) WHERE state = 'ready';
CREATE INDEX recordings_of_call ON recordings (call_sid);
