-- channel, kept_ms: how many jobs can be done, are delayed, leased, dead. A job whose time has come can be done, though no
-- worker has said so: when all of them are gone, nobody else would.
redis.call('XTRIM', P .. 'dead', 'MINID', now - tonumber(ARGV[2]))
local function due(set) return redis.call('ZCOUNT', P .. set, '-inf', now) end
local function later(set) return redis.call('ZCOUNT', P .. set, '(' .. now, '+inf') end
return {redis.call('SCARD', P .. 'ready') + due('delayed') + due('leased'), later('delayed'), later('leased'),
  redis.call('XLEN', P .. 'dead')}
