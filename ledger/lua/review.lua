-- Reviews: a result with reasons for one is looked at by a person. A review is a part of its job's
-- record; an index a tenant lists them.

local function is_reviewed(state) return state == 'accepted' or state == 'corrected' end

-- A job ends with reasons for a review.
local function open_review(id, now)
  if redis.call('HEXISTS', record_key(id), 'review') == 0 then return end
  redis.call('HSET', record_key(id), 'review_state', 'open', 'review_opened', now)
  redis.call('ZADD', reviews_key(tenant_of(lane_of(id))), now, id)
  weigh(id)
end

-- A result goes, and its review with it.
local function end_review(id)
  if redis.call('ZREM', reviews_key(tenant_of(lane_of(id))), id) == 0 then return end
  redis.call('HDEL', record_key(id), 'review', 'review_state', 'review_opened', 'reviewer',
    'review_until', 'review_closed', 'review_nonce', 'correction')
end

-- Whether a reviewer may write: {'free', state}; or {'unknown', ''}, {'closed', state},
-- {'taken', by whom}.
local function review_for(id, reviewer, now)
  local state, holder, until_ms = unpack(
    redis.call('HMGET', record_key(id), 'review_state', 'reviewer', 'review_until'))
  if not state then return { 'unknown', '' } end
  if is_reviewed(state) then return { 'closed', state } end
  if state == 'taken' and holder ~= reviewer and tonumber(until_ms) > now then
    return { 'taken', holder }
  end
  return { 'free', state }
end

-- Close a review, and tell of it. `fields` is a flat list of what else the record is to say.
local function complete_review(id, reviewer, state, nonce, fields)
  local now = now_ms()
  -- A client that lost the reply asks again.
  if redis.call('HGET', record_key(id), 'review_nonce') == nonce then return { 'done', state } end
  local verdict = review_for(id, reviewer, now)
  if verdict[1] ~= 'free' then return verdict end
  redis.call('HSET', record_key(id), 'review_state', state, 'reviewer', reviewer,
    'review_closed', now, 'review_nonce', nonce, unpack(fields))
  redis.call('HDEL', record_key(id), 'review_until')
  weigh(id)
  tell_of_review(id, state, now)
  return { 'done', state }
end
