-- Mend what broke: expired leases, due retries, lost messages. Forget what ended long ago, and see
-- how full Redis is.
-- KEYS  none
-- ARGV  1 milliseconds between two sweeps, 2 lease in milliseconds, 3 grace in milliseconds,
--       4 leases that one stage may lose, 5 times that a message is sent again, 6 records at once,
--       7 failure of one lost lease, 8 of the last one, 9 of a message lost too often (JSON each),
--       10 milliseconds that an ended record is kept
-- Gives {expired, killed, woken, resent, undeliverable, pardoned, forgotten}, each a count
-- Caller: ledger/sweeps.py Sweeps.run

local interval, lease, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local max_losses, max_resends, batch = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lost_failure, killed_failure, undeliverable_failure = ARGV[7], ARGV[8], ARGV[9]
local retention = tonumber(ARGV[10])

-- Of maxmemory. Above it, submits are refused.
local SOFT_LIMIT = 0.8

local now = now_ms()
local last = tonumber(redis.call('GET', SWEPT) or now - interval)
local count = { expired = 0, killed = 0, woken = 0, resent = 0, undeliverable = 0, pardoned = 0,
  forgotten = 0 }
local function counts()
  return { count.expired, count.killed, count.woken, count.resent, count.undeliverable,
    count.pardoned, count.forgotten }
end

-- Many workers sweep; one an interval is enough.
if now - last < interval and now >= last then return counts() end
redis.call('SET', SWEPT, now)

-- Nobody swept for half a lease or longer: Redis was away, or the whole fleet was. The holders could
-- not renew, so each lease is extended once before any is judged.
local function pardon(queue)
  for _, id in ipairs(redis.call('ZRANGE', leased_key(queue), 0, -1)) do
    redis.call('ZADD', leased_key(queue), now + lease, id)
    count.pardoned = count.pardoned + 1
  end
end

local function expire(id, queue)
  local record = record_key(id)
  local rank, stage, attempts, worker, claimed = unpack(
    redis.call('HMGET', record, 'rank', 'stage', 'attempts', 'worker', 'updated'))
  local losses = redis.call('HINCRBY', record, 'losses', 1)
  come_back(id, queue)
  redis.call('HDEL', record, 'token')
  remember(id, cjson.encode({ at = now, stage = stage or nil, number = tonumber(attempts),
    worker = worker or '', seconds = (now - claimed) / 1000,
    failure = cjson.decode(lost_failure) }))
  if ends_cancelled(id, now) then
    count.expired = count.expired + 1
  elseif losses >= max_losses then
    close(id, 'dead', now, { 'failure', killed_failure })
    count.killed = count.killed + 1
  else
    -- Its last chance: alone, lest it take its neighbours along once more.
    if stage == 'infer' and losses == max_losses - 1 then
      redis.call('HINCRBY', record, 'suspect', 1)
    end
    stand_in_line(id, queue, rank, now)
    count.expired = count.expired + 1
  end
end

-- A message is lost when nobody claimed it, the grace is over and it is not in its Celery list.
local function resend_lost(queue)
  local late = redis.call('ZRANGE', dispatched_key(queue), '-inf', now - grace, 'BYSCORE',
    'LIMIT', 0, batch)
  if #late == 0 then return end
  local messages = table.concat(redis.call('LRANGE', queue, 0, -1), '\n')
  for _, id in ipairs(late) do
    if not string.find(messages, '"' .. id .. '"', 1, true) then
      if redis.call('HINCRBY', record_key(id), 'resent', 1) > max_resends then
        close(id, 'dead', now, { 'failure', undeliverable_failure })
        count.undeliverable = count.undeliverable + 1
      else
        send(id, queue, now)
        count.resent = count.resent + 1
      end
    end
  end
end

local function forget_delivery(id)
  local receiver = receiver_of(id)
  if not receiver then return end
  redis.call('ZREM', DELIVERIES, id)
  redis.call('ZREM', deliveries_key(receiver), id)
end

-- Where a circuit was open for long enough, one delivery tries.
local function mend_circuits()
  for _, receiver in ipairs(redis.call('ZRANGE', BROKEN, '-inf', now, 'BYSCORE',
    'LIMIT', 0, batch)) do
    redis.call('ZREM', BROKEN, receiver)
    go_forward(receiver, now)
  end
end

local function leave_index(id)
  if string.sub(id, 1, 4) ~= 'job_' then return end
  local tenant = tenant_of(redis.call('HGET', record_key(id), 'lane') or 'default')
  redis.call('ZREM', jobs_key(tenant), id)
  if redis.call('EXISTS', jobs_key(tenant)) == 0 then redis.call('SREM', INDEXED, tenant) end
end

local function forget_adoptions(id)
  local adopted = redis.call('HGET', record_key(id), 'adopted')
  for drop in string.gmatch(adopted or '', '%S+') do redis.call('DEL', adopted_key(drop)) end
end

local function forget_ended()
  for _, id in ipairs(redis.call('ZRANGE', ENDED, '-inf', now - retention, 'BYSCORE',
    'LIMIT', 0, batch)) do
    redis.call('ZREM', ENDED, id)
    forget_delivery(id)
    leave_index(id)
    forget_adoptions(id)
    if not string.match(id, '^job_') then unlist(id) end
    delete_record(id)
    count.forgotten = count.forgotten + 1
  end
end

-- Submits stop while there is still room for what every record needs to come to its end.
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

for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
  if now - last > lease / 2 then pardon(queue) end
  for _, id in ipairs(redis.call('ZRANGE', leased_key(queue), '-inf', now, 'BYSCORE',
    'LIMIT', 0, batch)) do
    expire(id, queue)
  end
  resend_lost(queue)
  measure_window(queue, now)
  fill(queue, now)
end
mend_circuits()
forget_ended()
measure_memory()
return counts()
