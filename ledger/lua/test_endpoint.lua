-- Send an endpoint a test event.
-- KEYS  1 the endpoint
-- ARGV  1 id, 2 id of the delivery
-- Gives 'sent', 'unknown', or 'disabled'
-- Caller: ledger/webhooks/endpoints.py Endpoints.test

local id, delivery = ARGV[1], ARGV[2]
local state, tenant, url = unpack(redis.call('HMGET', KEYS[1], 'state', 'tenant', 'url'))
if not state then return 'unknown' end
if state ~= 'enabled' then return 'disabled' end
if redis.call('EXISTS', record_key(delivery)) == 1 then return 'sent' end
local now = now_ms()
open_delivery(delivery, { event = 'endpoint.test', at = now, tenant = tenant, url = url,
  endpoint = id, about = { id = id } }, now)
return 'sent'
