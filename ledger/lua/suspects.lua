-- Suspects: the records that a worker held when it died, and how they run again.
--
-- A death with several records in the worker charges none of them. The most suspect ones are
-- blamed: each then has a `company`, the maximum number of suspects in one worker, itself included.
-- A quarter of the blamed records is the next company, so that each death narrows it down fast; 1
-- means alone, without any other record. A record that ends a worker alone is charged.
--
-- Suspects are in no lane. The heartbeat calls them into a worker that has room for them. A suspect
-- that has to be alone waits until a worker is closed: that worker takes nothing new until it is
-- empty, and then takes the suspect.

-- The company of a record that is no suspect.
local UNLIMITED = 1000000
-- After it was closed, a worker serves the other records for this multiple of that time, if there
-- are any.
local REST = 3
-- Maximum waiting suspects that are looked at.
local LOOK = 64

local function company_after(blamed)
  if blamed <= 2 then return 1 end
  return math.max(2, math.ceil(blamed / 4))
end

local function company_of(id)
  return tonumber(redis.call('HGET', record_key(id), 'company') or UNLIMITED)
end

-- Return a worker's station: its name without process id and nonce. The worker may come again
-- there.
local function station_of(worker) return string.match(worker, '^(.*)%-%d+%-%x+$') or worker end

local function is_closed(worker) return redis.call('HEXISTS', worker_key(worker), 'closed') == 1 end

local function is_empty(worker)
  return redis.call('ZCARD', held_key(worker)) + redis.call('ZCARD', called_key(worker)) == 0
end

-- Send messages again that were sent before a time, were not claimed, and are not in their Celery
-- list. Return how many were sent, and how many records died because their message was lost too
-- often; without `max_resends`, losses are not counted.
local function resend_lost(queue, before, now, max_resends, failure, batch)
  local late = redis.call('ZRANGE', dispatched_key(queue), '-inf', before, 'BYSCORE',
    'LIMIT', 0, batch)
  if #late == 0 then return 0, 0 end
  local messages = table.concat(redis.call('LRANGE', queue, 0, -1), '\n')
  local resent, undeliverable = 0, 0
  for _, id in ipairs(late) do
    if not string.find(messages, '"' .. id .. '"', 1, true) then
      if max_resends and redis.call('HINCRBY', record_key(id), 'resent', 1) > max_resends then
        close(id, 'dead', now, { 'failure', failure })
        undeliverable = undeliverable + 1
      else
        send(id, queue, now)
        resent = resent + 1
      end
    end
  end
  return resent, undeliverable
end

-- End the lease of a worker that died. `terms` has `losses`, the maximum of a stage, and the
-- failures `shared`, `single` and `last` (JSON).
local function lose(id, now, company, is_charged, terms)
  local record = record_key(id)
  local queue, rank, stage, attempts, worker, claimed = unpack(
    redis.call('HMGET', record, 'queue', 'rank', 'stage', 'attempts', 'worker', 'updated'))
  come_back(id, queue)
  redis.call('HDEL', record, 'token')
  remember(id, cjson.encode({ at = now, stage = stage or nil, number = tonumber(attempts),
    worker = worker, seconds = (now - claimed) / 1000, charged = is_charged,
    failure = cjson.decode(is_charged and terms.single or terms.shared) }))
  if company then redis.call('HSET', record, 'company', company) end
  local losses = 0
  if is_charged then losses = redis.call('HINCRBY', record, 'losses', 1)
  else redis.call('HINCRBY', record, 'attempts', -1) end
  if ends_cancelled(id, now) then return false end
  if losses >= terms.losses then
    close(id, 'dead', now, { 'failure', terms.last })
    return true
  end
  stand_in_line(id, queue, rank, now)
  return false
end

-- Judge the records of a worker that died: a flat list of ids and companies, the most suspect
-- first. Return how many of them go on, and how many are now dead letters.
local function judge_death(held, now, terms)
  local count, blamed, killed = #held / 2, 0, 0
  for i = 2, #held, 2 do if held[i] == held[2] then blamed = blamed + 1 end end
  for i = 1, #held, 2 do
    local company = i < 2 * blamed and company_after(blamed) or nil
    if lose(held[i], now, company, count == 1, terms) then killed = killed + 1 end
  end
  return count - killed, killed
end

-- A suspect that was called and was not claimed waits again.
local function recall(worker)
  for _, id in ipairs(redis.call('ZRANGE', called_key(worker), 0, -1)) do
    uncall(id)
    local queue, rank = unpack(redis.call('HMGET', record_key(id), 'queue', 'rank'))
    come_back(id, queue)
    join_lane(id, queue, rank)
  end
end

