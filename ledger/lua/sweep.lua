-- Repair faults: dead workers, expired leases, due retries, lost messages. Forget records that
-- ended long ago, and measure how full Redis is.
-- KEYS  none
-- ARGV  1 milliseconds between two sweeps, 2 lease in milliseconds, 3 grace in milliseconds,
--       4 leases that one stage may lose, 5 times that a message is sent again, 6 records at once,
--       7 failure of a message lost too often, 8 of a lease lost with others, 9 of one lost alone,
--       10 of the last one (JSON each), 11 milliseconds that an ended record is kept
-- Gives {expired, killed, woken, resent, undeliverable, pardoned, forgotten}, each a count
-- Caller: ledger/fleet/sweeps.py Sweeps.run

local interval, lease, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local max_resends, batch = tonumber(ARGV[5]), tonumber(ARGV[6])
local undeliverable_failure, retention = ARGV[7], tonumber(ARGV[11])
local terms = { losses = tonumber(ARGV[4]), shared = ARGV[8], single = ARGV[9], last = ARGV[10] }

-- Share of maxmemory above which submits are refused.
local SOFT_LIMIT = 0.8

local now = now_ms()
local last = tonumber(redis.call('GET', SWEPT) or now - interval)
local count = { expired = 0, killed = 0, woken = 0, resent = 0, undeliverable = 0, pardoned = 0,
  forgotten = 0 }
local function counts()
  return { count.expired, count.killed, count.woken, count.resent, count.undeliverable,
    count.pardoned, count.forgotten }
end

-- Many workers sweep; one sweep in each interval is enough.
if now - last < interval and now >= last then return counts() end
redis.call('SET', SWEPT, now)

-- No sweep ran for half a lease or longer: Redis was away, or the whole fleet was. The holders
-- could not renew, so each lease is extended once before any is judged.
local function pardon(queue)
  for _, id in ipairs(redis.call('ZRANGE', leased_key(queue), 0, -1)) do
    redis.call('ZADD', leased_key(queue), now + lease, id)
    count.pardoned = count.pardoned + 1
  end
end

local function tally(expired, killed)
  count.expired = count.expired + expired
  count.killed = count.killed + killed
end

-- After an open circuit's time, one delivery tries.
local function mend_circuits()
  for _, receiver in ipairs(redis.call('ZRANGE', BROKEN, '-inf', now, 'BYSCORE',
    'LIMIT', 0, batch)) do
    redis.call('ZREM', BROKEN, receiver)
    go_forward(receiver, now)
  end
end

local function forget_ended()
  for _, id in ipairs(redis.call('ZRANGE', ENDED, '-inf', now - retention, 'BYSCORE',
    'LIMIT', 0, batch)) do
    forget(id)
    count.forgotten = count.forgotten + 1
  end
end

-- Submits stop while there is still room for every record to come to its end.
local function measure_memory()
  local memory, used, limit = read_memory()
  redis.call('SET', MEMORY, memory)
  if limit > 0 and used > limit * SOFT_LIMIT then redis.call('SET', FULL, used)
  else redis.call('DEL', FULL) end
end

for _, id in ipairs(redis.call('ZRANGE', WAITING, '-inf', now, 'BYSCORE', 'LIMIT', 0, batch)) do
  redis.call('ZREM', WAITING, id)
  local queue, rank = unpack(redis.call('HMGET', record_key(id), 'queue', 'rank'))
  redis.call('HDEL', record_key(id), 'due')
  stand_in_line(id, queue, rank, now)
  count.woken = count.woken + 1
end

for _, id in ipairs(redis.call('ZRANGE', PARKED, '-inf', now, 'BYSCORE', 'LIMIT', 0, batch)) do
  call_in(id, now)
  count.woken = count.woken + 1
end

local was_away = now - last > lease / 2
if was_away then
  for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
    redis.call('ZADD', WORKERS, now + lease, worker)
  end
end
for _, worker in ipairs(redis.call('ZRANGE', WORKERS, '-inf', now, 'BYSCORE')) do
  tally(bury(worker, now, terms))
end
for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
  if was_away then pardon(queue) end
  for _, id in ipairs(redis.call('ZRANGE', leased_key(queue), '-inf', now, 'BYSCORE',
    'LIMIT', 0, batch)) do
    -- Its worker is alive and gave it up without a word: charge it, but not for the end of a
    -- worker.
    local is_killed = lose(id, now, nil, true, terms)
    tally(is_killed and 0 or 1, is_killed and 1 or 0)
  end
  local resent, undeliverable = resend_lost(queue, now - grace, now, max_resends,
    undeliverable_failure, batch)
  count.resent = count.resent + resent
  count.undeliverable = count.undeliverable + undeliverable
  measure_window(queue)
  fill(queue, now)
end
mend_circuits()
forget_ended()
measure_memory()
return counts()
