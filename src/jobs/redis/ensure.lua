-- channel, sid, tenant, priority, most, after_ms: makes sure of the job, which is due then where it is new. 1 for a new job, 0 for one that exists, -1 where there is room for no more.
local sid, tenant, priority, most, after = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local job = read(sid)

if not job then
  local held = redis.call('SCARD', P .. 'ready') + redis.call('ZCARD', P .. 'delayed') + redis.call('ZCARD', P .. 'leased')
  if held >= most then return -1 end
  write(sid, 'tenant', tenant, 'tries', 0, 'deaths', 0)
  if after > 0 then wait(sid, now + after, 'priority', priority) else stand(sid, tenant, priority) end
  tell('ready')
  return 1
end

local overtakes = priority > tonumber(job.priority)
if job.place == 'ready' then
  local entry = job.entry
  if #redis.call('XRANGE', line_key(job.priority, job.tenant), entry, entry) == 0 then
    -- Its line is gone.
    stand(sid, job.tenant, math.max(priority, tonumber(job.priority)))
    tell('ready')
  elseif overtakes then
    step_out(sid, job)
    stand(sid, job.tenant, priority)
    tell('ready')
  else
    has_turn(job.priority, job.tenant)
    redis.call('SADD', P .. 'ready', sid)
    redis.call('PEXPIRE', job_key(sid), FORGOTTEN)
  end
  return 0
end

write(sid, 'priority', math.max(priority, tonumber(job.priority)))
-- Its place among those that wait for a time may be gone: whoever gives out jobs looks there.
if job.place == 'delayed' then
  redis.call('ZADD', P .. 'delayed', 'NX', job.due, sid)
else
  redis.call('ZADD', P .. 'leased', 'NX', job['until'], sid)
end
return 0
