-- What the transactional path keeps, the same in every service's database: inbox, aggregates,
-- outbox with its leases, published events, dead letters. A service's own tables follow in
-- migrations/<service>/. Files are numbered in one series across both folders and never change once
-- released.
--
-- Texts that lists are ordered by are COLLATE "C": the order of their bytes, whatever the locale of
-- the database, and the order in which locks are taken. What is kept as evidence is `json`, which
-- keeps every byte; what people search is `jsonb`.

-- What was received, so that a duplicate is dropped. Pruned by the message's own time.
CREATE TABLE inbox (
    consumer   text        NOT NULL,
    message_id uuid        NOT NULL,
    time       timestamptz NOT NULL,
    PRIMARY KEY (message_id, consumer)
);
-- Rows lie almost in the order of their times, and such an index costs next to nothing to keep.
CREATE INDEX inbox_by_time ON inbox USING brin (time) WITH (pages_per_range = 32);

-- Aggregates, saved whole; the columns beside the body are those that people search by. A row of
-- version 0 keeps the place of an aggregate that is about to be made, so that it can be locked; it
-- is never committed.
CREATE TABLE aggregate (
    kind       text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    version    bigint           NOT NULL,
    messages   bigint           NOT NULL,
    state      text COLLATE "C" NOT NULL,
    owner      text COLLATE "C",
    wake_at    timestamptz,
    updated_at timestamptz      NOT NULL,
    body       jsonb            NOT NULL,
    PRIMARY KEY (kind, id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
-- Lists of one owner, one state after another.
CREATE INDEX aggregate_by_owner ON aggregate (kind, owner, state, id) WHERE owner IS NOT NULL;
-- The timers.
CREATE INDEX aggregate_due ON aggregate (wake_at) WHERE wake_at IS NOT NULL;

-- Messages to be sent. The primary key is the only index that an ordinary row is in.
CREATE TABLE outbox (
    bucket      smallint    NOT NULL,
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    key         text        NOT NULL,
    seq         bigint      NOT NULL,
    message_id  uuid        NOT NULL,
    exchange    text        NOT NULL,
    routing_key text        NOT NULL,
    headers     jsonb       NOT NULL DEFAULT '{}',
    payload     bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts    smallint    NOT NULL DEFAULT 0,
    not_before  timestamptz,
    last_error  text,
    PRIMARY KEY (bucket, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- Only rows that had to wait are in it: the keys that others must not overtake.
CREATE INDEX outbox_waiting ON outbox (bucket, not_before, key) WHERE not_before IS NOT NULL;

-- Which relay reads which bucket. The epoch grows with every change of hands.
CREATE TABLE outbox_lease (
    bucket     smallint    PRIMARY KEY,
    owner      uuid,
    epoch      bigint      NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20);
INSERT INTO outbox_lease (bucket) SELECT generate_series(0, 63);

-- Relays that are alive, each with the end of its heartbeat: buckets are shared among them.
CREATE TABLE outbox_relay (
    owner      uuid        PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

-- Messages that the broker does not take, until somebody sends them again.
CREATE TABLE outbox_parked (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bucket      smallint    NOT NULL,
    key         text        NOT NULL,
    seq         bigint      NOT NULL,
    message_id  uuid        NOT NULL,
    exchange    text        NOT NULL,
    routing_key text        NOT NULL,
    headers     jsonb       NOT NULL,
    payload     bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    attempts    smallint    NOT NULL,
    last_error  text        NOT NULL,
    parked_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Every public event, for rebuilding read models and for the audit. Never deleted.
CREATE TABLE published_event (
    id       bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text             NOT NULL,
    subject  text COLLATE "C" NOT NULL,
    sequence bigint           NOT NULL,
    payload  json             NOT NULL
);
CREATE INDEX published_event_by_subject ON published_event (subject);

-- Messages that cannot be processed, byte for byte. Headers are text, so that whatever came can be
-- kept.
CREATE TABLE dead_letter (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer   text        NOT NULL,
    message_id uuid,
    bytes      bytea       NOT NULL,
    headers    text        NOT NULL,
    error      text        NOT NULL,
    attempts   bigint      NOT NULL,
    at         timestamptz NOT NULL
);
