-- Functions that the transitions share: deliveries, leases, history, closing.

-- Return the failure code of a dead letter; closing one without a reason is a defect.
local function code_of(id)
  local failure = redis.call('HGET', record_key(id), 'failure')
  return failure and cjson.decode(failure).code or 'worker.error'
end

-- Return the URI of a dead job's document, if the job died because there was no object.
local function awaited_by(id)
  if string.sub(id, 1, 4) ~= 'job_' or code_of(id) ~= 'document.missing' then return nil end
  return cjson.decode(redis.call('HGET', record_key(id), 'spec')).document.uri
end

local function join_the_dead(id, now)
  redis.call('ZADD', DEAD, now, id)
  redis.call('HINCRBY', DEAD_CODES, code_of(id), 1)
  local uri = awaited_by(id)
  if uri then redis.call('HSET', awaited_key(tenant_of(lane_of(id))), uri, id) end
end

local function leave_the_dead(id)
  if redis.call('ZREM', DEAD, id) == 0 then return end
  local uri, awaited = awaited_by(id), awaited_key(tenant_of(lane_of(id)))
  if uri and redis.call('HGET', awaited, uri) == id then redis.call('HDEL', awaited, uri) end
  local code = code_of(id)
  if redis.call('HINCRBY', DEAD_CODES, code, -1) == 0 then
    redis.call('HDEL', DEAD_CODES, code)
  end
end

-- Count a new record.
local function count_opened(id) redis.call('HINCRBY', OPENED, string.match(id, '^%l+'), 1) end

-- Remember which deliveries tell of a job, so that they can go with it.
local function note_told(job, delivery)
  local told = redis.call('HGET', record_key(job), 'told')
  if told and string.find(' ' .. told .. ' ', ' ' .. delivery .. ' ', 1, true) then return end
  redis.call('HSET', record_key(job), 'told', (told and told .. ' ' or '') .. delivery)
end

-- Write a delivery and its place in line.
local function open_delivery(id, told, now)
  -- The first delivery of a forgotten job that came again and ended as before may still exist.
  leave_queue(id, DELIVER)
  make_way(id, now)
  leave_the_dead(id)
  redis.call('ZREM', ENDED, id)
  delete_record(id)
  redis.call('HSET', record_key(id), 'spec', cjson.encode(told), 'rank', now, 'created', now,
    'attempts', 0, 'losses', 0, 'lane', told.tenant,
    'receiver', told.endpoint or told.tenant .. '@' .. string.match(told.url, '^%a+://[^/?#]+'))
  redis.call('ZADD', deliveries_of_key(told.tenant), now, id)
  if told.endpoint then redis.call('ZADD', deliveries_key(told.endpoint), now, id) end
  count_opened(id)
  stand_in_line(id, DELIVER, now, now)
  weigh(id)
end

-- Return a tenant's enabled endpoints that want an event: each with its id, url and payload.
local function wanted_by(tenant, event)
  local wanted = {}
  for _, id in ipairs(redis.call('SMEMBERS', endpoints_key(tenant))) do
    local state, events, url, payload = unpack(
      redis.call('HMGET', endpoint_key(id), 'state', 'events', 'url', 'payload'))
    local asked = events == '' or string.find(' ' .. events .. ' ', ' ' .. event .. ' ', 1, true)
    if state == 'enabled' and asked then
      table.insert(wanted, { id = id, url = url, payload = payload })
    end
  end
  return wanted
end

-- Return a job's document for events. Its version is the store's own: an id, or the ETag.
local function document_of(spec, prepared)
  local document = spec.document
  return { uri = document.uri, version = document.version_id or document.etag,
    sha256 = prepared and cjson.decode(prepared).sha256 or nil, metadata = document.metadata }
end

-- Those that are told of an event: the job's own callback, and each endpoint that wants it.
local function receivers_of(job, spec, event)
  local receivers = wanted_by(tenant_of(lane_of(job)), event)
  if redis.call('HEXISTS', record_key(job), 'callback') == 1 then
    table.insert(receivers, 1, { url = spec.callback.url, payload = spec.callback.payload,
      of_fleet = spec.callback.of_fleet })
  end
  return receivers
end

-- Open a delivery for each receiver; `told` is what all of them are told.
local function tell(job, receivers, id, told, now)
  if #receivers == 0 then return end
  told.sequence = redis.call('HINCRBY', record_key(job), 'sequence', 1)
  for _, receiver in ipairs(receivers) do
    told.url, told.payload, told.endpoint = receiver.url, receiver.payload, receiver.id
    told.of_fleet = receiver.of_fleet
    local delivery = receiver.id and id .. '_' .. string.sub(receiver.id, 4) or id
    open_delivery(delivery, told, now)
    note_told(job, delivery)
  end
  weigh(job)
