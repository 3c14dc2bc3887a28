-- Write an endpoint, or change one.
-- KEYS  1 the endpoint
-- ARGV  1 id, 2 tenant, 3 the version that is changed, or '' for a new endpoint, 4 the most
--       endpoints of a tenant, 5 '1' if it is to be enabled afresh, 6 the most that the tenant may
--       store (see share.lua), then field and value
-- Gives {'done'}, {'unknown'}, {'full'}, {'changed'} when another caller was quicker, or what
--       over_share gives
-- Caller: ledger/webhooks/endpoints.py Endpoints

local id, tenant, version, most, afresh = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local fields = { unpack(ARGV, 7) }

local now = now_ms()
if version == '' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return { 'done' } end
  if redis.call('SCARD', endpoints_key(tenant)) >= most then return { 'full' } end
  local over = over_share(tenant, tonumber(ARGV[6]), #table.concat(fields) + NEW_BYTES)
  if over then return over end
  redis.call('SADD', endpoints_key(tenant), id)
  redis.call('HSET', KEYS[1], 'tenant', tenant, 'created', now, 'state', 'enabled')
else
  local present = redis.call('HGET', KEYS[1], 'version')
  if not present then return { 'unknown' } end
  if present ~= version then return { 'changed' } end
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('HINCRBY', KEYS[1], 'version', 1)
if afresh == '1' then
  redis.call('HSET', KEYS[1], 'state', 'enabled')
  redis.call('HDEL', KEYS[1], 'reason', 'disabled')
  redis.call('DEL', receiver_key(id))
  redis.call('ZREM', BROKEN, id)
end
weigh_endpoint(id)
go_forward(id, now)
return { 'done' }
