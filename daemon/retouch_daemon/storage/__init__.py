"""What the daemon keeps on disk: pictures by content, jobs and their events."""
