-- How far a reader of something else has come, in its own words.
CREATE TABLE bookmarks (
    name  text COLLATE "C" PRIMARY KEY,
    place text NOT NULL
);
