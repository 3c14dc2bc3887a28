-- A tenant's share of the ledger: the bytes of its records count until they are forgotten.

-- Bytes beside a record and its history: its places in the sorted sets, its receiver's state, its
-- message.
local BESIDE = 400
-- Bytes of a new record, beside its spec.
local NEW_BYTES = 1000

-- Return the memory that Redis may use (its maxmemory, or the machine's) and the memory that it
-- uses.
local function read_memory()
  local memory = redis.call('INFO', 'memory')
  local function number(name) return tonumber(string.match(memory, '\n' .. name .. ':(%d+)')) end
  local limit = number('maxmemory')
  return limit > 0 and limit or number('total_system_memory'), number('used_memory'), limit
end

-- Return the bytes of a key with its content.
local function bytes_of(key) return redis.call('MEMORY', 'USAGE', key, 'SAMPLES', 0) or 0 end

local function count_bytes(tenant, more)
  if redis.call('HINCRBY', STORED, tenant, more) <= 0 then redis.call('HDEL', STORED, tenant) end
end

-- Count the present bytes of a key, and those beside it, in place of its former count.
local function weigh_key(key, tenant, beside)
  local before = redis.call('HGET', key, 'bytes') or 0
  local bytes = bytes_of(key) + beside
  redis.call('HSET', key, 'bytes', bytes)
  count_bytes(tenant, bytes - before)
end

local function weigh(id)
  weigh_key(record_key(id), tenant_of(lane_of(id)), bytes_of(history_key(id)) + BESIDE)
end

local function weigh_endpoint(id)
  local key = endpoint_key(id)
  weigh_key(key, redis.call('HGET', key, 'tenant'), BESIDE)
end

-- Delete a record, and stop counting it.
local function delete_record(id)
  local before = redis.call('HGET', record_key(id), 'bytes')
  if before then count_bytes(tenant_of(lane_of(id)), -before) end
  redis.call('DEL', record_key(id), history_key(id))
end

-- Return 'share', the tenant's bytes and its limit when a tenant would exceed the limit; else nil.
-- `most` is bytes; up to 1 it is a share of Redis' memory, and 0 means no bound.
local function over_share(tenant, most, more)
  if most == 0 then return nil end
  if most <= 1 then
    most = most * tonumber(redis.call('GET', MEMORY) or (read_memory()))
  end
  local stored = tonumber(redis.call('HGET', STORED, tenant) or 0)
  if stored + more <= most then return nil end
  return { 'share', stored, math.floor(most) }
end
