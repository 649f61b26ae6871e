-- Publishes a message. KEYS: the topic, its messages, its ids, its channel. ARGV: the name of a new epoch, the
-- message's id or nothing, its data, a name of this call, 1 if the call was made before and its answer was lost, how
-- many messages are kept, how many bytes of them, for how many milliseconds, for how many milliseconds the topic and
-- its ids are kept, how many ids are, what a message counts beside id and data, the command that tells a channel.
-- Gives epoch, number, and 1 if the id was known.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and ARGV[2] ~= '' then
  local known = redis.call('ZSCORE', KEYS[3], ARGV[2])
  if known then
    return { epoch, tonumber(known), 1 }
  end
end
if epoch and ARGV[5] == '1' then
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[6])) do
    if entry[2][6] == ARGV[4] then
      return { epoch, tonumber(string.match(entry[1], '^%d+')), 0 }
    end
  end
end
if not epoch then
  epoch = ARGV[1]
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'last', 0, 'bytes', 0)
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local number = redis.call('HINCRBY', KEYS[1], 'last', 1)
local weight = function(data, id)
  return #data + #id + tonumber(ARGV[11])
end
redis.call('XADD', KEYS[2], number .. '-0', 'data', ARGV[3], 'id', ARGV[2], 'call', ARGV[4], 'at', now)
local count = redis.call('XLEN', KEYS[2])
local bytes = weight(ARGV[3], ARGV[2])
-- Without other messages, those that were counted have expired.
if count > 1 then
  bytes = bytes + tonumber(redis.call('HGET', KEYS[1], 'bytes'))
end
while count > 1 do
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  local fields = first[2]
  local is_old = now - tonumber(fields[8]) >= tonumber(ARGV[8])
  if not is_old and count <= tonumber(ARGV[6]) and bytes <= tonumber(ARGV[7]) then
    break
  end
  redis.call('XDEL', KEYS[2], first[1])
  bytes = bytes - weight(fields[2], fields[4])
  count = count - 1
end
redis.call('HSET', KEYS[1], 'bytes', bytes)
redis.call('PEXPIRE', KEYS[2], ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[9])
if ARGV[2] ~= '' then
  redis.call('ZADD', KEYS[3], number, ARGV[2])
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -(tonumber(ARGV[10]) + 1))
  redis.call('PEXPIRE', KEYS[3], ARGV[9])
end
redis.call(ARGV[12], KEYS[4], table.concat({ epoch, number, #ARGV[2], ARGV[2] .. ARGV[3] }, ' '))
return { epoch, number, 0 }
