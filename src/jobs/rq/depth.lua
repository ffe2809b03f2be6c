-- name, failure_ttl: jobs in line, being worked on, and failed within the last day; live workers of this queue; whether all
-- workers are told to pause.
local live = 0
for _, worker in ipairs(redis.call('SMEMBERS', 'rq:workers:' .. name)) do
  if redis.call('EXISTS', worker) == 1 and not redis.call('HGET', worker, 'death') then live = live + 1 end
end
local failed = redis.call('ZCOUNT', 'rq:failed:' .. name, now + tonumber(ARGV[2]) - 86400, '+inf')
return { redis.call('LLEN', line), redis.call('ZCARD', wip), failed, live, redis.call('EXISTS', 'rq:suspended') }
