#include "orchestration/run/preflight.hpp"

#include <unistd.h>

#include <algorithm>

#include "docker_client/error.hpp"
#include "docker_client/image_reference.hpp"
#include "orchestration/files/disk_space.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/run/disk_budget.hpp"
#include "orchestration/run/ending.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/host_port.hpp"
#include "orchestration/run/listed.hpp"
#include "orchestration/run/off_thread.hpp"
#include "orchestration/run/registry_trouble.hpp"
#include "orchestration/run/volume_users.hpp"
#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration {
namespace {

constexpr std::uint64_t space_margin = 16 << 20;     // manifest, database, logs
constexpr std::uint64_t least_data_root = 64 << 20;  // a container's own files; the engine fails oddly below
constexpr std::uint64_t few_inodes = 64;             // of a snapshot: two files a volume, directories, a manifest
constexpr std::uint64_t many_inodes = 1000;          // of an image's layers, which nobody counts beforehand

[[noreturn]] void refuse(ending how, const std::string& text) { throw refusal(how, text); }

bool never_pulled(const service& s) {
  return s.image_template.empty() || s.pull_policy == "never" || s.pull_policy == "build";
}

bool kept_when_local(const service& s) { return s.pull_policy == "missing" || s.pull_policy == "if_not_present"; }

std::string advice_for(const std::string& engine_words) {
  const auto says = [&](const char* words) { return engine_words.find(words) != std::string::npos; };
  if (says("connection refused") || says("no such host") || says("i/o timeout"))
    return "The registry does not answer: start it or check its address, then run the command again.";
  if (says("unauthorized") || says("denied") || says("no basic auth"))
    return "Log in with `docker login`, or check that the name is right.";
  if (says("not found") || says("manifest unknown") || says("NotFound"))
    return "The registry has no such tag: check the tag.";
  return "Nothing was changed.";
}

}  // namespace

docker::task<std::map<std::string, std::string>> resolve_images(engine& e, project desired,
                                                                std::set<std::string> services, observed_state observed,
                                                                std::set<std::string> retagged, bool tag_given) {
  std::map<std::string, std::string> digests;
  for (const auto& [name, s] : desired.services) {
    if (!services.empty() && !services.contains(name)) continue;
    if (never_pulled(s) || digests.contains(s.image)) continue;
    const bool local = observed.images.contains(s.image);
    const bool wanted = !local || retagged.contains(name) || (!tag_given && !kept_when_local(s));
    if (!wanted) continue;
    const docker::image_reference reference = docker::image_reference::parse(s.image);
    if (!reference.digest().empty()) {
      digests[s.image] = reference.digest();
      continue;
    }
    std::string failure;
    try {
      const auto ask = [&e, &image = s.image] { return e.resolve_digest(image); };
      auto asking = again_when_busy(ask);
      digests[s.image] = co_await std::move(asking);
    } catch (const docker::error& error) {
      failure = error.engine_message().empty() ? error.what() : error.engine_message();
    }
    if (!failure.empty())
      refuse(ending::pull_failed, "image " + s.image + " of service " + name + " (" + to_text(s.image_place) +
                                      ") cannot be found in its registry: " + failure + ". " + advice_for(failure));
  }
  co_return digests;
}

// --- the checks ------------------------------------------------------------------------------------------------

namespace {

/// Whatever tag names it: an image is its digest.
bool is_about(const hold& h, const pull_image& pull) {
  if (h.digest.empty()) return pull.reference == h.reference;
  const auto name_of = [](const std::string& reference) {
    return docker::image_reference::parse(reference).familiar_name();
  };
  return h.digest == pull.digest && name_of(h.reference) == name_of(pull.reference);
}

void check_holds(const workspace& w, const plan& p) {
  for (const hold& h : w.records.holds())
    for (const operation& o : p.operations)
      if (const auto* pull = std::get_if<pull_image>(&o.what))
        if (is_about(h, *pull))
          refuse(ending::held, pull->reference + " is on hold since " + h.since + ": " + h.reason +
                                   ". To deploy it all the same: dockupd unhold " + h.reference);
}

struct binding {
  host_port port;
  std::string subject;
};

std::vector<binding> bindings_of(const docker::json& body, const std::string& subject) {
  std::vector<binding> out;
  const docker::json* ports = body.path({"HostConfig", "PortBindings"});
  if (ports == nullptr || !ports->is_object()) return out;
  for (const auto& [container_port, list] : ports->object_members()) {
    if (!list.is_array()) continue;
    const std::string protocol = container_port.substr(std::min(container_port.find('/') + 1, container_port.size()));
    for (const docker::json& b : list.elements()) {
      const std::string number = b.string_at({"HostPort"});
      // A range or an empty port is the engine's choice: nothing to check.
      if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos) continue;
      out.push_back({host_port{b.string_at({"HostIp"}), std::stoi(number), protocol}, subject});
    }
  }
  return out;
}

