-- A worker lives: renew its leases, count its capacity, fill the window.
-- KEYS  none
-- ARGV  1 worker, 2 lease in milliseconds, 3 number of queues,
--       then a queue and a capacity for each, then an id and a token for each lease held
-- Gives a flat list: token, 'lost' or 'cancel', for the leases that must be let go
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

for i = 4, first_lease - 1, 2 do
  local queue, capacity = ARGV[i], tonumber(ARGV[i + 1])
  if capacity > 0 then
    redis.call('SADD', QUEUES, queue)
    redis.call('HSET', capacity_key(queue), worker, capacity)
    redis.call('ZADD', alive_key(queue), now + lease, worker)
  else
    redis.call('HDEL', capacity_key(queue), worker)
    redis.call('ZREM', alive_key(queue), worker)
  end
  measure_window(queue, now)
  fill(queue, now)
end
return let_go
