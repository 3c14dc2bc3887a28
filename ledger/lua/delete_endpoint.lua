-- Delete an endpoint; its deliveries can be read until their retention is over.
-- KEYS  1 the endpoint
-- ARGV  1 id
-- Gives 1, or 0 when there was none
-- Caller: ledger/webhooks/endpoints.py Endpoints.delete

local id = ARGV[1]
local tenant = redis.call('HGET', KEYS[1], 'tenant')
if not tenant then return 0 end
local bytes = redis.call('HGET', KEYS[1], 'bytes')
if bytes then count_bytes(tenant, -bytes) end
redis.call('SREM', endpoints_key(tenant), id)
redis.call('DEL', KEYS[1], receiver_key(id))
redis.call('ZREM', BROKEN, id)
return 1
