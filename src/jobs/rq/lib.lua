-- What all scripts of this queue share. Keys and their meaning are RQ's (rq/job.py, rq/queue.py, rq/registry.py), the same from
-- 1.16 to 3.0:
--
--   rq:job:<id>                   hash   the job; `data` and `status` are there in every whole one
--   rq:queue:<name>               list   ids of jobs in line, the next one first
--   rq:queue:<name>:intermediate  list   ids that a worker has taken and not begun yet
--   rq:wip:<name>                 zset   jobs being worked on (`<id>` or `<id>:<execution>`), by when their worker counts as dead
--   rq:failed|finished|…:<name>   zset   jobs that are over, by when they are forgotten
--
-- Any of them may be missing: Redis evicts, or is emptied. Fields of ours in the job's hash begin with `landfall_`; RQ leaves
-- them alone.
local line = KEYS[1]
local name = ARGV[1]
local taken = line .. ':intermediate'
local wip = 'rq:wip:' .. name
local now = tonumber(redis.call('TIME')[1])
-- A worker speaks up every 30 s: it is dead after twice that.
local SILENT = 65
-- A job that so many workers have died over has failed.
local MOST_DEATHS = 2

local function job_key(id) return 'rq:job:' .. id end

-- When that date of Python's was (UTC), in seconds.
local function seconds(date)
  local y, m, d, hour, minute, second = string.match(date or '', '^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)')
  if not y then return 0 end
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  -- Years that begin in March end with the leap day.
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
  days = days + math.floor((153 * (m - 3) + 2) / 5) + d - 719469
  return days * 86400 + hour * 3600 + minute * 60 + second
end

-- By id: until when a worker is at it, and under which names it says so. As long as there are workers at work.
local at_work = {}
local entries = redis.call('ZRANGE', wip, 0, -1, 'WITHSCORES')
for i = 1, #entries, 2 do
  local id = string.match(entries[i], '^[^:]+')
  local works = at_work[id] or { till = 0, names = {} }
  works.till = math.max(works.till, tonumber(entries[i + 1]) or 0)
  works.names[#works.names + 1] = entries[i]
  at_work[id] = works
end

local function is_at_work(id) return at_work[id] ~= nil and at_work[id].till > now end

local function read(id)
  local fields = redis.call('HMGET', job_key(id), 'data', 'status', 'last_heartbeat', 'enqueue_at_front',
    'landfall_unseen', 'landfall_deaths')
  if not fields[1] or not fields[2] then return nil end
  return { status = fields[2], heartbeat = fields[3], front = tonumber(fields[4] or 0), unseen = tonumber(fields[5]),
    deaths = tonumber(fields[6] or 0) }
end

local IS_OVER = { finished = 'done', failed = 'failed', stopped = 'failed', canceled = 'failed' }

-- How the job stands: lost, queued, started, done or failed.
local function standing(id, job)
  if not job then return is_at_work(id) and 'started' or 'lost' end
  if IS_OVER[job.status] then return IS_OVER[job.status] end
  if job.status ~= 'started' then return 'queued' end
  if is_at_work(id) or now - seconds(job.heartbeat) < SILENT then return 'started' end
  return job.deaths + 1 >= MOST_DEATHS and 'failed' or 'lost'
end

-- Nothing is left of the job but its results.
local function forget(id)
  redis.call('DEL', job_key(id), 'rq:executions:' .. id)
  redis.call('LREM', line, 0, id)
  redis.call('LREM', taken, 0, id)
  for _, entry in ipairs(at_work[id] and at_work[id].names or {}) do redis.call('ZREM', wip, entry) end
  for _, registry in ipairs({ 'failed', 'finished', 'canceled' }) do
    redis.call('ZREM', 'rq:' .. registry .. ':' .. name, id)
  end
end
