-- Write a new API key. It ends with its maker, if not before.
-- KEYS  1 the key
-- ARGV  1 id, 2 id of the key that makes it, or '', 3 tenant, or '' for the whole fleet,
--       4 milliseconds that it works, or '' for ever, 5 the most keys of a tenant,
--       then field and value
-- Gives {'made', when, when it ends or ''}, 'no maker' where that key works no longer, or 'full'
-- Caller: ledger/access/api_keys.py ApiKeys.add

local id, maker, tenant, lasts, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

if maker ~= '' and redis.call('EXISTS', api_key_key(maker)) == 0 then return { 'no maker' } end
local count = 0
for _, one in ipairs(redis.call('ZRANGE', API_KEYS, 0, -1)) do
  local created, whose = unpack(redis.call('HMGET', api_key_key(one), 'created', 'tenant'))
  if created and (whose or '') == tenant then count = count + 1 end
end
if count >= most then return { 'full' } end

local now = now_ms()
local ends = lasts ~= '' and now + lasts or nil
local makers_end = maker ~= '' and redis.call('PEXPIRETIME', api_key_key(maker)) or -1
if makers_end > 0 then ends = math.min(ends or makers_end, makers_end) end

redis.call('HSET', KEYS[1], 'created', now, unpack(ARGV, 6))
if tenant ~= '' then redis.call('HSET', KEYS[1], 'tenant', tenant) end
if maker ~= '' then redis.call('HSET', KEYS[1], 'maker', maker) end
if ends then
  redis.call('HSET', KEYS[1], 'expires', ends)
  redis.call('PEXPIREAT', KEYS[1], ends)
end
redis.call('ZADD', API_KEYS, now, id)
return { 'made', now, ends or '' }
