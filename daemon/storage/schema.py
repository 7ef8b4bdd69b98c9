"""Schema of the store, and how an older one becomes the present one (ST4)."""

APPLICATION_ID = 0x64726167  # "drag": tells our files from other SQLite databases

# One entry a version, applied in order inside one transaction; never edited once released.
# WITHOUT ROWID: quick_check doesn't compare an index with its table, so damage there would
# show only when rows are read (found by flipping bits); these tables have no index.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE process (
            id TEXT PRIMARY KEY NOT NULL,
            config TEXT NOT NULL,
            "order" TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        # process_id '' is the system's own; no foreign key, for '' has no process
        """CREATE TABLE metadata (
            process_id TEXT NOT NULL,
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (process_id, key)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE revocation (
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            expires_at REAL NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        # what was given out, never the token itself
        """CREATE TABLE viewer_token (
            process_id TEXT NOT NULL,
            id TEXT NOT NULL,
            created_by TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            max_viewers INTEGER NOT NULL,
            max_view_seconds INTEGER NOT NULL,
            PRIMARY KEY (process_id, id)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE user (
            name TEXT PRIMARY KEY NOT NULL,
            role TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            epoch TEXT NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE signing_key (
            kid TEXT PRIMARY KEY NOT NULL,
            key BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            verifies_until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
    ),
)

VERSION = len(MIGRATIONS)
TABLES = frozenset(
    {"process", "metadata", "revocation", "viewer_token", "user", "signing_key"}
)  # of that version
