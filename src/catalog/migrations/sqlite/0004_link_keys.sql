-- Keys that sign links: the newest one signs, each verifies for as long as a link that it signed is good. Milliseconds.
CREATE TABLE link_keys (
    kid         TEXT PRIMARY KEY,
    secret      TEXT NOT NULL,
    signs_until INTEGER NOT NULL,
    good_until  INTEGER NOT NULL
) WITHOUT ROWID;
