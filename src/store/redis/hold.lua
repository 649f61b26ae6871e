-- Notes a state in the list of its holder. KEYS: the list. ARGV: the state's component, 1 if the state is this
-- holder's, for how many milliseconds states are kept, how many the holder may have, how many may go at once.
-- Gives how many states the holder has, and the components whose states are to be deleted, the oldest first.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))
if ARGV[2] == '1' then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
local over = math.min(redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[4]), tonumber(ARGV[5]))
local gone = {}
if over > 0 then
  for _, instance in ipairs(redis.call('ZRANGE', KEYS[1], 0, over)) do
    if instance ~= ARGV[1] and #gone < over then
      gone[#gone + 1] = instance
      redis.call('ZREM', KEYS[1], instance)
    end
  end
end
return { redis.call('ZCARD', KEYS[1]), gone }
