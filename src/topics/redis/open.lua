-- Gives what a topic has, and begins it if there is no such one. KEYS: the topic, its messages. ARGV: the name of a new
-- epoch, the epoch and the number that are known, for how many milliseconds the topic is kept.
-- Gives epoch, the number of the last message, and the messages after the number that is known, or all if that is not
-- one of this epoch: number, id and data of each.
local state = redis.call('HMGET', KEYS[1], 'epoch', 'last')
local epoch, last = state[1], tonumber(state[2])
-- If more is known than there is, a failover has lost the tail: its numbers must not be given again.
if not epoch or epoch == ARGV[2] and tonumber(ARGV[3]) > last then
  epoch, last = ARGV[1], 0
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'last', 0, 'bytes', 0)
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local from = '-'
if epoch == ARGV[2] then
  from = '(' .. ARGV[3] .. '-0'
end
local messages = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], from, '+')) do
  local fields = entry[2]
  messages[#messages + 1] = { tonumber(string.match(entry[1], '^%d+')), fields[4], fields[2] }
end
return { epoch, last, messages }
