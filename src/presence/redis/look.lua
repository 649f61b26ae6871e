-- Gives Redis' time in milliseconds, and a topic's processes, each with what stands there. KEYS: the topic's processes.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return { now, redis.call('HGETALL', KEYS[1]) }
