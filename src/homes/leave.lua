-- A component has ended in its process. KEYS: the component's home. ARGV: the life that has ended, what is left of it
-- for the next process or nothing, for how many milliseconds the home is remembered.
-- Gives 0 if another process has taken the component over, else 1.
local life = redis.call('HGET', KEYS[1], 'life')
if life and tonumber(life) > tonumber(ARGV[1]) then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'life', ARGV[1])
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'left', ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
