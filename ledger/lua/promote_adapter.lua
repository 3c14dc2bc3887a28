-- Make an adapter the default of its task, in place of the former one.
-- KEYS  1 the adapter
-- ARGV  1 NAME@VERSION
-- Gives 'done' and the adapter's fields, {'retired'} or {'unknown'}
-- Caller: ledger/registry/adapters.py AdapterRecords.promote

local ref = ARGV[1]
local state, task = unpack(redis.call('HMGET', KEYS[1], 'state', 'task'))
if not state then return { 'unknown' } end
if state == 'retired' then return { 'retired' } end
if state == 'added' then
  local now = now_ms()
  local former = redis.call('HGET', ADAPTERS_STABLE, task)
  if former then redis.call('HSET', adapter_key(former), 'state', 'added', 'changed', now) end
  redis.call('HSET', KEYS[1], 'state', 'stable', 'changed', now)
  redis.call('HSET', ADAPTERS_STABLE, task, ref)
end
return { 'done', unpack(redis.call('HGETALL', KEYS[1])) }
