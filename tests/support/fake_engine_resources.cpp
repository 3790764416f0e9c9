// The fake engine's images, networks and volumes.
#include <algorithm>

#include "tests/support/fake_call.hpp"
#include "tests/support/fake_engine.hpp"

namespace orchestration {
namespace {

void report(const std::function<void(const pull_progress&)>& on_progress, std::string layer, std::string status,
            std::int64_t current = 0, std::int64_t total = 0) {
  if (!on_progress) return;
  pull_progress event;
  event.layer = std::move(layer);
  event.status = std::move(status);
  event.current = current;
  event.total = total;
  on_progress(event);
}

}  // namespace

// ---- images ---------------------------------------------------------------------------------------------------

docker::task<std::optional<docker::json>> fake_engine::inspect_image(std::string reference) {
  read("inspect image " + reference);
  const fake_image* image = images_.find(reference);
  if (image == nullptr) co_return std::nullopt;
  docker::json config = image->behaviour.config;
  if (config.is_null()) config = docker::json::make_object();
  co_return docker::json::object({{"Id", image->id},
                                  {"RepoTags", docker::json::array_of(image->tags)},
                                  {"RepoDigests", docker::json::array_of(image->repo_digests)},
                                  {"Created", timestamp(0)},
                                  {"Config", std::move(config)},
                                  {"Architecture", "amd64"},
                                  {"Os", "linux"},
                                  {"Size", 1'982'312}});
}

docker::task<std::string> fake_engine::resolve_digest(std::string reference) {
  read("resolve " + reference);
  const std::string path = "/distribution/" + reference + "/json";
  if (const std::string why = images_.unreachable(reference); !why.empty()) throw refusal("GET", path, 500, why);
  const fake_image* image = images_.find_published(reference);
  if (image == nullptr) throw refusal("GET", path, 404, "manifest unknown: manifest unknown");
  co_return image->digest;
}

docker::task<> fake_engine::pull_image(std::string reference, std::string,
                                       std::function<void(const pull_progress&)> on_progress) {
  call made(*this, "pull " + reference);
  const std::string path = "/images/create?fromImage=" + reference;
  const std::string full = full_reference(reference);
  if (const std::string why = images_.unreachable(reference); !why.empty()) throw refusal("POST", path, 500, why);
  if (images_.find_published(full) == nullptr) {
    throw refusal("POST", path, 404, "manifest for " + full + " not found: manifest unknown: manifest unknown");
  }
  const std::string layer = hex64(full).substr(0, 12);
  report(on_progress, "", "Pulling from " + repository_of(full));
  report(on_progress, layer, "Pulling fs layer");
  report(on_progress, layer, "Downloading", 500'000, 1'000'000);
  if (const auto broken = images_.broken_pulls.find(full); broken != images_.broken_pulls.end()) {
    throw docker::error::in_stream(docker::request_line("POST", path), 200, broken->second);
  }
  report(on_progress, layer, "Pull complete");
  const bool is_new = images_.take_from_registry(full);
  report(on_progress, "", "Digest: " + images_.find_published(full)->digest);
  const std::string verdict = is_new ? "Downloaded newer image for " : "Image is up to date for ";
  report(on_progress, "", "Status: " + verdict + full);
  made.acted();
  co_return;
}

docker::task<> fake_engine::tag_image(std::string image, std::string reference) {
  call made(*this, "tag " + image + " as " + reference);
  const fake_image* found = images_.find(image);
  if (found == nullptr) {
    throw refusal("POST", "/images/" + image + "/tag", 404, "No such image: " + full_reference(image));
  }
  images_.tag(found->id, reference);
  made.acted();
  co_return;
}

docker::task<> fake_engine::remove_image(std::string reference) {
  call made(*this, "remove image " + reference);
  if (const fake_image* image = images_.find(reference)) {
    const auto uses = [&](const auto& entry) { return entry.second.image_id == image->id; };
    images_.remove(reference, std::any_of(containers_.begin(), containers_.end(), uses));
  }
  made.acted();
  co_return;
}

docker::task<> fake_engine::import_empty_image(std::string reference) {
  call made(*this, "import " + reference);
  images_.load(reference, {});
  made.acted();
  co_return;
}

// ---- networks and volumes -------------------------------------------------------------------------------------

fake_network* fake_engine::find_network(const std::string& name_or_id) {
  for (auto& [name, found] : networks_) {
    if (name == name_or_id || found.id == name_or_id) return &found;
  }
  return nullptr;
}

docker::task<std::optional<docker::json>> fake_engine::inspect_network(std::string name) {
  read("inspect network " + name);
  if (name == "bridge" && world_.came_back)  // the default one, which no list of ours has
    co_return docker::json::object({{"Name", name}, {"Created", timestamp(world_.came_back)}});
  const fake_network* found = find_network(name);
  if (found == nullptr) co_return std::nullopt;
  docker::json out = docker::json::object({{"Name", found->body.string_at({"Name"})},
                                           {"Id", found->id},
                                           {"Created", timestamp(found->created_at)},
                                           {"Scope", "local"},
                                           {"Driver", "bridge"},
                                           {"Internal", false},
                                           {"Attachable", false},
                                           {"Containers", docker::json::make_object()},
                                           {"Options", docker::json::make_object()},
                                           {"Labels", docker::json::make_object()}});
  for (const auto& [member, value] : found->body.object_members()) {
    if (member != "CheckDuplicate" && !value.is_null()) out[member] = value;
  }
  for (const auto& [id, c] : containers_) {
    if (c.state == fake_state::running && c.endpoints.contains(out.string_at({"Name"}))) {
      out["Containers"][id] = docker::json::object({{"Name", c.name}});
    }
  }
  co_return out;
}

docker::task<std::string> fake_engine::create_network(docker::json body) {
  const std::string name = body.string_at({"Name"});
  call made(*this, "create network " + name);
  if (networks_.contains(name) || is_predefined_network(name)) {
    throw refusal("POST", "/networks/create", 409, "network with name " + name + " already exists");
  }
  fake_network created;
  created.id = new_id("network", name);
  created.body = std::move(body);
  created.created_at = ++now_;
  const std::string id = created.id;
  networks_.emplace(name, std::move(created));
  made.acted();
  co_return id;
}

docker::task<> fake_engine::remove_network(std::string name) {
  call made(*this, "remove network " + name);
  for (const auto& [id, c] : containers_) {
    if (c.is_up() && c.endpoints.contains(name)) {
      throw refusal("DELETE", "/networks/" + name, 403,
                    "error while removing network: network " + name + " id " + hex64(name) + " has active endpoints");
    }
  }
  networks_.erase(name);
  made.acted();
  co_return;
}

docker::task<> fake_engine::connect_network(std::string network_name, std::string container, docker::json settings) {
  call made(*this, "connect " + name_of(container) + " to " + network_name);
  const std::string path = "/networks/" + network_name + "/connect";
  const fake_network* found = find_network(network_name);
  if (found == nullptr) throw refusal("POST", path, 404, "network " + network_name + " not found");
  fake_container& c = existing(container);
  const std::string name = found->body.string_at({"Name"});
  const bool is_connected = c.endpoints.contains(name);
  if (is_connected && c.is_up()) {
    throw refusal("POST", path, 403, "endpoint with name " + c.name + " already exists in network " + name);
  }
  const std::string known = is_connected ? c.endpoints.at(name).network_id : std::string();
  const bool is_stale = !known.empty() && find_network(known) == nullptr;
  if (!is_connected || is_stale) {  // a second time, while it does not run: ignored without a word
    fake_endpoint endpoint;
    endpoint.settings = settings.is_null() ? docker::json::make_object() : std::move(settings);
    endpoint.network_id = c.is_up() ? found->id : std::string();
    add_short_id(endpoint.settings, c.id);
    c.endpoints[name] = std::move(endpoint);
  }
  made.acted();
  co_return;
}

fake_volume& fake_engine::ensure_volume(const std::string& name, const docker::json& body) {
  const auto [at, is_new] = volumes_.try_emplace(name);
  fake_volume& out = at->second;
  if (!is_new) return out;  // the engine keeps the first one's options and labels without a word
  out.body = body;
  out.created_at = ++now_;
  const std::filesystem::path root = volume_root_.empty() ? "/var/lib/docker" : volume_root_;
  out.mountpoint = root / "volumes" / name / "_data";
  if (!volume_root_.empty()) std::filesystem::create_directories(out.mountpoint);
  return out;
}

docker::task<std::optional<docker::json>> fake_engine::inspect_volume(std::string name) {
  read("inspect volume " + name);
  const auto found = volumes_.find(name);
  if (found == volumes_.end()) co_return std::nullopt;
  const docker::json* labels = found->second.body.find("Labels");
  const docker::json* options = found->second.body.find("DriverOpts");
  co_return docker::json::object({{"CreatedAt", timestamp(found->second.created_at)},
                                  {"Driver", "local"},
                                  {"Labels", labels == nullptr ? docker::json() : *labels},
                                  {"Mountpoint", found->second.mountpoint},
                                  {"Name", name},
                                  {"Options", options == nullptr ? docker::json() : *options},
                                  {"Scope", "local"}});
}

docker::task<> fake_engine::create_volume(docker::json body) {
  const std::string name = body.string_at({"Name"});
  call made(*this, "create volume " + name);
  ensure_volume(name, body);
  made.acted();
  co_return;
}

docker::task<> fake_engine::remove_volume(std::string name) {
  call made(*this, "remove volume " + name);
  for (const auto& [id, c] : containers_) {
    for (const auto& mount : c.mounts) {
      if (mount.type != "volume" || mount.name != name) continue;
      throw refusal("DELETE", "/volumes/" + name, 409, "remove " + name + ": volume is in use - [" + id + "]");
    }
  }
  if (!volume_root_.empty()) std::filesystem::remove_all(volume_root_ / "volumes" / name);
  volumes_.erase(name);
  made.acted();
  co_return;
}

// ---- prune ----------------------------------------------------------------------------------------------------

std::vector<std::string> fake_engine::prune(pruned what) {
  const bool all = what == pruned::system;
  std::vector<std::string> out;
  const auto take = [&out](auto& from, const auto& is_unused) {
    for (auto at = from.begin(); at != from.end();) {
      const auto here = at++;
      if (!is_unused(*here)) continue;
      out.push_back(here->first);
      from.erase(here);
    }
  };
  if (all || what == pruned::containers) take(containers_, [](const auto& entry) { return !entry.second.is_up(); });
  if (all || what == pruned::networks)
    take(networks_, [this](const auto& entry) {
      const auto holds = [&](const auto& c) { return c.second.is_up() && c.second.endpoints.contains(entry.first); };
      return std::none_of(containers_.begin(), containers_.end(), holds);
    });
  if (all || what == pruned::volumes) {
    std::set<std::string> mounted;
    for (const auto& [id, c] : containers_)
      for (const fake_mount& mount : c.mounts) mounted.insert(mount.name);
    take(volumes_, [&](const auto& entry) {
      const bool unused = !mounted.contains(entry.first);
      if (unused && !volume_root_.empty()) std::filesystem::remove_all(volume_root_ / "volumes" / entry.first);
      return unused;
    });
  }
  if (all || what == pruned::images) {
    std::set<std::string> in_use;
    for (const auto& [id, c] : containers_) in_use.insert(c.image_id);
    for (std::string& id : images_.prune(in_use)) out.push_back(std::move(id));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace orchestration
