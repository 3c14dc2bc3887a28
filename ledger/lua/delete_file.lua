-- A file's owner deletes it: it is gone at once, and a worker deletes its object later.
-- KEYS  1 the record
-- ARGV  1 id
-- Gives 'deleted', or 'unknown' when there is none, or none any more
-- Caller: ledger/openai/files.py Files.delete

local id = ARGV[1]
local state, deleted, closed = unpack(redis.call('HMGET', KEYS[1], 'state', 'deleted', 'closed'))
if not state or deleted or closed then return 'unknown' end
redis.call('HSET', KEYS[1], 'deleted', 1)
unlist(id)
call_in(id, now_ms())
return 'deleted'
