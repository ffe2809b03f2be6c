-- channel, sid, token, lease_ms, tenant, priority, tries, age_ms, deaths, may_restore: 1 where the job is still held under
-- that token, for another lease; 2 where nobody wants it done any more; 0 where the lease is lost.
local sid, token, lease = ARGV[2], ARGV[3], tonumber(ARGV[4])
local job = read(sid)
local may_restore = ARGV[10] == '1'
local answer = 1

if not job then
  -- Evicted, and this lease is all that is left of it; or, for one who has not been heard of for as long as a lease
  -- lasts, done by somebody else.
  if not may_restore then return 0 end
  job = {tenant = ARGV[5]}
  write(sid, 'tenant', ARGV[5], 'priority', ARGV[6], 'tries', ARGV[7], 'begun', now - tonumber(ARGV[8]),
    'deaths', ARGV[9], 'place', 'leased', 'token', token)
elseif may_restore and job.place ~= 'leased' then
  -- Evicted, and then asked for again: nobody else has it in hand, and the lease has not ended.
  if job.place == 'ready' then step_out(sid, job) else redis.call('ZREM', P .. 'delayed', sid) end
  write(sid, 'tries', ARGV[7], 'begun', now - tonumber(ARGV[8]), 'deaths', ARGV[9], 'place', 'leased', 'token', token)
elseif not is_held_by(job, token) then
  return 0
elseif job.withdrawn then
  answer = 2
end

local ends = now + lease
write(sid, 'until', ends)
redis.call('ZADD', P .. 'leased', ends, sid)
redis.call('ZADD', running_key(job.tenant), ends, sid)
redis.call('PEXPIRE', running_key(job.tenant), FORGOTTEN)
return answer