docker::task<> check_ports(workspace& w, plan p, observed_state observed) {
  std::vector<binding> wanted;
  for (const operation& o : p.operations)
    if (const auto* create = std::get_if<create_container>(&o.what))
      for (binding& b : bindings_of(create->body, create->target.subject)) wanted.push_back(std::move(b));
  if (wanted.empty()) co_return;

  const engine_facts facts = co_await w.engine.facts();
  std::set<std::string> ours;
  for (const observed_container& c : observed.containers) ours.insert(c.id);
  bool held_by_us = false;
  const std::vector<docker::json> all = co_await w.engine.list_containers(std::vector<std::string>());
  for (const binding& b : wanted) {
    held_by_us = false;
    for (const docker::json& c : all) {
      const docker::json* ports = c.find("Ports");
      if (ports == nullptr || !ports->is_array()) continue;
      for (const docker::json& q : ports->elements()) {
        const host_port theirs{q.string_at({"IP"}), static_cast<int>(q.int64_at({"PublicPort"})),
                               q.string_at({"Type"})};
        if (!collide(b.port, theirs)) continue;
        if (ours.contains(c.at("Id").as_string())) {
          held_by_us = true;
          continue;
        }
        refuse(ending::refused, "port " + to_text(b.port) + " of " + b.subject + " is taken by container " +
                                    name_of_listed(c) + ". Stop that container or publish another port.");
      }
    }
    if (facts.local && !held_by_us && is_taken(b.port))
      refuse(ending::refused, "port " + to_text(b.port) + " of " + b.subject +
                                  " is taken by a process on this host (see it with: ss -ltnp 'sport = :" +
                                  std::to_string(b.port.number) + "'). Stop it or publish another port.");
  }
}

docker::task<> check_way_back(workspace& w, plan p) {
  for (const operation& o : p.operations) {
    const auto* create = std::get_if<create_container>(&o.what);
    if (create == nullptr) continue;
    if (!create->image_id.empty()) {
      const std::optional<docker::json> image = co_await w.engine.inspect_image(create->image_id);
      if (!image)
        refuse(ending::refused, "image " + create->image + " (" + create->image_id + ") of " + create->target.subject +
                                    " is no longer on this engine. Pull or load it, then run the command again.");
    }
    if (create->replaces.empty()) continue;
    const std::optional<docker::json> old = co_await w.engine.inspect_container(create->replaces);
    if (!old) continue;
    if (old->bool_at({"HostConfig", "AutoRemove"}))
      refuse(ending::refused, create->target.subject +
                                  " was started with --rm: the engine would delete it when it "
                                  "stops, and there would be no way back. Recreate it without --rm first.");
    const std::string image_id = old->string_at({"Image"});
    const std::optional<docker::json> image = co_await w.engine.inspect_image(image_id);
    if (!image)
      refuse(ending::refused,
             "the image that " + create->target.subject + " runs (" + image_id +
                 ") is no longer on this engine, so there would be no way back. Pull or load it first.");
  }
}

std::uint64_t readable_bytes(const std::vector<volume_target>& volumes) {
  std::uint64_t bytes = 0;
  for (const volume_target& v : volumes) {
    if (v.mountpoint.empty()) continue;
    if (access(v.mountpoint.c_str(), R_OK | X_OK) != 0)
      refuse(ending::snapshot_failed, "volume " + v.name + " cannot be read at " + v.mountpoint +
                                          ". Run as root on the engine's host, or pass --no-snapshot.");
    bytes += measure_volume(v.mountpoint).bytes;
  }
  return bytes;
}

docker::task<> check_volumes_are_here(workspace& w, plan p) {
  const auto touches = [](const operation& o) {
    return std::holds_alternative<snapshot_volumes>(o.what) || std::holds_alternative<restore_volumes>(o.what);
  };
  if (std::none_of(p.operations.begin(), p.operations.end(), touches)) co_return;
  const engine_facts facts = co_await w.engine.facts();
  // A mount point of another host may exist here too, and would be the wrong volume.
  if (!facts.local)
    refuse(ending::refused,
           "the volumes are on the engine's host, and this is not known to be it. Run dockupd there "
           "(through its unix socket), or update with --no-snapshot.");
}

