"""Reports for CI, pull requests and readers: one document, and one writer for each format."""
