-- Write a new adapter of the registry, once.
-- KEYS  1 the adapter
-- ARGV  1 NAME@VERSION, 2 the most adapters of a fleet, then field and value; among them are task,
--       base and sha256
-- Gives 'done' and the adapter's fields, also when the same one is there; 'taken' and the fields of
--       the one that is there; or {'full'}
-- Caller: ledger/registry/adapters.py AdapterRecords.add

local ref, most = ARGV[1], tonumber(ARGV[2])
local fields = { unpack(ARGV, 3) }

local function answer(outcome)
  return { outcome, unpack(redis.call('HGETALL', KEYS[1])) }
end

if redis.call('EXISTS', KEYS[1]) == 1 then
  for place = 1, #fields, 2 do
    local name, value = fields[place], fields[place + 1]
    local decides = name == 'sha256' or name == 'task' or name == 'base'
    if decides and redis.call('HGET', KEYS[1], name) ~= value then return answer('taken') end
  end
  return answer('done')
end
if redis.call('ZCARD', ADAPTERS) >= most then return { 'full' } end
local now = now_ms()
redis.call('HSET', KEYS[1], 'state', 'added', 'added', now, 'changed', now, unpack(fields))
redis.call('ZADD', ADAPTERS, now, ref)
return answer('done')
