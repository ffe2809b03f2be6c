-- channel, sid, token, after_ms: the job is to be done again after a while. 1 where it was held under that token; 0 where it was
-- not, and nothing is changed.
local sid, token, after = ARGV[2], ARGV[3], tonumber(ARGV[4])
local job = read(sid)
-- Evicted: who wants it asks again.
if not job then return 1 end
if not is_held_by(job, token) then return 0 end
let_go(sid, job)
if job.withdrawn then
  redis.call('DEL', job_key(sid))
  return 1
end
redis.call('HINCRBY', job_key(sid), 'tries', 1)
if after > 0 then
  wait(sid, now + after)
else
  stand(sid, job.tenant, job.priority)
end
-- Whoever waits for a job waits until then, and no longer.
tell('ready')
return 1
