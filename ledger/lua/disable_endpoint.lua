-- Send nothing more to an endpoint: tell the tenant's other endpoints, and make dead letters of the
-- deliveries that wait for it, some at a time.
-- KEYS  1 the endpoint
-- ARGV  1 id, 2 reason, 3 failure of the deliveries (JSON), 4 id of the notice,
--       5 how many of its deliveries to pass over, 6 how many to look at
-- Gives how many of its deliveries have been looked at, or -1 when that were all
-- Caller: ledger/webhooks/endpoints.py Endpoints.disable

local id, reason, failure, notice = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local first, some = tonumber(ARGV[5]), tonumber(ARGV[6])
local state, tenant, url = unpack(redis.call('HMGET', KEYS[1], 'state', 'tenant', 'url'))
if not state then return -1 end

local now = now_ms()
if state == 'enabled' then
  redis.call('HSET', KEYS[1], 'state', 'disabled', 'reason', reason, 'disabled', now)
  redis.call('HINCRBY', KEYS[1], 'version', 1)
  for _, receiver in ipairs(wanted_by(tenant, 'endpoint.disabled')) do
    open_delivery(notice .. '_' .. string.sub(receiver.id, 4), { event = 'endpoint.disabled',
      at = now, tenant = tenant, url = receiver.url, endpoint = receiver.id,
      about = { id = id, url = url, reason = reason } }, now)
  end
end
local deliveries = redis.call('ZRANGE', deliveries_key(id), first, first + some - 1)
for _, delivery in ipairs(deliveries) do
  local stands = redis.call('HGET', record_key(delivery), 'state')
  -- A delivery under way ends by itself.
  if stands == 'queued' or stands == 'waiting' then
    close(delivery, 'dead', now, { 'failure', failure })
  end
end
return #deliveries < some and -1 or first + some
