-- What only the orchestrator keeps: the history that a saga's state is the fold of, and a row for
-- each saga to search by. Numbered in one series with migrations/shared/.

-- Append-only.
CREATE TABLE history (
    stream  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX history_once ON history (stream, version);

-- Lists go by saga id, the newest first. Every index ends with it, so that a list is read in order
-- and stops at its limit, however many sagas have ended.
CREATE TABLE saga (
    saga_id            TEXT    NOT NULL,
    order_id           TEXT    NOT NULL,
    definition         TEXT    NOT NULL,
    definition_version INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    status             TEXT    NOT NULL,
    waiting_on         TEXT,
    waiting_since      INTEGER,
    next_attempt_at    INTEGER,
    stalled            INTEGER NOT NULL,
    customer_id        TEXT    NOT NULL,
    store_id           TEXT    NOT NULL,
    started_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX saga_once ON saga (saga_id);
CREATE INDEX saga_by_order ON saga (order_id);
CREATE INDEX saga_by_status ON saga (status, saga_id);
CREATE INDEX saga_by_step ON saga (waiting_on, saga_id) WHERE waiting_on IS NOT NULL;
CREATE INDEX saga_by_customer ON saga (customer_id, saga_id);
CREATE INDEX saga_by_store ON saga (store_id, saga_id);
CREATE INDEX saga_stalled ON saga (saga_id) WHERE stalled = 1;
CREATE INDEX saga_by_start ON saga (started_at);
