-- Take the lease on a record whose message has come.
-- KEYS  1 the record
-- ARGV  1 id, 2 token (a nonce of the claimer), 3 worker, 4 lease in milliseconds,
--       5 the queue that the message came from, or '' for any
-- Gives {'claimed', now, fields of the record...} or {'refused', why}; of a worker that is 'closed'
--       the message goes back, for another
-- Caller: ledger/ledger.py Ledger.claim

local id, token, worker, lease = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local function claimed(now)
  return { 'claimed', now, unpack(redis.call('HGETALL', KEYS[1])) }
end

local state, queue, holder, since, called = unpack(
  redis.call('HMGET', KEYS[1], 'state', 'queue', 'token', 'updated', 'called'))
if not state then return { 'refused', 'unknown' } end
local now = now_ms()
if state == 'running' and holder == token then return claimed(now) end
if state ~= 'queued' then return { 'refused', state } end
-- A message of an earlier stage must not run the record at that stage again.
if ARGV[5] ~= '' and ARGV[5] ~= queue then return { 'refused', 'elsewhere' } end
if called == worker then uncall(id)
else
  -- A message from before the record was in line must not carry it past the line.
  if not redis.call('ZSCORE', dispatched_key(queue), id) then return { 'refused', 'in line' } end
  if is_closed(worker) then
    send_back(id, queue, now)
    return { 'refused', 'closed' }
  end
  redis.call('ZREM', dispatched_key(queue), id)
end

redis.call('ZADD', leased_key(queue), now + lease, id)
redis.call('ZADD', held_key(worker), company_of(id), id)
redis.call('ZADD', WORKERS, 'GT', now + lease, worker)
redis.call('HSET', KEYS[1], 'state', 'running', 'token', token, 'worker', worker, 'updated', now,
  'waited', now - since)
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
return claimed(now)
