-- Takes a shared component over. KEYS: its owner. ARGV: the process, the term of an owner that is gone or 0, for how
-- many milliseconds the owner is remembered.
-- Gives the owner's process, its term, and what the owner before has left, or nothing of it. What was left stays until
-- something newer is committed: the answer may be lost, or this owner may be gone before that.
local owner = redis.call('HMGET', KEYS[1], 'term', 'process', 'left')
local term = tonumber(owner[1]) or 0
if owner[2] and owner[2] ~= ARGV[1] and term ~= tonumber(ARGV[2]) then
  return { owner[2], string.format('%.0f', term), false }
end
-- Time goes on while nothing is remembered: a term that was forgotten is not given again.
local now = redis.call('TIME')
local next = math.max(term + 1, tonumber(now[1]) * 1000000 + tonumber(now[2]))
local text = string.format('%.0f', next)
redis.call('HSET', KEYS[1], 'term', text, 'process', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { ARGV[1], text, owner[3] }
