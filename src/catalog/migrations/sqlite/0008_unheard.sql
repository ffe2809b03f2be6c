-- Calls of whose recording nothing has been heard are found among themselves, not among all calls of the time that is asked about.
-- A primary recording has its call's place in lists for that.
ALTER TABLE recordings ADD COLUMN listed_at INTEGER;
UPDATE recordings SET listed_at = (SELECT c.listed_at FROM calls c WHERE c.call_sid = recordings.sid);
CREATE INDEX recordings_unheard ON recordings (listed_at) WHERE state = 'unknown' AND recording_sid IS NULL;
