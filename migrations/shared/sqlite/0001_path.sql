-- What the transactional path keeps, the same in every service's database: inbox, aggregates,
-- outbox, published events, dead letters. A service's own tables follow in migrations/<service>/.
-- Files are numbered in one series across both folders and never change once released.
--
-- Times are milliseconds since 1970. Message ids are 16 bytes; other UUIDs are text, because people
-- search them by their beginning. Tables keep their rowid, so that rows written one after another
-- lie side by side whatever their keys. STRICT, so that a wrong type is refused and not kept.

-- What was received, so that a duplicate is dropped. Pruned by the message's own time.
CREATE TABLE inbox (
    consumer   TEXT    NOT NULL,
    message_id BLOB    NOT NULL,
    time       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX inbox_once ON inbox (message_id, consumer);
CREATE INDEX inbox_by_time ON inbox (time);

-- Aggregates, saved whole; the columns beside the body are those that people search by.
CREATE TABLE aggregate (
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    messages   INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    owner      TEXT,
    wake_at    INTEGER,
    updated_at INTEGER NOT NULL,
    body       TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX aggregate_once ON aggregate (kind, id);
-- Lists of one owner, one state after another.
CREATE INDEX aggregate_by_owner ON aggregate (kind, owner, state, id) WHERE owner IS NOT NULL;
-- The timers.
CREATE INDEX aggregate_due ON aggregate (wake_at) WHERE wake_at IS NOT NULL;

-- Messages to be sent. AUTOINCREMENT: a plain rowid is used again once the table is empty, and the
-- relay would take a new row for one that it has sent.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket      INTEGER NOT NULL,
    key         TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    message_id  BLOB    NOT NULL,
    exchange    TEXT    NOT NULL,
    routing_key TEXT    NOT NULL,
    payload     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
-- A key that had to wait is read again by itself, however long the backlog of the others is.
CREATE INDEX outbox_by_key ON outbox (key);

-- Every public event, for rebuilding read models and for the audit. Never deleted.
CREATE TABLE published_event (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    payload  TEXT    NOT NULL
) STRICT;
CREATE INDEX published_event_by_subject ON published_event (subject);

-- Messages that cannot be processed, byte for byte.
CREATE TABLE dead_letter (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    consumer   TEXT    NOT NULL,
    message_id BLOB,
    bytes      BLOB    NOT NULL,
    headers    TEXT    NOT NULL,
    error      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
