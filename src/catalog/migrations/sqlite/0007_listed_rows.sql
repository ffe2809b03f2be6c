-- Recordings lie in the order in which they came, and a call knows where its primary one lies: a page of a list then reads a few
-- neighbouring pages of the table. Keyed by SID, each of fifty lay on a page of its own, and more of them the more there were.
CREATE TABLE listed_recordings (
    n             INTEGER PRIMARY KEY,
    sid           TEXT NOT NULL UNIQUE,
    -- Deferred: a call is entered after its recording, since it names where that lies.
    call_sid      TEXT NOT NULL REFERENCES calls (call_sid) DEFERRABLE INITIALLY DEFERRED,
    recording_sid TEXT,
    v             INTEGER NOT NULL DEFAULT 1,
    state         TEXT NOT NULL DEFAULT 'unknown',
    code          TEXT,
    retry_at      INTEGER,
    container     TEXT,
    size          INTEGER,
    channels      INTEGER,
    duration_ms   INTEGER,
    aged_from     INTEGER
);
INSERT INTO listed_recordings (sid, call_sid, recording_sid, v, state, code, retry_at, container, size, channels, duration_ms,
                               aged_from)
SELECT r.sid, r.call_sid, r.recording_sid, r.v, r.state, r.code, r.retry_at, r.container, r.size, r.channels, r.duration_ms,
       r.aged_from
FROM recordings r JOIN calls c USING (call_sid) ORDER BY c.listed_at, r.sid;
DROP TABLE recordings;
ALTER TABLE listed_recordings RENAME TO recordings;
CREATE UNIQUE INDEX recordings_by_provider_name ON recordings (recording_sid) WHERE recording_sid IS NOT NULL;
CREATE INDEX recordings_pending ON recordings (state) WHERE state IN ('queued', 'downloading');
CREATE INDEX recordings_by_age ON recordings (aged_from, sid, size) WHERE state = 'ready';
CREATE INDEX recordings_of_call ON recordings (call_sid);

ALTER TABLE calls ADD COLUMN recording INTEGER;
UPDATE calls SET recording = (SELECT n FROM recordings r WHERE r.sid = calls.call_sid);
DROP INDEX calls_of_tenant;
CREATE INDEX calls_of_tenant ON calls (tenant, listed_at, call_sid, account_sid, started_at, duration_s, from_party,
                                       to_party, direction, title, recording);
