// The way back when somebody removed what was set aside for it (`docker container prune`, `docker system prune -af
// --volumes`): containers are made anew from the record of the release that ran before, images are pulled again by
// digest, volumes are made and filled from the snapshot.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

struct mend_options {
  mend_options() = default;
  std::string store_id;
  std::set<std::string> local_images;  // ids that are on the engine
  std::string snapshot_id;             // of the data as it was when the old version stopped; empty: there is none
  std::set<std::string> archived;      // real names of the volumes in it
  /// The old version may have written again since its data was put back: then only volumes that are gone are filled.
  bool data_is_back = false;
};

/// The same undo with what is gone made anew; its text is the undo's when nothing is. Safe to execute from the cut-over
/// on in any state of the way back. plan_error names what cannot be made: a volume without a snapshot, a container that
/// the release does not know.
plan mend_undo(const plan& undo, const release& before, const observed_state& observed, const mend_options& options);

/// Ids of the containers that the undo counts on, and subjects of those that a mended one makes.
struct undo_targets {
  std::set<std::string> ids;
  std::set<std::string> made_anew;
};
undo_targets targets_of_undo(const plan& undo);

}  // namespace orchestration