/// Its archive would be no point in time, and putting it back would take the files from under it.
docker::task<> check_nobody_else_writes(workspace& w, plan p, observed_state observed, way going) {
  std::set<std::string> ours;
  for (const observed_container& c : observed.containers) ours.insert(c.id);
  for (const operation& o : p.operations) {
    std::vector<volume_target> volumes;
    // The safety copy of a rollback that keeps the data is worth no refusal.
    if (const auto* taken = std::get_if<snapshot_volumes>(&o.what); taken && going == way::forward)
      volumes = taken->volumes;
    if (const auto* back = std::get_if<restore_volumes>(&o.what)) volumes = back->volumes;
    if (volumes.empty()) continue;
    const std::vector<std::string> users = co_await users_of(w.engine, std::move(volumes), ours);
    if (users.empty()) continue;
    refuse(ending::refused, "container " + users.front() +
                                ", and is no service of this project. Stop it for as long as this takes, or " +
                                (going == way::forward ? "pass --no-snapshot." : "keep the present data: --no-data."));
  }
}

bool has_data_root_here(const engine_facts& facts) {
  return facts.local && !facts.data_root.empty() && access(facts.data_root.c_str(), X_OK) == 0;
}

/// About as large as the image that the same container runs now: what it will really be, only its registry knows.
docker::task<std::uint64_t> likely_size(workspace& w, plan p, pull_image pull) {
  const std::string pinned = pinned_reference(pull.reference, pull.digest);
  const std::optional<docker::json> local = co_await w.engine.inspect_image(pinned);
  if (local) co_return 0;
  for (const operation& o : p.operations) {
    const auto* create = std::get_if<create_container>(&o.what);
    if (create == nullptr || create->image != pull.reference || create->replaces.empty()) continue;
    const std::optional<docker::json> old = co_await w.engine.inspect_container(create->replaces);
    if (!old) continue;
    std::string id = old->string_at({"Image"});
    const std::optional<docker::json> image = co_await w.engine.inspect_image(std::move(id));
    if (image) co_return static_cast<std::uint64_t>(std::max<std::int64_t>(image->int64_at({"Size"}), 0));
  }
  co_return 0;
}

void claim_for_data(disk_budget& budget, const workspace& w, const plan& p) {
  const std::filesystem::path snapshots = w.snapshots.directory();
  for (const operation& o : p.operations)
    if (const auto* snapshot = std::get_if<snapshot_volumes>(&o.what)) {
      const std::uint64_t bytes = readable_bytes(snapshot->volumes);
      budget.claim(snapshots, bytes, few_inodes, "the snapshot");
      budget.claim(snapshots, bytes, few_inodes, "a safety copy of the data, should it be rolled back");
    }
  budget.claim(snapshots, space_margin, few_inodes, "records");
  for (const std::filesystem::path& place : w.ballast.missing())
    budget.claim(place.parent_path(), w.ballast.size(), 1, "a rollback on a full disk, kept back");
}

void claim_for_image(disk_budget& budget, const std::string& data_root, const std::string& image, std::uint64_t size) {
  // Its layers are there packed and unpacked for a while.
  budget.claim(data_root, size + size / 2, 0, image + ", as large as the present one");
}

void claim_for_engine(disk_budget& budget, const std::string& data_root) {
  budget.claim(data_root, least_data_root, many_inodes, "the engine");
}

docker::task<> claim_on_engine(disk_budget& budget, workspace& w, plan p) {
  const engine_facts facts = co_await w.engine.facts();
  if (!has_data_root_here(facts)) co_return;
  claim_for_engine(budget, facts.data_root);
  for (const operation& o : p.operations) {
    const auto* pull = std::get_if<pull_image>(&o.what);
    if (pull == nullptr) continue;
    pull_image wanted = *pull;
    const std::uint64_t size = co_await likely_size(w, p, std::move(wanted));
    claim_for_image(budget, facts.data_root, pull->reference, size);
  }
}

/// Only a version that is kept by its tag line is worth stopping anything for.
void check_pins(const plan& p) {
  for (const operation& o : p.operations) {
    std::string file;
    if (const auto* pin = std::get_if<pin_tag>(&o.what)) file = pin->file;
    if (const auto* pin = std::get_if<pin_images>(&o.what)) file = pin->file;
    if (file.empty()) continue;
    try {
      check_text_can_be_written(file);
    } catch (const file_error& error) {
      refuse(ending::refused, "the new tag could not be kept: " + std::string(error.what()) +
                                  ". Nothing was changed. Make " + file +
                                  " writable, or let the next `docker compose up` bring the old tag back: --pin none");
    }
  }
}

