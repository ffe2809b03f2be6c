-- What all scripts of the queue share. Each begins with these lines and is run whole or not at all.
--
-- Any key may be missing at any time (evicted, or Redis emptied): whatever is read may be nil, and whoever asks for a
-- job again with `ensure` mends what it finds broken. Times are Redis' own, in milliseconds.
--
--   job:<sid>                   hash    the job: the one place that counts
--   line:<priority>:<tenant>    stream  jobs of a tenant that can be done now, in the order in which they came
--   turns:<priority>            zset    tenants with such jobs, by whose turn it is
--   delayed, leased             zset    jobs by when they are due, and by when their lease ends
--   running:<tenant>            zset    the tenant's leased jobs, by when their lease ends
--   ready                       set     all jobs that can be done now, to be counted
--   claim:<token>               string  what was given out under that token, for one who did not hear the answer
--   dead                        stream  jobs that were given up
--   clock                       string  the time of the last claim
local P = KEYS[1]
local channel = ARGV[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- What nobody touches for so long is nobody's: milliseconds.
local FORGOTTEN = 2 * 86400 * 1000

local function job_key(sid) return P .. 'job:' .. sid end
local function line_key(priority, tenant) return P .. 'line:' .. priority .. ':' .. tenant end
local function turns_key(priority) return P .. 'turns:' .. priority end
local function running_key(tenant) return P .. 'running:' .. tenant end

local function read(sid)
  local raw = redis.call('HGETALL', job_key(sid))
  if #raw == 0 then return nil end
  local job = {}
  for i = 1, #raw, 2 do job[raw[i]] = raw[i + 1] end
  return job
end

local function write(sid, ...)
  redis.call('HSET', job_key(sid), ...)
  redis.call('PEXPIRE', job_key(sid), FORGOTTEN)
end

local function tell(message) redis.call('PUBLISH', channel, message) end

-- The tenant is the last in turn, wherever it stood.
local function queue_up(priority, tenant)
  local last = redis.call('ZREVRANGE', turns_key(priority), 0, 0, 'WITHSCORES')
  redis.call('ZADD', turns_key(priority), (tonumber(last[2]) or 0) + 1, tenant)
end

-- The tenant has a turn.
local function has_turn(priority, tenant)
  if not redis.call('ZSCORE', turns_key(priority), tenant) then queue_up(priority, tenant) end
end

-- The job can be done now: it stands at the end of its tenant's line.
local function stand(sid, tenant, priority)
  local line = line_key(priority, tenant)
  local entry = redis.call('XADD', line, '*', 'sid', sid)
  redis.call('PEXPIRE', line, FORGOTTEN)
  redis.call('SADD', P .. 'ready', sid)
  has_turn(priority, tenant)
  write(sid, 'place', 'ready', 'entry', entry, 'priority', priority)
end

-- The job can be done from then on.
local function wait(sid, due, ...)
  write(sid, 'place', 'delayed', 'due', due, ...)
  redis.call('ZADD', P .. 'delayed', due, sid)
end

-- The job leaves its line.
local function step_out(sid, job)
  local line = line_key(job.priority, job.tenant)
  redis.call('XDEL', line, job.entry)
  redis.call('SREM', P .. 'ready', sid)
  if redis.call('XLEN', line) == 0 then
    redis.call('DEL', line)
    redis.call('ZREM', turns_key(job.priority), job.tenant)
  end
end

-- The lease is over.
local function let_go(sid, job)
  redis.call('ZREM', P .. 'leased', sid)
  redis.call('ZREM', running_key(job.tenant), sid)
  redis.call('DEL', P .. 'claim:' .. (job.token or ''))
  redis.call('HDEL', job_key(sid), 'token', 'until')
end

local function is_held_by(job, token)
  return job and job.place == 'leased' and job.token == token
end
