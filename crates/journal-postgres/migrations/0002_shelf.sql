-- Small things that all orchestrators of the journal have alike.
CREATE TABLE IF NOT EXISTS segue.shelf (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);
