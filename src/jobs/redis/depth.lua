-- channel, kept_ms: how many jobs can be done, are delayed, leased, dead.
redis.call('XTRIM', P .. 'dead', 'MINID', now - tonumber(ARGV[2]))
return {redis.call('SCARD', P .. 'ready'), redis.call('ZCARD', P .. 'delayed'), redis.call('ZCARD', P .. 'leased'),
  redis.call('XLEN', P .. 'dead')}
