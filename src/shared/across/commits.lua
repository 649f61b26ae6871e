-- Says whether a process owns a shared component. KEYS: its owner. ARGV: the process, its term, for how many
-- milliseconds the owner is remembered. An owner that is not remembered any more, since Redis has lost it, is again.
local owner = redis.call('HMGET', KEYS[1], 'term', 'process')
if not owner[1] then
  redis.call('HSET', KEYS[1], 'term', ARGV[2], 'process', ARGV[1])
elseif owner[1] ~= ARGV[2] or owner[2] ~= ARGV[1] then
  return 0
end
-- What the owner before has left is older now.
redis.call('HDEL', KEYS[1], 'left')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
