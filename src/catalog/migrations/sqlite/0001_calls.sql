-- Calls as back ends register them.
CREATE TABLE calls (
    call_sid      TEXT PRIMARY KEY,
    tenant        TEXT NOT NULL,
    account_sid   TEXT NOT NULL,
    started_at    INTEGER,
    duration_s    INTEGER,
    from_party    TEXT,
    to_party      TEXT,
    direction     TEXT,
    title         TEXT,
    -- Where lists put it: started_at, else when it was registered. Milliseconds.
    listed_at     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX calls_of_tenant ON calls (tenant, listed_at, call_sid);
CREATE INDEX calls_listed ON calls (listed_at, call_sid);

-- Recordings and their states. A call's primary recording is stored under the call's SID.
CREATE TABLE recordings (
    sid           TEXT PRIMARY KEY,
    call_sid      TEXT NOT NULL REFERENCES calls (call_sid),
    recording_sid TEXT,
    v             INTEGER NOT NULL DEFAULT 1,
    state         TEXT NOT NULL DEFAULT 'unknown',
    code          TEXT,
    retry_at      INTEGER,
    container     TEXT,
    size          INTEGER,
    channels      INTEGER,
    duration_ms   INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX recordings_by_provider_name ON recordings (recording_sid) WHERE recording_sid IS NOT NULL;
CREATE INDEX recordings_pending ON recordings (state) WHERE state IN ('queued', 'downloading');

-- The provider's callbacks, once per recording and status; those of unknown calls wait here for the registration.
CREATE TABLE callbacks (
    recording_sid TEXT NOT NULL,
    status        TEXT NOT NULL,
    call_sid      TEXT NOT NULL,
    account_sid   TEXT NOT NULL,
    received_at   INTEGER NOT NULL,
    attached      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (recording_sid, status)
) WITHOUT ROWID;
CREATE INDEX callbacks_waiting ON callbacks (call_sid) WHERE attached = 0;
