"""How fast the history answers, before and after compaction, and how much it reads for it.

Real temperatures (Seattle and San Francisco by the hour, 2010) are replayed as a thousand stations over
a year; and ten thousand stations fill one day with 14.4 million rows. What is measured is the planner
in this process, warm: choosing files, SQL, DuckDB, decoding; the files are on this machine's disk and the ledger
in memory. On AWS a query adds two or three reads of DynamoDB and the latency of S3.
"""
