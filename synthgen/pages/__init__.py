"""Pages for people: each is one HTML file, with no active content and nothing to fetch."""
