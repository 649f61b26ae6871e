-- Notes how many states a holder has. KEYS: holders by how many states they have, holders by when they were noted
-- last, how many states there are. ARGV: the holder, how many states it has, for how many milliseconds states are
-- kept, how many there may be, how many holders may be forgotten at once.
-- Gives how many states there are, and the holder with most of them if there are too many.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function note(holder, states)
  local had = tonumber(redis.call('ZSCORE', KEYS[1], holder) or '0')
  if states > 0 then
    redis.call('ZADD', KEYS[1], states, holder)
  else
    redis.call('ZREM', KEYS[1], holder)
    redis.call('ZREM', KEYS[2], holder)
  end
  return redis.call('INCRBY', KEYS[3], states - had)
end
local long = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, ARGV[5])
for _, holder in ipairs(long) do
  note(holder, 0)
end
redis.call('ZADD', KEYS[2], now, ARGV[1])
local all = note(ARGV[1], tonumber(ARGV[2]))
for at = 1, 3 do
  redis.call('PEXPIRE', KEYS[at], ARGV[3])
end
if all > tonumber(ARGV[4]) then
  return { all, redis.call('ZREVRANGE', KEYS[1], 0, 0)[1] or false }
end
return { math.max(all, 0), false }