-- A worker takes no more work. Return its queues.
local function retire(worker)
  recall(worker)
  redis.call('DEL', worker_key(worker))
  local served = {}
  for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
    if redis.call('HDEL', capacity_key(queue), worker) == 1 then
      measure_window(queue)
      table.insert(served, queue)
    end
  end
  return served
end

-- A worker is dead: judge its records, and free its part of each window.
local function bury(worker, now, terms)
  local held = redis.call('ZRANGE', held_key(worker), 0, -1, 'WITHSCORES')
  redis.call('ZREM', WORKERS, worker)
  local served = retire(worker)
  local expired, killed = judge_death(held, now, terms)
  for _, queue in ipairs(served) do
    -- It may have taken messages that it had not claimed yet.
    resend_lost(queue, now, now, nil, nil, -1)
    fill(queue, now)
  end
  return expired, killed
end

-- Tell a worker to take a suspect, beyond the window and its tenant's bound: both stay full while
-- other records come.
local function call(id, queue, worker, company)
  redis.call('ZREM', suspects_key(queue), id)
  redis.call('ZREM', alone_key(queue), id)
  redis.call('HSET', record_key(id), 'called', worker)
  redis.call('ZADD', called_key(worker), company, id)
  redis.call('SADD', out_key(queue, tenant_of(lane_of(id))), id)
end

-- Return the number of a worker's suspects, and their smallest company.
local function suspects_in(worker)
  local count, least = 0, UNLIMITED
  for _, key in ipairs({ held_key(worker), called_key(worker) }) do
    count = count + redis.call('ZCOUNT', key, '-inf', '(' .. UNLIMITED)
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    if first then least = math.min(least, tonumber(first)) end
  end
  return count, least
end

-- Call as many suspects as may be in company and as fit.
local function call_few(worker, queue)
  local capacity = tonumber(redis.call('HGET', capacity_key(queue), worker))
  local count, least = suspects_in(worker)
  for _, id in ipairs(redis.call('ZRANGE', suspects_key(queue), 0, LOOK - 1)) do
    if count >= capacity then return end
    local company = company_of(id)
    if count < math.min(least, company) then
      call(id, queue, worker, company)
      count, least = count + 1, math.min(least, company)
    end
  end
end

-- A record that ended a worker alone does not run at that station again while there is another.
local function is_barred(id, queue, worker)
  local losses, last = unpack(redis.call('HMGET', record_key(id), 'losses', 'worker'))
  if losses == '0' or station_of(last) ~= station_of(worker) then return false end
  for _, other in ipairs(redis.call('HKEYS', capacity_key(queue))) do
    if station_of(other) ~= station_of(worker) then return true end
  end
  return false
end

-- Return the next suspect that has to be alone in this worker, and its queue.
local function next_alone(worker, queues)
  for _, queue in ipairs(queues) do
    for _, id in ipairs(redis.call('ZRANGE', alone_key(queue), 0, LOOK - 1)) do
      if not is_barred(id, queue, worker) then return id, queue end
    end
  end
  return nil
end

-- Tell whether this worker has work other than suspects.
local function is_wanted(queues)
  for _, queue in ipairs(queues) do
    if redis.call('EXISTS', turns_key(queue), dispatched_key(queue)) > 0 then return true end
  end
  return false
end

-- At most half of a queue's workers may be closed at a time, or the only one.
local function may_close(worker, queue, queues, now)
  local rests = tonumber(redis.call('HGET', worker_key(worker), 'rests') or 0)
  if now < rests and is_wanted(queues) then return false end
  local live, closed = 0, 0
  for _, other in ipairs(redis.call('HKEYS', capacity_key(queue))) do
    live = live + 1
    if is_closed(other) then closed = closed + 1 end
  end
  return closed < math.max(1, math.floor(live / 2))
end

local function open(worker) redis.call('HDEL', worker_key(worker), 'closed', 'ran') end

-- Call suspects into a live worker that serves these queues.
local function call_suspects(worker, queues, now)
  local since, ran = unpack(redis.call('HMGET', worker_key(worker), 'closed', 'ran'))
  local empty = is_empty(worker)
  if ran and empty then
    open(worker)
    redis.call('HSET', worker_key(worker), 'rests', now + REST * (now - since))
    since, ran = false, false
  end
  local id, queue = next_alone(worker, queues)
  if not since and id and may_close(worker, queue, queues, now) then
    since = now
    redis.call('HSET', worker_key(worker), 'closed', now)
  end
  if not since then
    for _, one in ipairs(queues) do call_few(worker, one) end
  elseif id and empty then
    call(id, queue, worker, 1)
    redis.call('HSET', worker_key(worker), 'ran', 1)
  elseif not id and not ran then
    open(worker)
  end
end
