-- channel, sid: forgets the job; where it is held, its worker is told.
local sid = ARGV[2]
local job = read(sid)
if not job then return 0 end
if job.place == 'leased' then
  write(sid, 'withdrawn', 1)
  tell('withdrawn ' .. sid)
  return 1
end
if job.place == 'ready' then step_out(sid, job) else redis.call('ZREM', P .. 'delayed', sid) end
redis.call('DEL', job_key(sid))
return 1
