-- An attempt ends its record, with or without success.
-- KEYS  1 the record
-- ARGV  1 id, 2 token, 3 state, 4 entry for the history (JSON) or '',
--       then field and value of what else the record is to say
-- Gives 'held' when done, 'settled' when done before, 'lost' when nothing was changed
-- Caller: ledger/ledger.py Ledger.finish

local id, token, state, entry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local verdict = lease_of(id, token)
if verdict ~= 'held' then return verdict end

local now = now_ms()
settle(id, redis.call('HGET', KEYS[1], 'queue'), token)
if entry ~= '' then remember(id, entry) end
judge(id, state == 'succeeded', now)
close(id, state, now, { unpack(ARGV, 5) })
open_review(id, now)
return verdict
