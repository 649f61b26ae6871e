-- Begins a life of a component. KEYS: its state. ARGV: the life that it comes after, who begins it.
-- Gives life, revision and the sealed state; nothing if there is no state.
local state = redis.call('HMGET', KEYS[1], 'life', 'revision', 'sealed')
if not state[1] and not state[2] and not state[3] then
  return false
end
local life, revision = tonumber(state[1]), tonumber(state[2])
if not life or not revision or not state[3] then
  return redis.error_reply('LOOMDAMAGED a part of the state is missing')
end
local next = string.format('%.0f', math.max(life, tonumber(ARGV[1])) + 1)
redis.call('HSET', KEYS[1], 'life', next, 'by', ARGV[2], 'save', '0')
return { next, state[2], state[3] }
