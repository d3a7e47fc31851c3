"""What moved since earlier versions of a set, by the audits of these."""
