-- What the transitions share: leases, history, closing.

local function join_the_dead(id, now)
  local failure = cjson.decode(redis.call('HGET', record_key(id), 'failure'))
  redis.call('ZADD', DEAD, now, id)
  redis.call('HINCRBY', DEAD_CODES, failure.code, 1)
end

local function leave_the_dead(id)
  if redis.call('ZREM', DEAD, id) == 0 then return end
  local failure = cjson.decode(redis.call('HGET', record_key(id), 'failure'))
  if redis.call('HINCRBY', DEAD_CODES, failure.code, -1) == 0 then
    redis.call('HDEL', DEAD_CODES, failure.code)
  end
end

-- The delivery that tells of a job's end: all that it needs to know, as it is now. Its id derives
-- from the job, the state and the redrive.
local function open_delivery(job, state, now)
  local text, result, failure, redrives = unpack(
    redis.call('HMGET', record_key(job), 'spec', 'result', 'failure', 'redrives'))
  local tenant = tenant_of(lane_of(job))
  local spec = cjson.decode(text)
  local id = 'msg_' .. string.gsub(job, '^job_', '') .. '_' .. state
  if redrives then id = id .. '_r' .. redrives end
  -- A job that was forgotten, came again and ended as before: its first delivery may still be here.
  leave_queue(id, 'deliver')
  leave_the_dead(id)
  redis.call('ZREM', ENDED, id)
  redis.call('DEL', record_key(id), history_key(id))
  local batch = string.match(job, '^batch_')
    and (state == 'dead' and 'failed' or redis.call('HGET', record_key(job), 'status')) or nil
  local told = { batch = batch, job = job, state = state, at = now, url = spec.callback.url, tenant = spec.tenant,
    metadata = spec.metadata, result_uri = result or nil,
    failure = failure and cjson.decode(failure) or nil }
  redis.call('HSET', record_key(id), 'spec', cjson.encode(told),
    'rank', now, 'created', now, 'attempts', 0, 'losses', 0, 'lane', tenant)
  stand_in_line(id, 'deliver', now, now)
end

-- End a record. `fields` is a flat list of what else the record is to say.
local function close(id, state, now, fields)
  local record = record_key(id)
  local queue, callback = unpack(redis.call('HMGET', record, 'queue', 'callback'))
  leave_queue(id, queue)
  redis.call('HSET', record, 'state', state, 'updated', now, 'closed', now, unpack(fields))
  redis.call('HDEL', record, 'token', 'due', 'cancel')
  if state == 'dead' then join_the_dead(id, now) else redis.call('ZADD', ENDED, now, id) end
  redis.call('HINCRBY', CLOSED, string.match(id, '^%l+') .. ':' .. state, 1)
  count_job(id, state, now)
  let_go_of_file(id)
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
  come_back(id, queue)
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
