-- channel, token, per_tenant, lease_ms: {1, sid, tenant, priority, tries, age_ms, deaths} for a job, from then on held under
-- that token; {0, wait_ms} for none, with the time until there may be one, or -1.
local token, per_tenant, lease = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
-- The longest that one run may take, in steps; the rest is done by the next.
local steps = 200
-- The same for tenants that are at their limit and passed over.
local looks = 2000

local function given(sid, job)
  return {1, sid, job.tenant, tonumber(job.priority), tonumber(job.tries), now - tonumber(job.begun), tonumber(job.deaths)}
end

local before = redis.call('GET', P .. 'claim:' .. token)
if before then
  local job = read(before)
  if is_held_by(job, token) then return given(before, job) end
end

-- A clock that was put back would keep everything waiting until it is again what it was: what waits moves with it.
local seen = tonumber(redis.call('GET', P .. 'clock')) or now
if seen - now > 1000 then
  for _, key in ipairs({'delayed', 'leased'}) do
    for _, sid in ipairs(redis.call('ZRANGE', P .. key, 0, -1)) do
      redis.call('ZINCRBY', P .. key, now - seen, sid)
    end
  end
end
redis.call('SET', P .. 'clock', now, 'PX', FORGOTTEN)

for _, sid in ipairs(redis.call('ZRANGEBYSCORE', P .. 'delayed', '-inf', now, 'LIMIT', 0, steps)) do
  steps = steps - 1
  redis.call('ZREM', P .. 'delayed', sid)
  local job = read(sid)
  if job and job.place == 'delayed' then stand(sid, job.tenant, job.priority) end
end

-- Their workers have died, or are as good as dead.
for _, sid in ipairs(redis.call('ZRANGEBYSCORE', P .. 'leased', '-inf', now, 'LIMIT', 0, steps)) do
  steps = steps - 1
  redis.call('ZREM', P .. 'leased', sid)
  local job = read(sid)
  if job and job.place == 'leased' then
    let_go(sid, job)
    if job.withdrawn then
      redis.call('DEL', job_key(sid))
    else
      redis.call('HINCRBY', job_key(sid), 'tries', 1)
      redis.call('HINCRBY', job_key(sid), 'deaths', 1)
      stand(sid, job.tenant, job.priority)
    end
  end
end

local function give(sid, job)
  local ends = now + lease
  if not job.begun then
    job.begun = now
    write(sid, 'begun', now)
  end
  write(sid, 'place', 'leased', 'token', token, 'until', ends)
  -- What is left of an earlier job whose hash was evicted.
  redis.call('ZREM', P .. 'delayed', sid)
  redis.call('ZADD', P .. 'leased', ends, sid)
  redis.call('ZADD', running_key(job.tenant), ends, sid)
  redis.call('PEXPIRE', running_key(job.tenant), FORGOTTEN)
  redis.call('SET', P .. 'claim:' .. token, sid, 'PX', lease)
  return given(sid, job)
end

-- The first job in the tenant's line that exists; entries without one are void.
local function first_in_line(priority, tenant)
  local line = line_key(priority, tenant)
  while steps > 0 do
    steps = steps - 1
    local first = redis.call('XRANGE', line, '-', '+', 'COUNT', 1)[1]
    if not first then
      redis.call('ZREM', turns_key(priority), tenant)
      return nil
    end
    local entry, sid = first[1], first[2][2]
    local job = read(sid)
    if job and job.place == 'ready' and job.entry == entry then return sid, job end
    redis.call('XDEL', line, entry)
    if not job then redis.call('SREM', P .. 'ready', sid) end
  end
end

for priority = 2, 1, -1 do
  local at = 0
  while steps > 0 and looks > 0 do
    local tenants = redis.call('ZRANGE', turns_key(priority), at, at + 15)
    if #tenants == 0 then break end
    for _, tenant in ipairs(tenants) do
      looks = looks - 1
      at = at + 1
      redis.call('ZREMRANGEBYSCORE', running_key(tenant), '-inf', now)
      -- Only tenants at their limit are passed over: fewer than there are jobs in hand.
      if redis.call('ZCARD', running_key(tenant)) < per_tenant then
        local sid, job = first_in_line(priority, tenant)
        if sid then
          step_out(sid, job)
          if redis.call('ZSCORE', turns_key(priority), tenant) then queue_up(priority, tenant) end
          return give(sid, job)
        end
        at = at - 1
      end
    end
  end
end

if steps <= 0 then return {0, 0} end
if looks <= 0 then return {0, 100} end
local wait = -1
for _, key in ipairs({'delayed', 'leased'}) do
  local first = redis.call('ZRANGE', P .. key, 0, 0, 'WITHSCORES')
  if first[2] then
    local until_first = math.max(tonumber(first[2]) - now, 0)
    if wait < 0 or until_first < wait then wait = until_first end
  end
end
return {0, wait}
