-- channel, sid, token, why: the job is over, and with a reason it is a dead letter. 1 where it was held under that token;
-- 0 where it was not, and nothing is changed.
local sid, token, why = ARGV[2], ARGV[3], ARGV[4]
local job = read(sid)
-- Evicted: there is nothing left to end.
if not job then return 1 end
if not is_held_by(job, token) then return 0 end
let_go(sid, job)
redis.call('DEL', job_key(sid))
if why ~= '' then
  redis.call('XADD', P .. 'dead', 'MAXLEN', ARGV[5], '*', 'sid', sid, 'tenant', job.tenant, 'why', why, 'tries', job.tries,
    'deaths', job.deaths, 'age_ms', now - tonumber(job.begun))
end
-- Its tenant may have another one now.
if redis.call('SCARD', P .. 'ready') > 0 then tell('ready') end
return 1
