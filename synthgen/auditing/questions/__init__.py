"""What regulators and users of a dataset ask about it: answered where the audit knows, open where it does not."""
