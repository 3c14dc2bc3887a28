-- What the transitions share: keys, the line, the window, messages, closing.
-- Stands in front of every script here. ledger/script.py puts three constants before it:
--   PREFIX          the prefix of all keys (schemas/keys.py)
--   MESSAGE         a Celery message as kombu renders it, with @id@, @queue@, @task@ and @tag@ to
--                   fill in
--   DEFAULT_TENANT  whose a job is whose spec names nobody
-- Scripts are not rolled back on an error: each checks everything before its first write.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function record_key(id) return PREFIX .. 'record:' .. id end
local function history_key(id) return PREFIX .. 'history:' .. id end
local function line_key(queue) return PREFIX .. 'line:' .. queue end
local function dispatched_key(queue) return PREFIX .. 'dispatched:' .. queue end
local function leased_key(queue) return PREFIX .. 'leased:' .. queue end
local function capacity_key(queue) return PREFIX .. 'capacity:' .. queue end
local function alive_key(queue) return PREFIX .. 'alive:' .. queue end
local function window_key(queue) return PREFIX .. 'window:' .. queue end
local function jobs_key(tenant) return PREFIX .. 'jobs:' .. tenant end
local INDEXED = PREFIX .. 'indexed'
local WAITING = PREFIX .. 'waiting'
local DEAD = PREFIX .. 'dead'
local ENDED = PREFIX .. 'ended'
local FULL = PREFIX .. 'full'
local CLOSED = PREFIX .. 'closed'
local QUEUES = PREFIX .. 'queues'
local SWEPT = PREFIX .. 'swept'

-- The Celery message of a record that was sent at a time; the same arguments, the same bytes.
local function message_of(id, queue, sent)
  local role = string.match(queue, '^[^.]+')
  local values = { id = id, queue = queue, task = 'docfleet.' .. role, tag = id .. '-' .. sent }
  return (string.gsub(MESSAGE, '@(%l+)@', values))
end

-- Put a record's message into its queue's Celery list.
local function send(id, queue, now)
  redis.call('LPUSH', queue, message_of(id, queue, now))
  redis.call('ZADD', dispatched_key(queue), now, id)
end

-- Take back a message that no worker has taken yet.
local function unsend(id, queue)
  local sent = redis.call('ZSCORE', dispatched_key(queue), id)
  if sent then redis.call('LREM', queue, 1, message_of(id, queue, tonumber(sent))) end
end

-- Send the next of the line while the window has room.
-- Occupancy is counted from the sets, so that no crash can leak a place.
local function fill(queue, now)
  local window = tonumber(redis.call('GET', window_key(queue)) or 2)
  local busy = redis.call('ZCARD', dispatched_key(queue)) + redis.call('ZCARD', leased_key(queue))
  if busy >= window then return end
  local popped = redis.call('ZPOPMIN', line_key(queue), window - busy)
  for i = 1, #popped, 2 do send(popped[i], queue, now) end
end

-- Stand in line for a queue's workers; `rank` decides the order, lowest first.
local function stand_in_line(id, queue, rank, now)
  redis.call('SADD', QUEUES, queue)
  redis.call('HSET', record_key(id), 'state', 'queued', 'queue', queue, 'updated', now)
  redis.call('ZADD', line_key(queue), rank, id)
  fill(queue, now)
end

local function leave_queue(id, queue)
  unsend(id, queue)
  redis.call('ZREM', line_key(queue), id)
  redis.call('ZREM', dispatched_key(queue), id)
  redis.call('ZREM', leased_key(queue), id)
  redis.call('ZREM', WAITING, id)
end

-- The delivery that tells of a job's end: all that it needs to know, as it is now. Its id derives
-- from the job, the state and the redrive.
local function open_delivery(job, state, now)
  local text, result, failure, redrives = unpack(
    redis.call('HMGET', record_key(job), 'spec', 'result', 'failure', 'redrives'))
  local spec = cjson.decode(text)
  local id = 'msg_' .. string.sub(job, 5) .. '_' .. state
  if redrives then id = id .. '_r' .. redrives end
  -- A job that was forgotten, came again and ended as before: its first delivery may still be here.
  leave_queue(id, 'deliver')
  redis.call('ZREM', DEAD, id)
  redis.call('ZREM', ENDED, id)
  redis.call('DEL', record_key(id), history_key(id))
  local told = { job = job, state = state, at = now, url = spec.callback.url, tenant = spec.tenant,
    metadata = spec.metadata, result_uri = result or nil,
    failure = failure and cjson.decode(failure) or nil }
  redis.call('HSET', record_key(id), 'spec', cjson.encode(told),
    'rank', now, 'created', now, 'attempts', 0, 'losses', 0)
  stand_in_line(id, 'deliver', now, now)
end

-- End a record. `fields` is a flat list of what else the record is to say.
local function close(id, state, now, fields)
  local record = record_key(id)
  local queue, callback = unpack(redis.call('HMGET', record, 'queue', 'callback'))
  leave_queue(id, queue)
  redis.call('HSET', record, 'state', state, 'updated', now, 'closed', now, unpack(fields))
  redis.call('HDEL', record, 'token', 'due', 'cancel')
  redis.call('ZADD', state == 'dead' and DEAD or ENDED, now, id)
  redis.call('HINCRBY', CLOSED, string.match(id, '^%l+') .. ':' .. state, 1)
  if callback then open_delivery(id, state, now) end
  fill(queue, now)
end

-- Whether `token` holds the record's lease: 'held', or why not.
-- 'settled' means that this very token ended its attempt before: a write that was replayed.
local function lease_of(id, token)
  local state, holder, settled = unpack(
    redis.call('HMGET', record_key(id), 'state', 'token', 'settled'))
  if state == 'running' and holder == token then return 'held' end
  if settled == token then return 'settled' end
  return 'lost'
end

-- End the lease, and remember whose it was.
local function settle(id, queue, token)
  redis.call('ZREM', leased_key(queue), id)
  redis.call('HSET', record_key(id), 'settled', token)
  redis.call('HDEL', record_key(id), 'token')
end

local HISTORY_LENGTH = 50

local function remember(id, entry)
  redis.call('RPUSH', history_key(id), entry)
  redis.call('LTRIM', history_key(id), -HISTORY_LENGTH, -1)
end

-- Whether the owner cancelled a record while it ran; then it ends here instead of going on.
local function ends_cancelled(id, now)
  if not redis.call('HGET', record_key(id), 'cancel') then return false end
  close(id, 'cancelled', now, {})
  return true
end

-- How many records of a queue may be out: the capacity of its live workers and a tenth more.
local function measure_window(queue, now)
  for _, worker in ipairs(redis.call('ZRANGE', alive_key(queue), '-inf', now, 'BYSCORE')) do
    redis.call('ZREM', alive_key(queue), worker)
    redis.call('HDEL', capacity_key(queue), worker)
  end
  local capacity = 0
  for _, slots in ipairs(redis.call('HVALS', capacity_key(queue))) do capacity = capacity + slots end
  redis.call('SET', window_key(queue), capacity + math.max(2, math.ceil(capacity / 10)))
end
