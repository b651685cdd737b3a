-- One row: who may append, and where the journal ends. Every group of appends updates it, so its page must have room for
-- many versions of the row: they are then cleared away without a vacuum.
CREATE TABLE segue.head (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch   bigint NOT NULL DEFAULT 0,
    holder  uuid,
    url     text,
    until   timestamptz,
    last    bigint NOT NULL DEFAULT 0,
    dropped bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO segue.head DEFAULT VALUES;

-- The index over the jobs. What changes with every batch is in no index, and a page has room for the next version of a
-- row: most updates touch nothing but the page. `wake` is the deadline rounded down to 65,536 ms, so that a deadline that
-- moves a little does not touch its index; `ended` is `updated` of a job that is over.
CREATE TABLE segue.jobs (
    job      uuid PRIMARY KEY,
    events   bigint NOT NULL,
    position bigint NOT NULL,
    created  bigint NOT NULL,
    updated  bigint NOT NULL,
    deadline bigint,
    wake     bigint,
    ended    bigint,
    priority smallint NOT NULL,
    live     boolean NOT NULL,
    pipeline text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    state    text COLLATE "C" NOT NULL,
    summary  bytea NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX jobs_by_age ON segue.jobs (created DESC, job);
CREATE INDEX jobs_by_key ON segue.jobs (key, pipeline, created DESC);
CREATE INDEX jobs_live ON segue.jobs (job) WHERE live;
CREATE INDEX jobs_due ON segue.jobs (wake) WHERE live AND wake IS NOT NULL;
CREATE INDEX jobs_ended ON segue.jobs (ended) WHERE ended IS NOT NULL;

-- What happened: only ever added to, and deleted with its job.
CREATE TABLE segue.events (
    job      uuid NOT NULL,
    seq      bigint NOT NULL,
    position bigint NOT NULL,
    event    bytea NOT NULL,
    PRIMARY KEY (job, seq)
);
CREATE INDEX events_by_position ON segue.events (position, seq);

CREATE TABLE segue.snapshots (
    job    uuid PRIMARY KEY,
    events bigint NOT NULL,
    state  bytea NOT NULL
);

CREATE TABLE segue.definitions (
    hash bytea PRIMARY KEY,
    text text NOT NULL
);
