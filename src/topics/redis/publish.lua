-- Publishes messages of one topic, all or none of them. KEYS: the topic, its messages, its ids, its channel. ARGV: the
-- name of a new epoch, 1 if the call was made before and its answer was lost, how many messages are kept, how many bytes
-- of them, for how many milliseconds, for how many milliseconds the topic and its ids are kept, how many ids are, what a
-- message counts beside id and data, the command that tells a channel; then of each message its id or nothing, its data,
-- and a random name.
-- Gives epoch, and of each message its number, 1 if its id was known, and the name of the message before it.
local FIRST = 10
local state = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'bytes', 'tail')
local epoch, last, bytes, tail = state[1], tonumber(state[2]) or 0, tonumber(state[3]) or 0, state[4] or ''
local answers = {}
local numbered = function(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end
if epoch and ARGV[2] == '1' then
  local found, is_any = {}, false
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[3])) do
    if entry[2][6] then
      found[entry[2][6]] = entry
    end
  end
  for index = FIRST, #ARGV, 3 do
    is_any = is_any or found[ARGV[index + 2]] ~= nil
  end
  if is_any then
    -- One of them was published, so all were. Those before it may be no longer kept.
    local number = last + 1
    for index = #ARGV - 2, FIRST, -3 do
      local entry = found[ARGV[index + 2]]
      local known = not entry and ARGV[index] ~= '' and redis.call('ZSCORE', KEYS[3], ARGV[index])
      if known then
        if tonumber(known) == number - 1 then
          number = number - 1
        end
        table.insert(answers, 1, { tonumber(known), 1, '' })
      else
        number = entry and numbered(entry) or number - 1
        table.insert(answers, 1, { number, 0, entry and entry[2][10] or '' })
      end
    end
    return { epoch, answers }
  end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local weight = function(data, id)
  return #data + #id + tonumber(ARGV[8])
end
local is_first, has_ids = true, false
for index = FIRST, #ARGV, 3 do
  local id, data, name = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  -- An id of a number that is not given yet stands for a message that was lost.
  local known = epoch and id ~= '' and tonumber(redis.call('ZSCORE', KEYS[3], id) or nil)
  if known and known <= last then
    answers[#answers + 1] = { known, 1, '' }
  else
    if not epoch then
      epoch, last, bytes, tail = ARGV[1], 0, 0, ''
      -- First, because a server that is full refuses it; after a first change, Redis would let all others pass.
      redis.call('HSET', KEYS[1], 'epoch', epoch, 'last', 0, 'bytes', 0, 'tail', '')
      redis.call('DEL', KEYS[2], KEYS[3])
    end
    last = last + 1
    redis.call('HSET', KEYS[1], 'last', last, 'tail', name)
    if is_first then
      redis.call('ZREMRANGEBYSCORE', KEYS[3], last, '+inf')
      is_first = false
    end
    local entry = { last .. '-0', 'data', data, 'id', id, 'call', name, 'at', now, 'before', tail }
    local added = redis.pcall('XADD', KEYS[2], unpack(entry))
    if type(added) == 'table' and added.err then
      -- Somebody else has written there: what a topic keeps begins here.
      redis.call('DEL', KEYS[2])
      redis.call('XADD', KEYS[2], unpack(entry))
    end
    if id ~= '' then
      has_ids = true
      redis.call('ZADD', KEYS[3], last, id)
    end
    local count = redis.call('XLEN', KEYS[2])
    -- Without other messages, those that were counted have expired.
    bytes = (count > 1 and bytes or 0) + weight(data, id)
    while count > 1 do
      local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
      local fields = oldest[2]
      local is_old = now - (tonumber(fields[8]) or 0) >= tonumber(ARGV[5])
      if not is_old and count <= tonumber(ARGV[3]) and bytes <= tonumber(ARGV[4]) then
        break
      end
      redis.call('XDEL', KEYS[2], oldest[1])
      -- What somebody else has written there was not counted.
      if fields[10] then
        bytes = bytes - weight(fields[2], fields[4])
      end
      count = count - 1
    end
    redis.call(ARGV[9], KEYS[4], table.concat({ epoch, last, tail, name, #id, id .. data }, ' '))
    answers[#answers + 1] = { last, 0, tail }
    tail = name
  end
end
if not is_first then
  redis.call('HSET', KEYS[1], 'bytes', bytes)
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
if has_ids then
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -(tonumber(ARGV[7]) + 1))
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
end
return { epoch, answers }
