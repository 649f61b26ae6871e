-- Saves a state. KEYS: the state; of a shared component also the numbers of its viewers. ARGV: life, revision, the sealed state, who saves, the
-- number of this save among those of whoever saves, for how many milliseconds the state is kept, for how many seconds
-- its times are fresh; then viewers, each with its number, or 0 for one that is to be forgotten.
-- Gives 0 if there is a newer state, 2 if the times were written, else 1.
local life, save = tonumber(ARGV[1]), tonumber(ARGV[5])
local have = redis.call('HMGET', KEYS[1], 'life', 'by', 'save', 'at')
local had = tonumber(have[1])
if had then
  if had > life then
    return 0
  end
  -- Within a life one process saves, in order. A late save of its own is no newer state; the same save once more is
  -- one whose answer was lost.
  if had == life and (have[2] ~= ARGV[4] or tonumber(have[3]) > save) then
    return 0
  end
end
redis.call('HSET', KEYS[1], 'life', ARGV[1], 'revision', ARGV[2], 'sealed', ARGV[3], 'by', ARGV[4], 'save', ARGV[5])
for at = 8, #ARGV, 2 do
  if ARGV[at + 1] == '0' then
    redis.call('HDEL', KEYS[2], ARGV[at])
  elseif (tonumber(redis.call('HGET', KEYS[2], ARGV[at])) or 0) < tonumber(ARGV[at + 1]) then
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  end
end
local now = tonumber(redis.call('TIME')[1])
local at = tonumber(have[4])
-- A clock that was put back must not keep the times from being written.
if at and now >= at and now - at < tonumber(ARGV[7]) then
  if KEYS[2] and #ARGV > 7 then
    redis.call('PEXPIRE', KEYS[2], ARGV[6])
  end
  return 1
end
redis.call('HSET', KEYS[1], 'at', now)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if KEYS[2] then
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
return 2
