// What a run does when there is no room: the ballast is for what must go on (the way back, an operator's rollback,
// recovery, cleaning up, what has to be recorded), never for going forward. And when the engine's disk takes no writes.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "orchestration/run/executor.hpp"

namespace orchestration {

/// ENOSPC or EDQUOT of a file of ours or of the records, or the engine's words for them. The engine (20.10) says
/// 500 "…: no space left on device" with the path before it, and the same inside the stream of a pull.
bool is_for_want_of_room(const std::exception& error);

/// The file on the engine's disk; empty when that is not on this host, or its data root is not ours to look into.
docker::task<std::filesystem::path> ballast_place_of(engine& e);
/// Adds that place. Asks the engine.
docker::task<> place_ballast(workspace& w);

/// Deletes ballast and says so as a warning; `because`: one line. False: there is none left.
bool release_ballast(workspace& w, const std::string& because);
/// The same beforehand, where so little is free that the engine would stop half-way.
void release_ballast_when_full(workspace& w);
/// Makes what is missing where there is room again. Each that stays missing is a warning, and comes back as one.
std::vector<std::string> refill_ballast(workspace& w);

/// While it lives, records that find no room are written with the ballast's.
class ballast_for_records {
 public:
  explicit ballast_for_records(workspace& w);
  ballast_for_records(const ballast_for_records&) = delete;
  ~ballast_for_records();

 private:
  workspace& workspace_;
};

/// Does it again as long as there is no room for it and ballast to release. What it throws at last is thrown here.
template <class Act>
void with_ballast(workspace& w, Act act) {
  for (;;) {
    try {
      return act();
    } catch (const std::exception& error) {
      if (!is_for_want_of_room(error) || !release_ballast(w, error.what())) throw;
    }
  }
}

/// What has to be freed where before the operation can be done: "about 20 MiB in /x, where 0 MiB are free". Never
/// throws.
std::string room_for(const workspace& w, const action& a);
/// The same for the least that the engine needs. Asks it where its disk is.
docker::task<std::string> room_for_engine(workspace& w);

/// The engine's data root when its disk is on this host and takes no writes any more: nothing can be brought back
/// before that is mended, and everything afterwards. Empty: it does; or nobody knows, since there is no ballast there
/// to show that it is for this process to write to. Where one disk holds the records too, these say it.
docker::task<std::string> dead_disk_of(engine& e);

}  // namespace orchestration
