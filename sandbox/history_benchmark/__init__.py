"""How fast the history answers, before and after compaction, and how much it reads for it.

Real temperatures (Seattle and San Francisco by the hour, 2010) are replayed as a thousand stations over
a year; and ten thousand stations fill one day with 14.4 million rows. Questions are events of the
gateway to the function's own handler, with QuantumLeap's parameters; it finds files and ledger in an
emulated S3 and DynamoDB, a process beside it.

The files of the year are written in bulk, in the layout that compaction leaves. Its last week is
left as the recorder leaves it, measured, compacted by the product itself, and measured again.
"""
