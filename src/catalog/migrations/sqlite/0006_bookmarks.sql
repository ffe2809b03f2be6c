-- How far a reader of something else has come, in its own words.
CREATE TABLE bookmarks (
    name  TEXT PRIMARY KEY,
    place TEXT NOT NULL
);