docker::task<> check_disk(workspace& w, plan p) {
  const bool archives = std::any_of(p.operations.begin(), p.operations.end(), [](const operation& o) {
    return std::holds_alternative<snapshot_volumes>(o.what);
  });
  disk_budget budget;
  claim_for_data(budget, w, p);
  co_await claim_on_engine(budget, w, std::move(p));
  const std::optional<disk_budget::shortage> lack = budget.first_shortage();
  if (!lack) co_return;
  const bool of_snapshot = archives && lack->where == w.snapshots.directory();
  refuse(of_snapshot ? ending::snapshot_failed : ending::refused,
         "not enough space " + std::string(of_snapshot ? "for the snapshot " : "") + "in " + lack->where.string() +
             ": " + lack->numbers + ". Nothing was changed. Free some space" +
             (of_snapshot ? ", or choose another --state-dir." : " first."));
}

std::uint64_t ballast_on(const workspace& w, std::uint64_t file_system) {
  std::uint64_t bytes = 0;
  for (const std::filesystem::path& place : w.ballast.places())
    if (std::filesystem::exists(place) && disk_space_at(place.parent_path()).file_system == file_system)
      bytes += w.ballast.size();
  return bytes;
}

struct data_back {
  std::filesystem::path where;
  std::uint64_t archived = 0;
  std::uint64_t present = 0;  // freed before the archived comes
};

/// A rollback is not refused for a full disk, except that its data would stop half-way.
void check_data_fits(const workspace& w, const restore_volumes& restore) {
  std::map<std::uint64_t, data_back> by_file_system;
  const manifest archived = w.snapshots.read(restore.snapshot_id);
  for (const volume_target& v : restore.volumes) {
    if (v.mountpoint.empty()) continue;
    data_back& there = by_file_system[disk_space_at(v.mountpoint).file_system];
    there.where = v.mountpoint;
    there.present += measure_volume(v.mountpoint).bytes;
    for (const archived_volume& a : archived.volumes)
      if (a.name == v.name) there.archived += a.bytes;
  }
  for (const auto& [file_system, back] : by_file_system) {
    const std::uint64_t free = disk_space_at(back.where).free_bytes + ballast_on(w, file_system);
    if (back.archived > back.present + free)
      refuse(ending::refused, "not enough space to put the data back in " + back.where.string() + ": " +
                                  mebibytes(back.archived) + " needed, " + mebibytes(back.present) +
                                  " are the present data's and " + std::to_string(free >> 20) +
                                  " MiB free. Nothing was changed. Free some space, or keep the present data: "
                                  "--no-data");
  }
}

/// The archives that will be put back are read to the last byte while everything still runs.
docker::task<> check_archives(workspace& w, plan p) {
  for (const operation& o : p.operations) {
    const auto* restore = std::get_if<restore_volumes>(&o.what);
    if (restore == nullptr) continue;
    const std::string id = restore->snapshot_id;
    auto work = [&snapshots = w.snapshots, id, stop = w.interrupted] { return snapshots.verify(id, {}, stop); };
    std::optional<verification> proof;
    std::string damaged;
    try {
      proof = co_await off_thread(w.pool, std::move(work));
    } catch (const snapshot_cancelled&) {
      // Said below.
    } catch (const snapshot_error& error) {
      damaged = error.what();
    }
    if (!damaged.empty())
      refuse(ending::refused, damaged + ". Nothing was changed. To go back and keep the present data: --no-data");
    if (!proof) refuse(ending::abandoned, "interrupted by a signal. Nothing was changed.");
    if (!proof->good())
      refuse(ending::refused, "snapshot " + id + " is damaged and cannot be put back: " + proof->problems.front() +
                                  ". Nothing was changed. To go back and keep the present data: --no-data");
  }
}

}  // namespace

docker::task<> check_before(workspace& w, plan p, observed_state observed, way going) {
  check_holds(w, p);
  if (going == way::forward) check_pins(p);
  co_await check_way_back(w, p);
  co_await check_nobody_else_writes(w, p, observed, going);
  co_await check_ports(w, p, std::move(observed));
  co_await check_volumes_are_here(w, p);
  co_await place_ballast(w);
  if (going == way::forward) co_await check_disk(w, p);
  co_await check_archives(w, p);
  for (const operation& o : p.operations)
    if (const auto* restore = std::get_if<restore_volumes>(&o.what)) check_data_fits(w, *restore);
  if (going == way::forward) refill_ballast(w);
}

}  // namespace orchestration
