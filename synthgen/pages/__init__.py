"""Pages for people: each one HTML file, with nothing active in it and nothing fetched."""
