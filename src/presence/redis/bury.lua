-- Takes away what a process that is dead has left in a topic, unless the process has written since. KEYS: the topic's
-- processes, the process' entries. ARGV: the process, the number of its last write.
-- Gives 1 if it was taken away.
local place = redis.call('HGET', KEYS[1], ARGV[1])
if not place or string.match(place, '^%d+') ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
return 1
