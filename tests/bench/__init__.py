"""What a delivered packet and a join cost; see docs/explanation/performance.md."""
