-- Who did what with which recording. Entries are only ever added: the triggers hold whoever writes to that.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Milliseconds.
    at         INTEGER NOT NULL,
    -- Whose recording it is; of what nobody has registered, nobody's.
    tenant     TEXT,
    -- The name it is stored under, and the one it was asked for by.
    recording  TEXT NOT NULL,
    sid        TEXT NOT NULL,
    action     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    -- The user, where one was known, and the user's tenant; a back end has none.
    who        TEXT,
    who_tenant TEXT,
    address    TEXT NOT NULL
);
CREATE INDEX audit_of_recording ON audit (recording, id);
CREATE INDEX audit_of_tenant ON audit (tenant, id);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
