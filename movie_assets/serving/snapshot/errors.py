"""What can be wrong with a snapshot. The message says what to do."""


class SnapshotError(Exception):
    """A snapshot is missing, damaged or of another format, or cannot be written."""
