// The lock that the engine holds: a container with a fixed name, created and never started. The kernel lock on the
// state directory keeps two runs of one machine apart; this one keeps two state directories apart that share an engine.
// Container names are the only atomic test-and-set that an engine has: of 30 creates at once one wins, 29 get 409
// (20.10; networks and volumes of one name are all "created").
//
// While it is there it also keeps the old image and the project's volumes from `docker image prune -a` and
// `docker volume prune`, for which a created container counts as a user.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestration/run/executor.hpp"

namespace orchestration {

/// What the guard says about its holder; its labels are foreign text.
struct guard_info {
  guard_info() = default;
  std::string id;  // of the container
  std::string op;  // what `dockupd unlock` wants typed
  std::string store;
  std::string project;
  std::string who;   // user
  std::string host;  // where the run goes on
  std::string since;
  std::string what;   // "update --tag v2"
  std::string image;  // that it was made from, as it was named
};

/// "update --tag v2 by maria on web1 since 2026-11-21T10:55:01Z"; parts that are unknown are left out.
std::string to_text(const guard_info& guard);

/// "dockupd-guard.shop".
std::string guard_name(const std::string& project);

struct guard_request {
  guard_request() = default;
  std::string project;
  std::string op;
  std::string who;  // "maria@web1"
  std::string what;
  std::set<std::string> volumes_to_leave;  // which the run makes itself, and has to be able to remove
  full_disk at_full = full_disk::gives_up;
  std::chrono::milliseconds wait{0};  // for another's run to end, by boot_time(); an interruption ends it too
};

struct held_guard {
  held_guard() = default;
  guard_info guard;
  enum class found { made, adopted } how = found::made;  // adopted: of a run of this state directory that died
};

/// Whose guard the project has now; nullopt: there is none. docker::error.
docker::task<std::optional<guard_info>> find_guard(engine& e, std::string project);

/// Takes it, or adopts what a dead run of the same state directory left: the caller has the kernel lock, so no live one
/// can have it. refusal(held), when another state directory has it: that one is never removed from here. docker::error,
/// when the engine makes none; its name is free then.
docker::task<held_guard> take_guard(workspace& w, guard_request request);

/// Removes that very container, and the image that was made for it. Gone already: fine. docker::error.
docker::task<> remove_guard(engine& e, guard_info guard);

enum class swept { clean, held_by_another };
/// Removes what a dead run of this state directory left, with no run to go on with. A foreign one stays: somebody else
/// is at work. docker::error.
docker::task<swept> sweep_guard(workspace& w, std::string project);

/// Ids of the project's containers that another state directory made: when new ones appear, somebody else has acted.
docker::task<std::vector<std::string>> made_by_others(workspace& w, std::string project);

}  // namespace orchestration
