-- Writes what has changed of a process' entries in a topic. KEYS: the topic's processes, the process' entries. ARGV: the
-- process, the number of the write before or 0, the number of this one, for how many milliseconds both are kept, how many
-- entries are there, 'clears', 'ends' or nothing, how many entries follow, each with its number, for how long it has been
-- there and gone in milliseconds, or -, and its body; and the numbers of those that end.
-- Gives 1, or 0 if something was lost since the write before, and nothing was done; and how many entries others have.
local number = redis.call('HGET', KEYS[2], 'number') or '0'
if ARGV[6] == '' and number ~= ARGV[2] and number ~= ARGV[3] then
  return { 0, 0 }
end
if ARGV[6] ~= '' then
  redis.call('DEL', KEYS[2])
end
if ARGV[6] == 'ends' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local at = 8
  for _ = 1, tonumber(ARGV[7]) do
    local gone = ARGV[at + 2]
    if gone ~= '-' then
      gone = string.format('%.0f', now - tonumber(gone))
    end
    local came = string.format('%.0f', now - tonumber(ARGV[at + 1]))
    redis.call('HSET', KEYS[2], ARGV[at], came .. ' ' .. gone .. ' ' .. ARGV[at + 3])
    at = at + 4
  end
  for index = at, #ARGV do
    redis.call('HDEL', KEYS[2], ARGV[index])
  end
  redis.call('HSET', KEYS[2], 'number', ARGV[3])
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
local others = 0
local processes = redis.call('HGETALL', KEYS[1])
for index = 1, #processes, 2 do
  if processes[index] ~= ARGV[1] then
    others = others + (tonumber(string.match(processes[index + 1], ' (%d+)$')) or 0)
  end
end
return { 1, others }
