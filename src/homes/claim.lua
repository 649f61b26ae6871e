-- A process takes a component over. KEYS: the component's home. ARGV: the life that the home was found in or nothing,
-- the life that the component's state was left in, the process, for how many milliseconds the home is remembered.
-- Gives the new life, and what the process before has left or nothing; nothing at all if the home is another by now.
local home = redis.call('HMGET', KEYS[1], 'life', 'left')
if (home[1] or '') ~= ARGV[1] then
  return false
end
-- Time goes on while nothing is remembered: a life that was forgotten is not given again.
local now = redis.call('TIME')
local next = math.max(tonumber(home[1] or '0') + 1, tonumber(ARGV[2]) + 1,
  tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
local text = string.format('%.0f', next)
redis.call('HSET', KEYS[1], 'life', text, 'process', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { text, home[2] }
