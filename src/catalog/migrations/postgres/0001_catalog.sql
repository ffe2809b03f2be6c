-- The catalog, as the migrations of SQLite leave it. Times are milliseconds. SIDs compare byte by byte ("C"), whatever
-- the language of the database: cursors depend on it.

-- Who counts the versions: all servers on this database, and each of them after a restart.
CREATE TABLE epoch (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    epoch    text NOT NULL
);

-- Calls as back ends register them.
CREATE TABLE calls (
    call_sid    text COLLATE "C" PRIMARY KEY,
    tenant      text COLLATE "C" NOT NULL,
    account_sid text NOT NULL,
    started_at  bigint,
    duration_s  bigint,
    from_party  text,
    to_party    text,
    direction   text,
    title       text,
    -- Where lists put it: started_at, else when it was registered.
    listed_at   bigint NOT NULL,
    held        boolean NOT NULL DEFAULT false
);
-- What else a list shows is not in the index: its texts may be longer than an index takes (a third of a page), and rows
-- lie in the order of their registration, so that a page of a list lies together.
CREATE INDEX calls_of_tenant ON calls (tenant, listed_at, call_sid);
CREATE INDEX calls_listed ON calls (listed_at, call_sid);

-- Recordings and their states. A call's primary recording is stored under the call's SID.
CREATE TABLE recordings (
    sid           text COLLATE "C" PRIMARY KEY,
    call_sid      text COLLATE "C" NOT NULL REFERENCES calls (call_sid),
    recording_sid text COLLATE "C",
    v             bigint NOT NULL DEFAULT 1,
    state         text NOT NULL DEFAULT 'unknown',
    code          text,
    retry_at      bigint,
    container     text,
    size          bigint,
    channels      bigint,
    duration_ms   bigint,
    -- From when a landed recording ages: the start of its call, else its landing.
    aged_from     bigint
);
CREATE UNIQUE INDEX recordings_by_provider_name ON recordings (recording_sid) WHERE recording_sid IS NOT NULL;
CREATE INDEX recordings_pending ON recordings (state) WHERE state IN ('queued', 'downloading');
CREATE INDEX recordings_by_age ON recordings (aged_from, sid) INCLUDE (size) WHERE state = 'ready';
CREATE INDEX recordings_of_call ON recordings (call_sid);

-- The provider's callbacks, once per recording and status; those of unknown calls wait here for the registration.
CREATE TABLE callbacks (
    recording_sid text COLLATE "C" NOT NULL,
    status        text NOT NULL,
    call_sid      text COLLATE "C" NOT NULL,
    account_sid   text NOT NULL,
    received_at   bigint NOT NULL,
    attached      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (recording_sid, status)
);
CREATE INDEX callbacks_waiting ON callbacks (call_sid) WHERE NOT attached;

-- Tombstones: what bears one of these names, or belongs to a call that does, is erased from the moment it is known.
CREATE TABLE erasures (
    sid       text COLLATE "C" PRIMARY KEY,
    erased_at bigint NOT NULL,
    -- The provider's copy goes too.
    at_source boolean NOT NULL DEFAULT false
);

-- Copies at the provider that are still to be deleted; a call stands for all its recordings.
CREATE TABLE source_deletions (
    sid         text COLLATE "C" PRIMARY KEY,
    account_sid text NOT NULL,
    tries       bigint NOT NULL DEFAULT 0,
    due_at      bigint NOT NULL DEFAULT 0
);
CREATE INDEX source_deletions_due ON source_deletions (due_at);

-- Keys that sign links: the newest one signs, each verifies for as long as a link that it signed is good.
CREATE TABLE link_keys (
    kid         text PRIMARY KEY,
    secret      text NOT NULL,
    signs_until bigint NOT NULL,
    good_until  bigint NOT NULL
);

-- Who did what with which recording. Entries are only ever added: the triggers hold whoever writes to that.
CREATE TABLE audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         bigint NOT NULL,
    -- Whose recording it is; of what nobody has registered, nobody's.
    tenant     text,
    -- The name it is stored under, and the one it was asked for by.
    recording  text COLLATE "C" NOT NULL,
    sid        text COLLATE "C" NOT NULL,
    action     text NOT NULL,
    outcome    text NOT NULL,
    -- The user, where one was known, and the user's tenant; a back end has none.
    who        text,
    who_tenant text,
    address    text NOT NULL
);
CREATE INDEX audit_of_recording ON audit (recording, id);
CREATE INDEX audit_of_tenant ON audit (tenant, id);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only';
END;
$$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
