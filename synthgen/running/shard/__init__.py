"""One shard, from claim to commit."""
