-- name, id, front, mode, most, field, value…: makes sure of the job. 0 for one that exists, or whose end has not been told yet;
-- 1 where it was made; 2 where it is wanted and its fields were not given; -1 where there is room for no more.
--
-- mode: `ensure`; `begin`, for which what is over is over; `restore`, for which a worker may be at it although nothing says so.
local id, front, mode, most = ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
-- Jobs in line that are looked through for one that nobody waits for.
local SHORT = 1000
-- A worker has a moment to begin what it has taken from the line; RQ gives it a minute where it has left word of that.
local MOMENT, MINUTE = 3, 60
-- Who is at a job that Redis has forgotten may be done with it soon.
local GRACE = 15
local missed = 'landfall:rq:missed:' .. id

-- Whether the job will come to a worker.
local function is_in_line(job)
  if front == 0 and redis.call('LLEN', line) > SHORT then return true end
  if redis.call('LPOS', line, id) then
    if job.unseen then redis.call('HDEL', job_key(id), 'landfall_unseen') end
    if front > job.front then
      redis.call('LREM', line, 0, id)
      redis.call('LPUSH', line, id)
      redis.call('HSET', job_key(id), 'enqueue_at_front', 1)
    end
    return true
  end
  if not job.unseen then redis.call('HSET', job_key(id), 'landfall_unseen', now) end
  local patience = redis.call('LPOS', taken, id) and MINUTE or MOMENT
  return now - (job.unseen or now) < patience
end

local job = read(id)
local stands = standing(id, job)
if stands == 'started' then return 0 end
if stands == 'queued' and is_in_line(job) then return 0 end
if (stands == 'done' or stands == 'failed') and mode ~= 'begin' then return 0 end
if not job and mode == 'restore' then
  redis.call('SET', missed, now, 'NX', 'EX', 4 * GRACE)
  if now - tonumber(redis.call('GET', missed)) < GRACE then return 0 end
end

if redis.call('LLEN', line) >= most then return -1 end
if #ARGV == 5 then return 2 end

forget(id)
redis.call('DEL', missed)
redis.call('HSET', job_key(id), unpack(ARGV, 6))
if stands == 'lost' and job then redis.call('HSET', job_key(id), 'landfall_deaths', job.deaths + 1) end
redis.call('HSET', job_key(id), 'enqueue_at_front', front)
redis.call('SADD', 'rq:queues', line)
redis.call(front == 1 and 'LPUSH' or 'RPUSH', line, id)
return 1
