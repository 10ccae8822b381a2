"""Shuffles a table once and counts it again and again; then groups it, and writes what it found.

    job.py MODE FOLDER

After the first count it writes FOLDER/ready and goes on when FOLDER/go is there. Until then `wait` does
nothing, `work` keeps counting, and `straight` does not ask. Every count reads the same shuffle files.
"""

import json
import pathlib
import sys
import time

from pyspark.sql import SparkSession

ROWS = 2_000_000
KEYS = 1_009
PARTITIONS = 8
# Nobody may have said go: then the driver fails instead of waiting for ever.
LONGEST = 300

mode, folder = sys.argv[1], pathlib.Path(sys.argv[2])
spark = SparkSession.builder.getOrCreate()
table = spark.range(0, ROWS, 1, PARTITIONS)
table = table.selectExpr(f"id % {KEYS} as key", "id", "sha1(cast(id as string)) as digest")
table = table.repartition(PARTITIONS, "key")
# One RDD for all counts, in the JVM: its shuffle is written once.
rows = table._jdf.queryExecution().toRdd()

counts = [rows.count()]
(folder / "ready").touch()
began = time.monotonic()
while mode != "straight" and not (folder / "go").exists():
    if time.monotonic() - began > LONGEST:
        sys.exit("nobody said go")
    if mode == "work":
        counts.append(rows.count())
    else:
        time.sleep(0.1)
counts.append(rows.count())
groups = table.groupBy("key").agg({"*": "count", "id": "sum"}).toDF("key", "n", "ids")
found = groups.selectExpr("count(*) as groups", "sum(n) as rows", "sum(ids) as ids").first()
result = {"counts": counts, **found.asDict()}
(folder / "result.json").write_text(json.dumps(result))
spark.stop()
