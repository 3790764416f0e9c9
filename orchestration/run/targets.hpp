// What a rollback goes back to: the release, and whose data.
#pragma once

#include <optional>
#include <string>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/release/store.hpp"
#include "orchestration/run/ending.hpp"
#include "orchestration/snapshot/snapshot_store.hpp"

namespace orchestration {

enum class data_choice { as_policy, restore, keep };

/// Whether what runs is what the release says: the same services and numbers, images and config hashes.
bool describes(const release& r, const observed_state& observed);

/// Whether there is a container for every service and number of the release.
bool covers(const observed_state& observed, const release& r);

/// Whether every container is as it should be at this one look: running and not unhealthy, or at rest without an error.
bool runs_well(const observed_state& observed);

/// Whether the last attempt ended without a proven release: then nobody knows what runs, and whose data is there.
bool needs_a_person(const store& records);

/// On another engine nothing of the project is found, and what bears its names is not its own: refusal when the last
/// attempt was made on another one than this.
void refuse_another_engine(const store& records, const std::string& engine_id, ending how);

/// What ran before `present`, newest first, by what each release was updated from: after a rollback over several, those
/// in between are not among them. Where that is not recorded, the next lower number.
std::vector<release> came_from(const store& records, const release& present);

/// The release asked for; or the last verified one that the present came_from(), or the present one itself while it
/// needs_a_person(). refusal when there is none.
release choose_target(const store& records, std::optional<int> asked);

/// The newest verified snapshot of the release's data; nullopt: there is none.
std::optional<snapshot_row> newest_snapshot_of(const store& records, int release_number);

/// From now on manifests that are not the recorded ones are refused, by all that reads them.
void expect_recorded(snapshot_store& snapshots, const store& records);

/// Snapshot to restore for going from `present` to `target`; empty: the data stays. By policy the data stays when no
/// migration ran in between and no failed attempt may have written to it; otherwise refusal spells out both command
/// lines and what each would lose.
std::string choose_data(const store& records, const release& target, const release& present, data_choice choice);

/// Containers of release `from` whose image release `to` does not run; none when `from` is not the later one.
std::vector<released_container> left_behind(const store& records, int from, int to);

}  // namespace orchestration
