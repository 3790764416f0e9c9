#include "orchestration/run/guard.hpp"

#include <algorithm>
#include <chrono>

#include <unistd.h>

#include "docker_client/error.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/ending.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/pause.hpp"

namespace orchestration {
namespace {

using docker::json;
using docker::task;

constexpr const char* role = "guard";
constexpr const char* empty_repository = "dockupd.local/guard:";

// Each time somebody else removed theirs between our create and our look at it, or a reply got lost.
constexpr int most_tries = 5;
// The engine refuses the name of a container that it is only about to make, and shows it to nobody yet.
constexpr int most_looks_for_a_name = 50;
constexpr std::chrono::milliseconds between_looks{100};

std::string empty_image_of(const std::string& project) {
  constexpr std::size_t longest_tag = 128;
  std::string tag = project.substr(0, longest_tag);
  tag.erase(0, std::min(tag.find_first_not_of(".-"), tag.size()));
  return empty_repository + tag;
}

std::string this_host() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return host;
}

guard_info info_from(const json& inspect) {
  const auto label = [&](const char* name) { return inspect.string_at({"Config", "Labels", name}); };
  guard_info out;
  out.id = inspect.string_at({"Id"});
  out.op = label("io.dockupd.op");
  out.store = label("io.dockupd.store");
  out.project = label("io.dockupd.project");
  out.who = label("io.dockupd.who");
  out.host = label("io.dockupd.host");
  out.since = label("io.dockupd.since");
  out.what = label("io.dockupd.what");
  out.image = inspect.string_at({"Config", "Image"});
  return out;
}

json labels_of(const guard_request& request, const std::string& store) {
  return json::object({{"io.dockupd.role", role},
                       {"io.dockupd.store", store},
                       {"io.dockupd.op", request.op},
                       {"io.dockupd.project", request.project},
                       {"io.dockupd.who", request.who.substr(0, request.who.find('@'))},
                       {"io.dockupd.host", this_host()},
                       {"io.dockupd.since", now_text()},
                       {"io.dockupd.what", request.what}});
}

// --- from what it is made ----------------------------------------------------------------------------------------

/// Containers of the project, those that run first: what runs is the old version.
task<std::vector<json>> containers_of(engine& e, std::string project) {
  std::vector<std::string> labels;
  labels.push_back("com.docker.compose.project=" + project);
  const auto list = [&] { return e.list_containers(labels); };
  auto listing = again_when_lost(list);
  std::vector<json> all = co_await std::move(listing);
  std::stable_partition(all.begin(), all.end(), [](const json& c) { return c.string_at({"State"}) == "running"; });
  co_return all;
}

bool has_compose_label(const json& image) {
  const json* labels = image.path({"Config", "Labels"});
  if (labels == nullptr || !labels->is_object()) return false;
  const auto& all = labels->object_members();
  return std::any_of(all.begin(), all.end(),
                     [](const auto& label) { return label.first.starts_with("com.docker.compose."); });
}

struct origin {
  origin() = default;
  std::string image;
  std::vector<std::string> places;  // of its VOLUME lines
};

/// An image of the project. Not one that compose built, whose labels would make the guard a container of the project;
/// then, or when there is none yet, an empty one.
task<origin> choose_origin(engine& e, const std::vector<json>& containers, const std::string& project) {
  origin out;
  std::set<std::string> seen;
  for (const json& container : containers) {
    std::string id = container.string_at({"ImageID"});
    if (id.empty() || !seen.insert(id).second) continue;
    const auto look = [&] { return e.inspect_image(id); };
    auto looking = again_when_lost(look);
    const std::optional<json> image = co_await std::move(looking);
    if (!image || has_compose_label(*image)) continue;
    out.image = id;
    if (const json* volumes = image->path({"Config", "Volumes"}); volumes != nullptr && volumes->is_object())
      for (const auto& [place, unused] : volumes->object_members()) out.places.push_back(place);
    co_return out;
  }
  out.image = empty_image_of(project);
  const std::optional<json> there = co_await e.inspect_image(out.image);
  if (!there) co_await e.import_empty_image(out.image);
  co_return out;
}

/// Mounts change nothing in a volume of a container that never starts: nocopy, or creating it would fill an empty one
/// from the image (measured, 20.10). In the place of each VOLUME line there is a tmpfs, so no anonymous volume is made.
json body_of(const origin& from, const std::vector<json>& containers, const guard_request& request, json labels) {
  std::set<std::string> volumes;
  for (const json& container : containers)
    if (const json* mounts = container.find("Mounts"); mounts != nullptr && mounts->is_array())
      for (const json& mount : mounts->elements())
        if (mount.string_at({"Type"}) == "volume") volumes.insert(mount.string_at({"Name"}));
  json binds = json::make_array();
  for (const std::string& name : volumes)
    if (!name.empty() && !request.volumes_to_leave.contains(name))
      binds.push_back(name + ":/.dockupd/" + std::to_string(binds.size()) + ":ro,nocopy");
  json mounts = json::make_array();
  for (const std::string& place : from.places) mounts.push_back(json::object({{"Type", "tmpfs"}, {"Target", place}}));
  json host = json::object({{"NetworkMode", "none"}, {"RestartPolicy", json::object({{"Name", "no"}})}});
  host["Binds"] = std::move(binds);
  host["Mounts"] = std::move(mounts);
  json body = json::object({{"Image", from.image}, {"Labels", std::move(labels)}});
  body["Cmd"] = json::array_of(std::vector<std::string>{"never-started"});
  body["HostConfig"] = std::move(host);
  return body;
}

task<guard_info> create(workspace& w, const guard_request& request) {
  const std::vector<json> containers = co_await containers_of(w.engine, request.project);
  const origin from = co_await choose_origin(w.engine, containers, request.project);
  const json labels = labels_of(request, w.records.store_id());
  json body = body_of(from, containers, request, labels);
  std::string name = guard_name(request.project);
  const json config = json::object({{"Image", from.image}, {"Labels", labels}});
  std::string id = co_await w.engine.create_container(std::move(name), std::move(body), std::string());
  co_return info_from(json::object({{"Id", id}, {"Config", config}}));
}

// --- whose it is -------------------------------------------------------------------------------------------------

refusal held_by(const guard_info& other) {
  const std::string project = other.project.empty() ? "" : " -p " + other.project;
  return refusal(ending::held,
                 "the engine holds the project for another dockupd: " + to_text(other) +
                     ". Nothing was changed. When that run is dead and cannot be recovered where it was begun: dockupd "
                     "unlock" +
                     project + " " + other.op);
}

bool is_worth_another_try(const docker::error& error) {
  // 409: the name is taken. 404: the image was pruned in between.
  return error.status() == 409 || error.status() == 404 || leaves_open(error);
}

}  // namespace

