-- name, id: forgets the job, unless a worker is at it: one that is stopped may leave half a file.
local id = ARGV[2]
if standing(id, read(id)) ~= 'started' then forget(id) end
