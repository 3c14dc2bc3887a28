-- A reviewer finds a result right as it is.
-- KEYS  1 the record
-- ARGV  1 id, 2 reviewer, 3 a nonce of the caller
-- Gives {'done', state}, or what review_for gives
-- Caller: ledger/reviews.py ReviewRecords.accept

return complete_review(ARGV[1], ARGV[2], 'accepted', ARGV[3], {})