std::string guard_name(const std::string& project) { return "dockupd-guard." + project; }

std::string to_text(const guard_info& guard) {
  std::string out = guard.what.empty() ? "a run" : guard.what;
  if (!guard.who.empty()) out += " by " + guard.who;
  if (!guard.host.empty()) out += " on " + guard.host;
  if (!guard.since.empty()) out += " since " + guard.since;
  return docker::printable(out, 400);
}

task<std::optional<guard_info>> find_guard(engine& e, std::string project) {
  const std::string name = guard_name(project);
  const auto look = [&] { return e.inspect_container(name); };
  auto looking = again_when_lost(look);
  const std::optional<json> inspect = co_await std::move(looking);
  if (!inspect) co_return std::nullopt;
  co_return info_from(*inspect);
}

task<held_guard> take_guard(workspace& w, guard_request request) {
  held_guard out;
  const std::chrono::milliseconds deadline = boot_time() + request.wait;
  for (int tries = 1;; ++tries) {
    const std::optional<guard_info> found = co_await find_guard(w.engine, request.project);
    if (found && found->store != w.records.store_id()) {
      if (boot_time() >= deadline || w.interrupted.stop_requested()) throw held_by(*found);
      co_await pause_for(between_looks);
      continue;
    }
    if (found) {
      // Not ours from before the loop, unless the reply to a create got lost.
      out.how = found->op == request.op ? held_guard::found::made : held_guard::found::adopted;
      out.guard = *found;
      co_return out;
    }
    std::optional<docker::error> failed;
    try {
      out.guard = co_await create(w, request);
    } catch (const docker::error& error) {
      failed = error;
    }
    if (!failed) co_return out;
    const bool no_room = is_for_want_of_room(*failed);
    const bool name_taken = failed->status() == 409;
    if (!no_room && tries < (name_taken ? most_looks_for_a_name : most_tries) && is_worth_another_try(*failed)) {
      co_await pause_for(between_looks);
      continue;
    }
    if (name_taken)
      throw refusal(ending::held, "another dockupd is about to take the project on this engine: " +
                                      std::string(failed->what()) + ". Nothing was changed. Try again");
    if (!no_room) throw docker::error(*failed);
    co_await place_ballast(w);
    if (request.at_full == full_disk::uses_ballast && release_ballast(w, failed->what())) continue;
    const std::string needed = co_await room_for_engine(w);
    throw refusal(ending::refused, std::string(failed->what()) + ". Nothing was changed. Needed at least: " + needed +
                                       ". Free some space first");
  }
}

task<> remove_guard(engine& e, guard_info guard) {
  const auto remove = [&] { return e.remove_container(guard.id); };
  auto removing = again_when_lost(remove);
  co_await std::move(removing);
  if (guard.image.starts_with(empty_repository)) co_await e.remove_image(guard.image);
}

task<swept> sweep_guard(workspace& w, std::string project) {
  std::optional<guard_info> found = co_await find_guard(w.engine, project);
  if (found && found->store != w.records.store_id()) co_return swept::held_by_another;
  if (found) {
    co_await remove_guard(w.engine, *found);
    co_return swept::clean;
  }
  // Of a run that died between the image and the guard.
  const std::string image = empty_image_of(project);
  const std::optional<json> there = co_await w.engine.inspect_image(image);
  if (there) co_await w.engine.remove_image(image);
  co_return swept::clean;
}

task<std::vector<std::string>> made_by_others(workspace& w, std::string project) {
  const std::vector<json> containers = co_await containers_of(w.engine, project);
  const std::string ours = w.records.store_id();
  std::vector<std::string> out;
  for (const json& container : containers) {
    const std::string store = container.string_at({"Labels", "io.dockupd.store"});
    if (!store.empty() && store != ours) out.push_back(container.string_at({"Id"}));
  }
  std::sort(out.begin(), out.end());
  co_return out;
}

}  // namespace orchestration
