// The tables of state.db, as steps from one schema number (PRAGMA user_version) to the next. A step that was released
// is never edited again; what changes comes as a new step at the end.
#pragma once

#include <array>
#include <string_view>

namespace orchestration::schema {

/// PRAGMA application_id: "dckd" as big-endian bytes. file(1) and we tell our files by it.
inline constexpr int application_id = 0x64636b64;

/// Lowest schema number that a program has to know to read what the newest schema here writes. It follows `newest`
/// only when a step takes away or redefines something; added tables and columns leave it.
inline constexpr int min_reader = 1;

inline constexpr std::string_view step_to_1 = R"sql(
CREATE TABLE release (
  number   INTEGER PRIMARY KEY CHECK (number > 0),
  verdict  TEXT NOT NULL CHECK (verdict IN ('verified', 'unverified', 'rolled_back')),
  document TEXT NOT NULL            -- release.hpp as JSON; the verdict above is the one that counts
) STRICT;

CREATE TABLE meta (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  store_id        TEXT NOT NULL,
  min_reader      INTEGER NOT NULL,
  written_by      TEXT NOT NULL,    -- the version that last changed the schema
  current_release INTEGER REFERENCES release (number)
) STRICT;

CREATE TABLE attempt (
  sequence     INTEGER PRIMARY KEY, -- two ids of one second do not sort by time; this does
  id           TEXT NOT NULL UNIQUE,
  kind         TEXT NOT NULL,
  state        TEXT NOT NULL,
  dirty        INTEGER NOT NULL,
  from_release INTEGER NOT NULL,
  to_release   INTEGER NOT NULL,
  tag          TEXT NOT NULL,
  who          TEXT NOT NULL,
  why          TEXT NOT NULL,
  started_at   TEXT NOT NULL,
  ended_at     TEXT NOT NULL,       -- '': open
  reason       TEXT NOT NULL,
  recoveries   INTEGER NOT NULL,
  plan         TEXT NOT NULL,       -- JSON, as are undo and settings
  undo         TEXT NOT NULL,
  settings     TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_open_attempt ON attempt (ended_at) WHERE ended_at = '';

CREATE TABLE journal (
  sequence    INTEGER PRIMARY KEY,
  attempt_id  TEXT NOT NULL REFERENCES attempt (id),
  plan        TEXT NOT NULL CHECK (plan IN ('plan', 'undo')),
  number      INTEGER NOT NULL,
  intended_at TEXT NOT NULL,
  done_at     TEXT NOT NULL,        -- '': intended only
  detail      TEXT NOT NULL,        -- JSON
  UNIQUE (attempt_id, plan, number)
) STRICT;

CREATE TABLE snapshot (
  sequence    INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  of_release  INTEGER NOT NULL,
  attempt_id  TEXT NOT NULL,
  reason      TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  verified_at TEXT NOT NULL,        -- '': never
  bytes       INTEGER NOT NULL
) STRICT;

CREATE TABLE hold (
  sequence  INTEGER PRIMARY KEY,
  reference TEXT NOT NULL,
  digest    TEXT NOT NULL,
  reason    TEXT NOT NULL,
  since     TEXT NOT NULL,
  UNIQUE (reference, digest)
) STRICT;

CREATE TABLE space_reserve (filler BLOB NOT NULL) STRICT;
)sql";

// '': unknown, of a snapshot that an older version made.
inline constexpr std::string_view step_to_2 = R"sql(
ALTER TABLE snapshot ADD COLUMN manifest_sha256 TEXT NOT NULL DEFAULT '';
)sql";

inline constexpr std::array steps{step_to_1, step_to_2};
inline constexpr int newest = static_cast<int>(steps.size());
static_assert(min_reader >= 1 && min_reader <= newest);

}  // namespace orchestration::schema
