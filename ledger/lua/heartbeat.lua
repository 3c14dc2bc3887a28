-- A worker is alive: renew its leases, count its capacity, call suspects, fill the window.
-- KEYS  none
-- ARGV  1 worker, 2 lease in milliseconds, 3 number of queues,
--       then a queue and a capacity for each, then an id and a token for each lease held
-- Gives {1 if the worker is closed or else 0, let_go, called}: a flat list of token and 'lost' or
--       'cancel' for the leases that must be let go, and one of id and queue for the suspects that
--       it is to claim
-- Caller: ledger/ledger.py Ledger.heartbeat

local worker, lease, queues = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local first_lease = 4 + 2 * queues

local let_go = {}
for i = first_lease, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local verdict = lease_of(id, token)
  if verdict == 'held' then
    local queue, cancel = unpack(redis.call('HMGET', record_key(id), 'queue', 'cancel'))
    redis.call('ZADD', leased_key(queue), 'XX', now + lease, id)
    if cancel then table.insert(let_go, token); table.insert(let_go, 'cancel') end
  elseif verdict == 'lost' then
    table.insert(let_go, token)
    table.insert(let_go, 'lost')
  end
end

local served = {}
for i = 4, first_lease - 1, 2 do
  local queue, capacity = ARGV[i], tonumber(ARGV[i + 1])
  if capacity > 0 then
    table.insert(served, queue)
    redis.call('SADD', QUEUES, queue)
    redis.call('HSET', capacity_key(queue), worker, capacity)
  else
    redis.call('HDEL', capacity_key(queue), worker)
  end
end

local is_serving = #served > 0
if is_serving then call_suspects(worker, served, now) else retire(worker) end
if is_serving or redis.call('EXISTS', held_key(worker)) == 1 then
  redis.call('ZADD', WORKERS, now + lease, worker)
else
  redis.call('ZREM', WORKERS, worker)
end
for i = 4, first_lease - 1, 2 do
  measure_window(ARGV[i])
  fill(ARGV[i], now)
end

local called = {}
for _, id in ipairs(redis.call('ZRANGE', called_key(worker), 0, -1)) do
  table.insert(called, id)
  table.insert(called, redis.call('HGET', record_key(id), 'queue'))
end
return { is_closed(worker) and 1 or 0, let_go, called }
