-- Gives what a topic has, and begins it if there is no such one. KEYS: the topic, its messages, its ids. ARGV: the name
-- of a new epoch; the epoch, the number and the name of the message that is known as the last; for how many milliseconds
-- the topic is kept.
-- Gives epoch, the number and the name of the last message, and the messages after the one that is known, or all if that
-- is not one of this epoch: number, id, data, name, and name of the message before, of each.
local state = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'tail')
local epoch, last, tail = state[1], tonumber(state[2]) or 0, state[3] or ''
local known = tonumber(ARGV[3])

-- Whether the message that is known as the last is one of this history. A failover may have lost the tail, and given its
-- numbers to other messages since.
local is_ours = function()
  if known >= last then
    return known == last and tail == ARGV[4]
  end
  local entry = redis.call('XRANGE', KEYS[2], ARGV[3] .. '-0', ARGV[3] .. '-0')[1]
  if entry then
    return entry[2][6] == ARGV[4]
  end
  local number = string.format('%.0f-0', known + 1)
  local after = redis.call('XRANGE', KEYS[2], number, number)[1]
  -- If neither is kept, whoever follows is told of a gap in any case.
  return not after or after[2][10] == ARGV[4]
end

if not epoch then
  epoch, last, tail = ARGV[1], 0, ''
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'last', 0, 'bytes', 0, 'tail', '')
  redis.call('DEL', KEYS[2], KEYS[3])
elseif epoch == ARGV[2] and not is_ours() then
  -- Numbers go on, so that an id that is known stands for a message that was published, and none for one that is lost.
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'bytes', 0)
  redis.call('DEL', KEYS[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '(' .. last, '+inf')
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local from = '-'
if epoch == ARGV[2] then
  from = '(' .. ARGV[3] .. '-0'
end
local messages = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], from, '+')) do
  local fields = entry[2]
  local number = tonumber(string.match(entry[1], '^%d+'))
  messages[#messages + 1] = { number, fields[4] or '', fields[2] or '', fields[6] or '', fields[10] or '' }
end
return { epoch, last, tail, messages }
