-- Retire an adapter; its task has no default any more if it was this one.
-- KEYS  1 the adapter
-- ARGV  1 NAME@VERSION
-- Gives 'done' and the adapter's fields, or {'unknown'}
-- Caller: ledger/registry/adapters.py AdapterRecords.retire

local ref = ARGV[1]
local state, task = unpack(redis.call('HMGET', KEYS[1], 'state', 'task'))
if not state then return { 'unknown' } end
if state ~= 'retired' then
  redis.call('HSET', KEYS[1], 'state', 'retired', 'changed', now_ms())
  if redis.call('HGET', ADAPTERS_STABLE, task) == ref then
    redis.call('HDEL', ADAPTERS_STABLE, task)
  end
end
return { 'done', unpack(redis.call('HGETALL', KEYS[1])) }
