-- What only the orchestrator keeps: the history that a saga's state is the fold of, and a row for
-- each saga to search by. Numbered in one series with migrations/shared/.

-- Append-only.
CREATE TABLE history (
    stream  uuid        NOT NULL,
    version bigint      NOT NULL,
    at      timestamptz NOT NULL,
    body    json        NOT NULL,
    PRIMARY KEY (stream, version)
);

-- Lists go by saga id, the newest first. Every index ends with it, so that a list is read in order
-- and stops at its limit, however many sagas have ended.
CREATE TABLE saga (
    saga_id            uuid             PRIMARY KEY,
    order_id           text COLLATE "C" NOT NULL,
    definition         text             NOT NULL,
    definition_version bigint           NOT NULL,
    version            bigint           NOT NULL,
    status             text COLLATE "C" NOT NULL,
    waiting_on         text COLLATE "C",
    waiting_since      timestamptz,
    next_attempt_at    timestamptz,
    stalled            boolean          NOT NULL,
    customer_id        text COLLATE "C" NOT NULL,
    store_id           text COLLATE "C" NOT NULL,
    started_at         timestamptz      NOT NULL,
    updated_at         timestamptz      NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX saga_by_order ON saga (order_id);
CREATE INDEX saga_by_status ON saga (status, saga_id);
CREATE INDEX saga_by_step ON saga (waiting_on, saga_id) WHERE waiting_on IS NOT NULL;
CREATE INDEX saga_by_customer ON saga (customer_id, saga_id);
CREATE INDEX saga_by_store ON saga (store_id, saga_id);
CREATE INDEX saga_stalled ON saga (saga_id) WHERE stalled;
CREATE INDEX saga_by_start ON saga (started_at);
