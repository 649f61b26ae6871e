-- Has Redis keep a process' entries in a topic. KEYS: the topic's processes, the process' entries. ARGV: the process, the
-- number of its last write, for how many milliseconds both are kept.
-- Gives 1, or 0 if something was lost since that write; and the topic's processes, each with what stands there.
local number = redis.call('HGET', KEYS[2], 'number')
if number ~= ARGV[2] or not redis.call('HGET', KEYS[1], ARGV[1]) then
  return { 0, {} }
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return { 1, redis.call('HGETALL', KEYS[1]) }
