-- A process gives a shared component up. KEYS: its owner. ARGV: the process, its term, what it leaves or nothing, for
-- how many milliseconds that is kept.
local owner = redis.call('HMGET', KEYS[1], 'term', 'process')
if owner[1] ~= ARGV[2] or owner[2] ~= ARGV[1] then
  return 0
end
redis.call('HDEL', KEYS[1], 'process')
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'left', ARGV[3])
else
  -- The component has ended: what an owner before has left is over, too.
  redis.call('HDEL', KEYS[1], 'left')
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