end

-- Write the deliveries about a job's end, with its present facts: one to its own callback, and one
-- to each endpoint that wants it. Their ids derive from the job, the state, the redrive and the
-- endpoint.
local function tell_of_end(job, state, now)
  local text, result, failure, redrives, prepared, review = unpack(redis.call('HMGET',
    record_key(job), 'spec', 'result', 'failure', 'redrives', 'prepared', 'review'))
  local spec = cjson.decode(text)
  local ended = state == 'dead' and 'failed' or state
  local batch = string.match(job, '^batch_')
  local event = 'job.' .. ended
  if batch then
    event = 'batch.' .. (state == 'dead' and ended or redis.call('HGET', record_key(job), 'status'))
  end
  local id = 'msg_' .. string.gsub(job, '^job_', '') .. '_' .. state
  if redrives then id = id .. '_r' .. redrives end
  tell(job, receivers_of(job, spec, event), id, { job = job, state = state, at = now,
    tenant = tenant_of(lane_of(job)), event = batch and event or nil, metadata = spec.metadata,
    document = not batch and document_of(spec, prepared) or nil, result_uri = result or nil,
    needs_review = review and cjson.decode(review) or nil,
    failure = failure and cjson.decode(failure) or nil }, now)
end

-- The deliveries that tell of a completed review.
local function tell_of_review(job, outcome, now)
  local text, state, result, redrives, prepared, reviewer, correction = unpack(redis.call('HMGET',
    record_key(job), 'spec', 'state', 'result', 'redrives', 'prepared', 'reviewer', 'correction'))
  local spec = cjson.decode(text)
  local id = 'msg_' .. string.gsub(job, '^job_', '') .. '_reviewed'
  if redrives then id = id .. '_r' .. redrives end
  tell(job, receivers_of(job, spec, 'review.completed'), id, { job = job, state = state, at = now,
    tenant = tenant_of(lane_of(job)), event = 'review.completed', metadata = spec.metadata,
    document = document_of(spec, prepared), result_uri = result or nil,
    review = { outcome = outcome, reviewer = reviewer, correction_uri = correction or nil } }, now)
end

-- End a record. `fields` is a flat list of further fields of the record.
local function close(id, state, now, fields)
  local record = record_key(id)
  local queue = redis.call('HGET', record, 'queue')
  leave_queue(id, queue)
  make_way(id, now)
  redis.call('HSET', record, 'state', state, 'updated', now, 'closed', now, unpack(fields))
  redis.call('HDEL', record, 'token', 'due', 'cancel')
  weigh(id)
  if state == 'dead' then join_the_dead(id, now) else redis.call('ZADD', ENDED, now, id) end
  redis.call('HINCRBY', CLOSED, string.match(id, '^%l+') .. ':' .. state, 1)
  count_job(id, state, now)
  let_go_of_file(id)
  -- A batch reports the end of its jobs.
  local is_line = redis.call('HEXISTS', record, 'batch') == 1
  if string.match(id, '^batch_') or string.match(id, '^job_') and not is_line then
    tell_of_end(id, state, now)
  end
  fill(queue, now)
end

-- Return 'held' when `token` holds the record's lease, or else the reason why not. 'settled' means
-- that this token has already ended its attempt: the write was repeated.
local function lease_of(id, token)
  local state, holder, settled = unpack(
    redis.call('HMGET', record_key(id), 'state', 'token', 'settled'))
  if state == 'running' and holder == token then return 'held' end
  if settled == token then return 'settled' end
  return 'lost'
end

-- End the lease, and remember its token.
local function settle(id, queue, token)
  come_back(id, queue)
  redis.call('HSET', record_key(id), 'settled', token)
  redis.call('HDEL', record_key(id), 'token')
end

local HISTORY_LENGTH = 50

local function remember(id, entry)
  redis.call('RPUSH', history_key(id), entry)
  redis.call('LTRIM', history_key(id), -HISTORY_LENGTH, -1)
  weigh(id)
end

-- Tell whether the owner cancelled a record while it ran; the record then ends here.
local function ends_cancelled(id, now)
  if not redis.call('HGET', record_key(id), 'cancel') then return false end
  close(id, 'cancelled', now, {})
  return true
end
